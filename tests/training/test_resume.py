"""Resuming takes everything or raises: parameters, optimisers, generators, replay, counters, metrics."""

from __future__ import annotations

import json

import pytest
import torch
from agents import make

from mpsearch import load
from mpsearch.errors import CheckpointError
from mpsearch.training.storage import read_card, read_checkpoint, write_card, write_checkpoint
from mpsearch.training.trainable import NOT_SHIPPED, without

COUNTERS = ["iteration", "env_steps", "wall_seconds", "cpu_seconds", "history", "command", "config", "tasks"]
GENERATORS = ["seed", "rollbacks"]
PARTS = [
    ("maml", "policy.layers.0.weight"),
    ("maml", "policy.log_std"),
    ("maml", "rates"),
    *(("pearl", name) for name in ("encoder.scale", "actor.layers.weights.0", "critic.layers.biases.1")),
    *(("pearl", name) for name in ("target.layers.weights.0", "log_temperature", "adam.0.exp_avg", "adam.3.step")),
]


@pytest.fixture(params=["maml", "pearl"])
def folder(request, tmp_path):
    """A checkpoint after two savings."""
    agent = make(request.param)
    agent.train(2, seed=3, folder=tmp_path, save_every=0, progress=False)
    return tmp_path


@pytest.mark.parametrize(("algorithm", "name"), PARTS)
def test_a_missing_parameter_or_state_of_the_optimiser_is_named(algorithm, name, tmp_path) -> None:
    make(algorithm).save(tmp_path)
    tensors, card = read_checkpoint(tmp_path)
    del tensors[name]
    write_checkpoint(tmp_path, tensors, card)
    with pytest.raises(CheckpointError, match=f"another architecture: tensor '{name}' does not match"):
        load(tmp_path)


def test_an_agent_without_optimiser_and_targets_acts_and_trains_with_fresh_ones(tmp_path) -> None:
    trained = make("pearl")
    trained.train(2, seed=3, folder=tmp_path, progress=False)
    tensors, card = read_checkpoint(tmp_path)
    lean = without(tensors, NOT_SHIPPED)
    assert 0 < sum(t.numel() for t in lean.values()) < sum(t.numel() for t in tensors.values()) / 2
    write_checkpoint(tmp_path / "lean", lean, {k: v for k, v in card.items() if k != "shards"})
    shipped = load(tmp_path / "lean")
    task = [[0.1, 0.2]]
    assert (shipped.adapt(task, seed=0).returns == trained.adapt(task, seed=0).returns).all()
    assert all(not tensor.any() for name, tensor in shipped._tensors().items() if name.startswith("adam."))
    critics = zip(shipped.learning.target.parameters(), shipped.critic.parameters(), strict=True)
    assert all(torch.equal(target, critic) for target, critic in critics)
    shipped.train(1, seed=3, progress=False)
    assert shipped._tensors()["adam.0.step"] == 2  # gradient steps of one iteration


def test_a_missing_counter_or_state_of_the_generators_is_noticed(folder) -> None:
    whole = json.loads((folder / "card.json").read_text())
    for key in COUNTERS + GENERATORS:
        (folder / "card.json").write_text(json.dumps({k: v for k, v in whole.items() if k != key}))
        with pytest.raises(CheckpointError, match="was changed since it was saved"):
            load(folder)


@pytest.mark.parametrize("key", [*COUNTERS, "seed"])
def test_it_is_so_where_the_card_vouches_for_the_loss(folder, key) -> None:
    write_card(folder, {k: v for k, v in read_card(folder).items() if k != key})
    with pytest.raises(CheckpointError, match=f"damaged or was edited .*{key}"):
        load(folder)


def test_a_part_of_the_replay_that_the_card_does_not_name_is_missed(tmp_path) -> None:
    make("pearl").train(2, seed=3, folder=tmp_path, save_every=0, progress=False)
    card = read_card(tmp_path)
    assert len(card["shards"]) == 2
    write_card(tmp_path, {**card, "shards": card["shards"][1:]})
    with pytest.raises(CheckpointError, match="a part of the replay is missing"):
        load(tmp_path)


@pytest.mark.parametrize("left", ["", "first", "second", "half"])
def test_missing_lines_of_the_metrics_are_noticed(folder, left, tmp_path_factory) -> None:
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    kept = {"": b"", "first": lines[0], "second": lines[1], "half": lines[0] + lines[1][:9] + b"\xff"}
    path.write_bytes(kept[left])
    agent = load(folder)
    with pytest.raises(CheckpointError, match=r"metrics.jsonl has . of the 2 lines .* continue in another folder"):
        agent.train(1, seed=3, folder=folder, progress=False)
    assert path.read_bytes() == kept[left]
    agent.train(1, seed=3, folder=tmp_path_factory.mktemp("another"), progress=False)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"metrics.jsonl has 0 of the 2 lines"):
        load(folder).train(1, seed=3, folder=folder, progress=False)
