"""Exports: what a program without Python gets is what the agent acts on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import mpsearch
from mpsearch.cli import main
from mpsearch.errors import CheckpointError, UsageError
from mpsearch.zoo import ZOO
from mpsearch.zoo.export import FORMAT, SHIPPED, export


def read(folder, name):
    """The tensors and the card of an export, after checking that they belong together."""
    data, card = (folder / f"{name}.safetensors").read_bytes(), json.loads((folder / f"{name}.json").read_text())
    assert card["export"]["format"] == FORMAT
    assert card["export"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert card["export"]["bytes"] == len(data)
    return safetensors.torch.load(data), card


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export(folder=folder)
    return folder


def test_an_export_has_exactly_the_tensors_that_acting_and_adapting_need(exported) -> None:
    for name in SHIPPED:
        tensors, _ = read(exported, name)
        parts = {"maml": {"policy", "rates"}, "pearl": {"encoder", "actor"}}[name.partition("-")[0]]
        assert {key.partition(".")[0] for key in tensors} == parts
        for key, tensor in mpsearch.load(name)._tensors().items():
            if key in tensors:
                torch.testing.assert_close(tensors[key], tensor.detach(), rtol=0, atol=0)


def test_the_parameters_of_maml_are_named_in_the_order_of_its_rates(exported) -> None:
    tensors, card = read(exported, "maml-cheetah-velocity")
    agent = mpsearch.load("maml-cheetah-velocity")
    assert card["export"]["parameters"] == [f"policy.{name}" for name, _ in agent.policy.named_parameters()]
    assert tensors["rates"].shape[1] == len(card["export"]["parameters"])


def test_the_card_tells_how_the_weights_came_about_but_no_long_lists(exported) -> None:
    for name in SHIPPED:
        _, card = read(exported, name)
        assert {"algorithm", "config", "seed", "env_steps", "revision", "evaluations"} <= card.keys()
        assert "training_tasks" not in card
        assert (exported / f"{name}.json").stat().st_size < 10_000


def test_the_model_of_the_cheetah_comes_with_its_licence(exported) -> None:
    assert '<mujoco model="cheetah">' in (exported / "half_cheetah.xml").read_text()
    assert "MIT License" in (exported / "half_cheetah.licence.txt").read_text()


def test_half_precision_halves_the_file_and_rounds_its_numbers(exported, tmp_path) -> None:
    export(["pearl-cheetah-velocity"], tmp_path, half=True)
    whole, half = (read(folder, "pearl-cheetah-velocity")[0] for folder in (exported, tmp_path))
    sizes = [(folder / "pearl-cheetah-velocity.safetensors").stat().st_size for folder in (exported, tmp_path)]
    assert sizes[1] < 0.51 * sizes[0]
    for name, tensor in half.items():
        assert tensor.dtype == torch.float16
        assert np.allclose(tensor.float(), whole[name], rtol=1e-3, atol=1e-7)


def test_a_number_too_large_for_half_precision_is_refused(tmp_path) -> None:
    agent = mpsearch.load("maml-cheetah-velocity")
    with torch.no_grad():
        agent.policy.log_std[0] = 1e6
    agent.save(tmp_path / "large")
    with pytest.raises(UsageError, match="single precision"):
        export([tmp_path / "large"], tmp_path / "out", half=True)


def test_bad_arguments_get_a_sentence(tmp_path, capsys) -> None:
    with pytest.raises(UsageError, match=r"known: .*maml-cheetah-direction"):
        export(["maml-cheetah-sideways"], tmp_path)
    with pytest.raises(UsageError, match="the same name"):
        export(["maml-cheetah-velocity", ZOO / "maml-cheetah-velocity"], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="choose another folder"):
        export(["maml-cheetah-velocity"], tmp_path / "file")
    assert main(["export", "nothing"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_prints_what_it_wrote(tmp_path, capsys) -> None:
    assert main(["export", "maml-cheetah-velocity", "--folder", str(tmp_path / "out")]) == 0
    paths = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert len(paths) == 4
    assert all(Path(path).is_file() for path in paths)
