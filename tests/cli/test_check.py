"""``mpsearch check``: the table, the JSON object and the exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import broken_families
import pytest
import thermostat

from mpsearch.cli import main

THERMOSTAT = f"{thermostat.__file__}:Thermostat"


@pytest.fixture(autouse=True)
def own_imports(monkeypatch, own_registry):
    monkeypatch.setattr(sys, "path", list(sys.path))


def broken(name):
    return f"{Path(broken_families.__file__)}:{name}"


def test_a_sound_family_is_called_sound(capsys) -> None:
    assert main(["check", THERMOSTAT]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("The contract holds, and nothing else was found.\n")
    assert "FAIL" not in out
    assert "note" not in out
    assert err == ""


def test_a_broken_contract_fails_with_advice(capsys) -> None:
    assert main(["check", broken("LeakingRow")]) == 1
    out, err = capsys.readouterr()
    assert "FAIL  rows" in out
    assert "-> compute each row" in out
    assert err.startswith("mpsearch: broken-thermostat breaks the contract of a family (rows)")


def test_what_is_only_odd_does_not_fail(capsys) -> None:
    assert main(["check", broken("LargeRewards")]) == 0
    out, _ = capsys.readouterr()
    assert "note  size of rewards" in out
    assert out.endswith("The contract holds. Look at: size of rewards.\n")


@pytest.mark.parametrize(("family", "code"), [(THERMOSTAT, 0), (broken("FlatObservations"), 1)])
def test_json_is_one_object_with_all_findings(family, code, capsys) -> None:
    assert main(["check", family, "--json", "--seed", "3"]) == code
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["tasks", "seed", "ok", "findings"]
    assert (result["seed"], result["ok"]) == (3, code == 0)
    assert {"name", "ok", "detail", "advice", "needed"} == set(result["findings"][0])
    assert all(finding["ok"] for finding in result["findings"]) == (code == 0)


def test_settings_of_the_family_can_be_changed(capsys) -> None:
    assert main(["check", "point-navigation", "--family", "horizon=7", "--json"]) == 0
    assert "steps of an episode: 7" in capsys.readouterr().out


def test_a_sparse_family_whose_goal_is_never_reached_is_told_why(capsys) -> None:
    words = ["check", "point-navigation", "--family", "sparse=true", "size=30", "horizon=5"]
    assert main(words) == 0
    out, _ = capsys.readouterr()
    assert "every reward is 0, because no random episode reached the goal" in out


def test_a_family_that_cannot_be_made_is_one_sentence(tmp_path, capsys) -> None:
    path = tmp_path / "unmade.py"
    path.write_text(
        "from thermostat import Thermostat\n"
        "class Unmade(Thermostat):\n"
        "    id = 'unmade'\n"
        "    def __init__(self):\n"
        "        self.low = [0][1]\n"
    )
    assert main(["check", f"{path}:Unmade"]) == 1
    assert capsys.readouterr().err == "mpsearch: unmade cannot be made: IndexError: list index out of range\n"
    del sys.modules["unmade"]


@pytest.mark.parametrize("words", [["cheetah-jump"], [THERMOSTAT, "--seed", "-1"], [THERMOSTAT, "--family", "x=1"]])
def test_wrong_usage_exits_with_2(words, capsys) -> None:
    assert main(["check", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
