"""The programs behind RESULTS.md, README.md and the zoo: what they need, and what they keep of a training."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest
from agents import make

import mpsearch
from mpsearch.errors import UsageError
from mpsearch.evidence import keep, measure, program, ship
from mpsearch.evidence.records import repeatable, rounded, without_place, write_record
from mpsearch.training.storage import add_to_card


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished training of two iterations."""
    folder = tmp_path_factory.mktemp("training")
    make("maml").train(2, seed=0, folder=folder, progress=False)
    return folder


def call(monkeypatch, main, *words) -> int:
    """The exit code of a program that is given these words."""
    monkeypatch.setattr(sys, "argv", ["program", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        program.run(main)
    return ended.value.code


def test_outside_a_checkout_a_program_says_that_it_needs_one(monkeypatch, tmp_path, capsys) -> None:
    program.require_checkout()
    with pytest.raises(UsageError, match="checkout of mpsearch"):
        program.require_checkout(tmp_path)
    monkeypatch.setattr(program, "require_checkout", partial(program.require_checkout, tmp_path))
    assert call(monkeypatch, measure.main, "--list") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mpsearch: this program changes files of a checkout")


def test_a_program_lists_what_it_knows_and_refuses_other_names(monkeypatch, capsys) -> None:
    assert not call(monkeypatch, measure.main, "--list")
    assert len(capsys.readouterr().out.splitlines()) == len(measure.commands())
    assert call(monkeypatch, measure.main, "maml-chess") == 2
    assert "unknown record 'maml-chess'; known: average-cheetah-direction" in capsys.readouterr().err


def test_the_curve_of_a_training_is_kept_as_a_record(monkeypatch, tmp_path, folder) -> None:
    monkeypatch.setattr(keep, "FOLDER", tmp_path)
    keep.main(folder, "maml-point-navigation-seed9")
    record = json.loads((tmp_path / "curves" / "maml-point-navigation-seed9.json").read_text(encoding="utf-8"))
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["env_steps"] for line in record["curve"]] == [line["env_steps"] for line in metrics]
    assert record["curve"][1]["after"] == pytest.approx(metrics[1]["after"], rel=1e-4)
    assert (record["tasks"], record["seed"], record["iteration"]) == ("point-navigation", 0, 2)


def test_the_best_agent_of_a_training_is_kept_with_the_curve_until_then(monkeypatch, tmp_path, folder) -> None:
    (tmp_path / "best").mkdir()
    for name in (path.name for path in folder.iterdir()):
        (tmp_path / ("" if name == "metrics.jsonl" else "best") / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setattr(keep, "FOLDER", tmp_path)
    keep.main(tmp_path / "best", "best")
    assert len(json.loads((tmp_path / "curves" / "best.json").read_text(encoding="utf-8"))["curve"]) == 2


def test_a_training_is_shipped_once_it_was_evaluated(tmp_path, folder) -> None:
    with pytest.raises(UsageError, match="no evaluation yet"):
        ship.main(folder, into=tmp_path)
    assert list(tmp_path.iterdir()) == []
    add_to_card(folder, "evaluations", {"mean": [1.0, 2.0], "command": f"mpsearch evaluate --weights {folder}"})
    ship.main(folder, into=tmp_path)
    shipped, trained = mpsearch.load(tmp_path / "maml-point-navigation"), mpsearch.load(folder)
    result, expected = (agent.adapt([[0.1, 0.2]], seed=0).returns for agent in (shipped, trained))
    assert (result == expected).all()
    assert str(folder) not in (tmp_path / "maml-point-navigation" / "card.json").read_text(encoding="utf-8")


def test_a_training_is_not_shipped_over_itself(tmp_path, folder) -> None:
    inside = tmp_path / "maml-point-navigation" / "best"
    inside.mkdir(parents=True)
    for path in folder.iterdir():
        (inside / path.name).write_bytes(path.read_bytes())
    add_to_card(inside, "evaluations", {"mean": [1.0], "command": "mpsearch evaluate"})
    with pytest.raises(UsageError, match="which the copy would replace"):
        ship.main(inside, into=tmp_path)
    assert (inside / "card.json").exists()


@pytest.mark.parametrize(
    ("folder", "weights"),
    [
        (ship.ZOO / "pearl-taste", None),
        (ship.ZOO / "pearl-taste-long", "pearl-taste-long"),
        (Path("trainings/pearl-taste-seed1"), "trainings/pearl-taste-seed1"),
    ],
)
def test_a_shipped_evaluation_names_the_shipped_weights(folder, weights) -> None:
    assert ship.weights_of(folder, "pearl-taste") == weights
    command = repeatable("mpsearch evaluate pearl taste --weights /home/me/r --seeds 2", weights=weights)
    assert command == f"mpsearch evaluate pearl taste {f'--weights {weights} ' if weights else ''}--seeds 2"


def test_a_command_is_kept_without_folders_of_this_machine() -> None:
    command = "mpsearch train maml taste --set 'hidden=[8]' --start runs/a --folder '/home/my name/b'"
    assert repeatable(command) == "mpsearch train maml taste --set 'hidden=[8]' --start runs/a --folder runs/b"
    assert (
        repeatable("mpsearch train --folder=/home/it/b --start=runs/a")
        == "mpsearch train --folder runs/b --start runs/a"
    )
    assert repeatable("mpsearch evaluate pearl taste --weights=/x/y", weights="a") == (
        "mpsearch evaluate pearl taste --weights a"
    )
    assert without_place("/home/it's mine/b") == "runs/b"
    stopped = repeatable("mpsearch train maml taste --iterations 400 --seed 1", iterations=285)
    assert stopped == "mpsearch train maml taste --iterations 285 --seed 1"
    assert repeatable(None) is None


def test_a_record_is_one_line_of_json_with_numbers_of_five_digits(tmp_path) -> None:
    write_record(tmp_path / "new" / "record.json", {"curve": rounded([1 / 3, [12345678.0, 2]])})
    text = (tmp_path / "new" / "record.json").read_text(encoding="utf-8")
    assert text == '{"curve": [0.33333, [12346000.0, 2]]}\n'
