"""The library without Jupyter and its widgets: all of it works but what draws into a notebook, and that says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpsearch.errors import MissingPackageError, UsageError
from mpsearch.view import jupyter

# What the extra "lab" brings: none of it can be imported where this file is read first, in child processes too.
BLOCKED = ["IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "jupyter_client", "jupyter_core"]
BLOCKED += ["jupyter_server", "jupyterlab", "nbformat", "traitlets"]
BLOCKER = f"import sys\nsys.modules.update(dict.fromkeys({BLOCKED}))\n"
INSTALL = 'pip install "mpsearch[lab]"'

EVERY_MODULE = """
import importlib, json, pkgutil
import mpsearch
from mpsearch.errors import MissingPackageError

names = [module.name for module in pkgutil.walk_packages(mpsearch.__path__, "mpsearch.")]
refused = []
for name in names:
    if ".evidence." in name and not name.startswith("mpsearch.evidence.bench"):  # programs, which run on their own
        continue
    try:
        importlib.import_module(name)
    except MissingPackageError as error:
        refused.append(name)
print(json.dumps([names, refused]))
"""

COMMANDS = [
    ["train", "maml", "point-navigation", "--iterations=1", "--folder=run", "--set", "tasks_per_iteration=2"],
    ["adapt", "maml", "point-navigation", "--weights=run"],
    ["evaluate", "maml", "point-navigation", "--weights=run", "--seeds=1", "--count=2", "--out=evaluation"],
    ["lab", "lessons"],
]
RUN = f"""
import json, sys
from mpsearch.cli import main
from mpsearch.evidence.bench import report
codes = [main(words) for words in {COMMANDS}]
print(json.dumps(codes))
"""

ASK = """
import json
import numpy as np
from mpsearch.errors import MissingPackageError
from mpsearch.view import player, plots
from mpsearch.view.player import film, strip


def explore():
    from mpsearch.view.widgets import AdaptationExplorer

said = [player.Runner("one", np.zeros((5, 2))).steps]
for ask in (lambda: player.play, explore, lambda: plots.show(plots.plot_training({"a": ([0, 1], [0, 1])}), "words")):
    try:
        ask()
    except MissingPackageError as error:
        said.append(str(error))
print(json.dumps(said))
"""


@pytest.fixture
def without_jupyter(tmp_path):
    """Runs a program where no package of Jupyter can be imported, in an empty folder."""
    (tmp_path / "blocker").mkdir()
    (tmp_path / "blocker" / "sitecustomize.py").write_text(BLOCKER)
    (tmp_path / "empty").mkdir()
    path = [str(tmp_path / "blocker"), str(Path(jupyter.__file__).parents[2])]

    def run(code):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "MPLBACKEND": "Agg"}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)

    return run


def last_line(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_module_can_be_imported_but_the_player_and_the_explorers(without_jupyter) -> None:
    names, refused = last_line(without_jupyter(EVERY_MODULE))
    explorers = [name for name in names if name.startswith("mpsearch.view.widgets")]
    assert set(refused) <= {"mpsearch.view.player.player", *explorers}
    assert {"mpsearch.view.player.player", "mpsearch.view.widgets"} <= set(refused)
    assert {"mpsearch.view.player.film", "mpsearch.view.live", "mpsearch.course.doctor"} <= set(names) - set(refused)


@pytest.mark.slow
def test_training_adapting_and_evaluating_work_and_lab_says_what_it_needs(without_jupyter, tmp_path) -> None:
    done = without_jupyter(RUN)
    assert last_line(done) == [0, 0, 0, 2]
    assert (tmp_path / "empty" / "evaluation.png").stat().st_size > 0
    assert not (tmp_path / "empty" / "lessons").exists()
    assert done.stderr.splitlines()[-1].startswith("mpsearch: mpsearch lab needs JupyterLab")
    assert INSTALL in done.stderr


@pytest.mark.slow
def test_who_asks_for_a_player_an_explorer_or_a_picture_reads_what_to_install(without_jupyter) -> None:
    steps, *said = last_line(without_jupyter(ASK))
    assert steps == 4
    assert len(said) == 3
    assert all(words.startswith("players, explorers and pictures in a notebook need ") for words in said)
    assert all(INSTALL in words for words in said)


def test_the_control_finds_the_packages_where_nothing_blocks_them() -> None:
    assert jupyter.anywidget.AnyWidget
    assert jupyter.display.display
    with pytest.raises(AttributeError, match="no attribute 'numpy'"):
        _ = jupyter.numpy


@pytest.mark.parametrize("kind", [UsageError, ImportError])
def test_a_missing_package_is_a_mistake_of_use_and_a_failed_import(monkeypatch, kind) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(kind, match="anywidget, which is not installed") as caught:
        _ = jupyter.anywidget
    assert caught.type is MissingPackageError
