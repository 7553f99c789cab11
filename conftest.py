"""Settings for all tests: threads, the lessons under nbval and their times, and a browser with JupyterLab."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections import Counter
from pathlib import Path

# Two test workers share two cores. With more torch threads, most of the time would be spent waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import nbformat
import pytest
from jupyterlab_driver import GONE, wait_for
from nbval.plugin import IPyNbCell

from mpsearch.course.lab import lab_command, lab_environment, lay_out, taught_in

CELL_PATIENCE = 180  # s; the time limit for a cell (nbval: 2000) and for its output to arrive (nbval: always 5)
MACHINE_DEPENDENT = ("stderr", "text/html")  # kinds of output that are never compared with the stored ones
COMPARED = {"check", "nbval-check-output"}  # only cells with one of these tags have their output compared


def pytest_addoption(parser):
    parser.addoption(
        "--lesson-times", metavar="FILE", type=Path, help="write how many seconds each lesson took, as JSON"
    )


def pytest_configure(config):
    config.option.nbval_cell_timeout = CELL_PATIENCE
    file = config.getoption("lesson_times")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(LessonTimes(file))


def pytest_itemcollected(item):
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(items):
    for item in items:
        if isinstance(item, IPyNbCell):
            item.output_timeout = CELL_PATIENCE
            item.parent.skip_compare = (*item.parent.skip_compare, *MACHINE_DEPENDENT)
            if COMPARED.intersection(item.cell.metadata.get("tags", [])):
                item.options["check"] = True


class LessonTimes:
    """A pytest plugin that adds up the times of the cells of each learner's notebook under nbval."""

    def __init__(self, file: Path) -> None:
        self.file, self.seconds = file, Counter()

    def pytest_runtest_logreport(self, report) -> None:
        path = Path(report.nodeid.split("::")[0])
        if path.suffix == ".ipynb" and path.parent.name == "notebooks":
            self.seconds[path.stem] += report.duration

    def pytest_terminal_summary(self, terminalreporter) -> None:
        from mpsearch.training.provenance import describe_machine

        rounded = {name: round(self.seconds[name]) for name in sorted(self.seconds)}
        self.file.write_text(json.dumps({"machine": describe_machine(), "seconds": rounded}) + "\n", encoding="utf-8")
        terminalreporter.section("lessons")
        for name, seconds in rounded.items():
            terminalreporter.line(f"{seconds:4} s  {name}")


@pytest.fixture(scope="session")
def browser():
    """Start the system's Chromium without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("the browser tests need a Chromium: apt-get install chromium, or as your system does it")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        yield chromium
        chromium.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def lab(request, tmp_path_factory, browser):
    """Start JupyterLab with the theme that a test asks for; return a function from a lesson's name to its address."""
    folder, config = tmp_path_factory.mktemp("lessons"), tmp_path_factory.mktemp("config")
    for language in taught_in():
        lay_out(folder, language)
    if cells := getattr(request.module, "CELLS", None):  # the test module has its own cells for a notebook
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        code = [nbformat.v4.new_code_cell(source) for source in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), folder / "cells.ipynb")
    theme = config / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    theme.parent.mkdir(parents=True)
    theme.write_text(json.dumps({"theme": f"JupyterLab {request.param.title()}"}), encoding="utf-8")
    own = {f"JUPYTERLAB_{name.upper()}_DIR": str(config / name) for name in ("settings", "workspaces")}
    environment = {**lab_environment(config), **own}  # own folders, because another worker may run a server too
    port = free_port()
    options = [f"--ServerApp.port={port}", "--IdentityProvider.token=lesson"]
    # A lesson's kernel holds half a gigabyte. It ends soon after its test has closed the page.
    options += ["--MappingKernelManager.cull_idle_timeout=10", "--MappingKernelManager.cull_interval=5"]
    with open(config / "log", "w") as log:
        # JupyterLab must open the test's notebook only. So it gets no default address, which is that of the first
        # lesson, and each notebook has its own workspace, which does not remember the notebook of an earlier test.
        command = [part for part in lab_command(folder, browser=False) if "default_url" not in part]
        server = subprocess.Popen([*command, *options], env=environment, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token=lesson", config / "log")
            address = f"http://127.0.0.1:{port}/lab/workspaces"
            yield lambda name: f"{address}/{name.removesuffix('.ipynb').replace('/', '-')}/tree/{name}?token=lesson"
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture
def page(browser, request):
    """Open a page. At the end, the test fails if the page wrote an error to the browser's console.

    A test may be parametrised with "reduce", for a user who wants no motion.
    """
    motion = getattr(request, "param", "no-preference")
    page = browser.new_page(viewport={"width": 1300, "height": 1100}, reduced_motion=motion)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not [error for error in errors if error != GONE]
