"""The command line takes a family by its id, from a file, or from a module; what is wrong with it is one sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import thermostat

from mpsearch.cli import main
from mpsearch.cli.naming import name_family
from mpsearch.errors import MpsearchError, UsageError

FILE = Path(thermostat.__file__)


@pytest.fixture(autouse=True)
def own_imports(monkeypatch, own_registry):
    """What a test registers or imports is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and "pytest" in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.mark.slow
def test_a_users_file_is_trained_adapted_evaluated_and_resumed_by_the_command_line_alone(tmp_path, capsys) -> None:
    family, run = f"{FILE}:Thermostat", str(tmp_path / "run")
    small = ["--set", "episodes=2", "tasks_per_iteration=2", "hidden=[8]"]
    assert main(["train", "maml", family, "--iterations", "2", "--folder", run, *small]) == 0
    assert main(["train", "maml", family, "--iterations", "3", "--resume", run]) == 0
    capsys.readouterr()
    assert main(["adapt", "maml", family, "--weights", run, "--task", "0.5", "-0.5", "--json"]) == 0
    assert [one["task"] for one in json.loads(capsys.readouterr().out)["results"]] == [[0.5], [-0.5]]
    words = ["evaluate", "maml", family, "--weights", run, "--seeds", "2", "--count", "3", "--json"]
    assert main(words) == 0
    assert len(json.loads(capsys.readouterr().out)["task_means"]) == 3


def test_without_weights_an_own_family_is_told_to_train_first(capsys) -> None:
    assert main(["adapt", "maml", f"{FILE}:Thermostat"]) == 2
    assert "train one with 'mpsearch train maml" in capsys.readouterr().err


def test_the_default_folder_has_the_familys_id(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["--set", "episodes=2", "tasks_per_iteration=2", "hidden=[8]"]
    assert main(["train", "maml", f"{FILE}:Thermostat", "--iterations", "1", *small]) == 0
    assert (tmp_path / "runs" / "maml-thermostat-0" / "card.json").exists()


@pytest.mark.parametrize("words", [f"{FILE}:Thermostat", "thermostat:Thermostat"])
def test_a_family_from_a_file_or_module_has_its_id(words) -> None:
    assert name_family(words) == "thermostat"
    assert name_family("thermostat") == "thermostat"  # known from now on


def test_a_family_of_the_package_may_be_named_by_its_module() -> None:
    assert name_family("mpsearch.tasks.cheetah:CheetahVelocity") == "cheetah-velocity"
    assert name_family("cheetah-velocity") == "cheetah-velocity"


def write(folder, text):
    path = folder / "family.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("cheetah-jump", r"unknown tasks 'cheetah-jump'; known: .*cheetah-velocity.*your own as path/to/file.py:Class"),
        ("nowhere.py:Family", r"there is no file nowhere.py"),
        ("nowhere.to:Family", r"there is no module 'nowhere.to' here; for a file, write path/to/file.py:Class"),
        (f"{FILE}:Thermostats", r"has no 'Thermostats'; its families: Thermostat"),
        ("json:JSONDecoder", r"is not a task family: it must be a subclass"),
        ("json:dumps", r"is not a task family"),
    ],
)
def test_a_wrong_name_gets_one_sentence_and_exit_code_2(words, sentence, capsys) -> None:
    with pytest.raises(UsageError, match=sentence):
        name_family(words)
    assert main(["adapt", "maml", words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mpsearch: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import no_such_package\n", r"family.py fails when it is imported, line 1 \(ModuleNotFoundError: No module"),
        ("x = 1\n1 / 0\n", r"family.py fails when it is imported, line 2 \(ZeroDivisionError: division by zero\)"),
        ("def broken(:\n", r"family.py fails when it is imported \(SyntaxError: .*line 1"),
    ],
)
def test_a_file_that_fails_says_where_in_its_own_words(tmp_path, text, sentence, capsys) -> None:
    words = f"{write(tmp_path, text)}:Family"
    with pytest.raises(MpsearchError, match=sentence):
        name_family(words)
    assert main(["train", "maml", words]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_may_import_others_beside_it(tmp_path) -> None:
    (tmp_path / "rooms_for_families.py").write_text("from thermostat import Thermostat\n")
    path = write(tmp_path, "from rooms_for_families import Thermostat\nclass Family(Thermostat):\n    id = 'rooms'\n")
    assert name_family(f"{path}:Family") == "rooms"


def test_a_file_cannot_take_the_name_of_another_module(tmp_path) -> None:
    path = tmp_path / "json.py"
    path.write_text("")
    with pytest.raises(UsageError, match="which is the name of another module; rename it"):
        name_family(f"{path}:Family")
