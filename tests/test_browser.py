"""The lesson and the explorers as a learner meets them: real JupyterLab in a real browser, driven by keyboard."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from mpsearch.lab import FIRST_LESSON, lab_command, lab_environment, lay_out

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
PATIENCE = 120  # s until a notebook has run
ANSWER = 15  # s until an explorer has answered

EXPLORERS = """
import mpsearch
from mpsearch.view.widgets import AdaptationExplorer, AdvantageExplorer, InnerStepExplorer, PosteriorExplorer
---
AdaptationExplorer(mpsearch.load("pearl-cheetah-velocity"))
---
PosteriorExplorer(mpsearch.load("pearl-cheetah-direction"))
---
InnerStepExplorer()
---
AdvantageExplorer()
"""

GONE = "Cannot send"  # what JupyterLab writes when a control is used whose kernel is gone

PIXELS = """canvas => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  const colours = new Set();
  for (let i = 0; i < pixels.length; i += 4) {
    const colour = pixels[i] * 65536 + pixels[i + 1] * 256 + pixels[i + 2];
    colours.add(colour);
    sum = (sum * 31 + colour + pixels[i + 3]) % 4294967291;
  }
  return [colours.size, sum];
}"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module", params=["light", "dark"])
def lab(request, tmp_path_factory, browser):
    """The address of a JupyterLab in the theme asked for, which has the lessons and a notebook of all explorers."""
    folder, config = tmp_path_factory.mktemp("lessons"), tmp_path_factory.mktemp("config")
    lay_out(folder)
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in EXPLORERS.split("---")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "explorers.ipynb")
    theme = config / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    theme.parent.mkdir(parents=True)
    theme.write_text(json.dumps({"theme": f"JupyterLab {request.param.title()}"}), encoding="utf-8")
    environment = {**lab_environment(config), "JUPYTERLAB_SETTINGS_DIR": str(config / "settings")}
    port = free_port()
    options = [f"--ServerApp.port={port}", "--IdentityProvider.token=lesson"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    with open(config / "log", "w") as log:
        # Neither the first lesson nor an earlier test's notebook is to come up in front: no default, own workspaces.
        command = [part for part in lab_command(folder, browser=False) if "default_url" not in part]
        server = subprocess.Popen([*command, *options], env=environment, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token=lesson", config / "log")
            yield lambda name: f"http://127.0.0.1:{port}/lab/workspaces/{Path(name).stem}/tree/{name}?token=lesson"
        finally:
            server.terminate()
            server.wait(30)


def wait_for(address: str, log: Path) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


@pytest.fixture
def page(browser):
    """A page that fails the test at its end if anything was written to the console as an error."""
    page = browser.new_page(viewport={"width": 1300, "height": 1100})
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not [error for error in errors if error != GONE]


PROMPTS = """panel => [...document.querySelectorAll(panel + " .jp-CodeCell")].map(
  cell => cell.querySelector(".jp-InputPrompt")?.textContent ?? "[ ]:")"""


def run_all(page, address: str) -> None:
    """Open the notebook, run all its cells, and wait until the last one is done."""
    page.goto(address)
    page.wait_for_selector(f"{PANEL} .jp-CodeCell >> visible=true", timeout=60_000)
    page.wait_for_selector("text=/Python 3.* [|] Idle/", timeout=60_000)
    assert page.locator(".jp-NotebookPanel").count() == 1
    stored, end = page.evaluate(PROMPTS, PANEL), time.monotonic() + PATIENCE
    while page.evaluate(PROMPTS, PANEL) == stored:  # a click that comes before the kernel's session is lost
        assert time.monotonic() < end, "the cells do not start"
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(3000)
    while any("*" in prompt or "[ ]" in prompt for prompt in page.evaluate(PROMPTS, PANEL)):
        assert time.monotonic() < end, "the cells do not end"
        page.wait_for_timeout(200)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def changes(page, locator, before: str) -> str:
    """What the element says once it no longer says ``before``."""
    end = time.monotonic() + ANSWER
    while (text := locator.text_content()) == before:
        assert time.monotonic() < end, f"still: {before}"
        page.wait_for_timeout(100)
    return text


def cell(page, number: int):
    """The output of a cell, scrolled to."""
    found = page.locator(f"{PANEL} .jp-CodeCell").nth(number)
    found.scroll_into_view_if_needed()
    return found


def is_drawn_and_moves(page, canvas, act) -> None:
    """The canvas is not blank, and another picture once ``act`` was done."""
    canvas.scroll_into_view_if_needed()
    colours, before = canvas.evaluate(PIXELS)
    assert colours > 20
    act()
    page.wait_for_timeout(800)
    assert canvas.evaluate(PIXELS)[1] != before


def run_after_a_key(page, explorer) -> None:
    """Move the task's slider by a key, press Run, and see picture and words change; then play."""
    words, picture = explorer.locator(".mpsearch-status").first, explorer.locator("img").first
    before, drawn = words.text_content(), picture.get_attribute("src")
    assert "return" in before
    slider = explorer.locator(".noUi-handle").first
    slider.focus()
    assert slider.get_attribute("data-lm-suppress-shortcuts") == "true"  # Jupyter Notebook takes such keys otherwise
    page.keyboard.press("ArrowLeft")
    explorer.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    assert "Task: velocity" in changes(page, words, before)
    page.wait_for_timeout(300)
    assert picture.get_attribute("src") != drawn
    play = explorer.get_by_role("button", name=re.compile("Play")).first
    is_drawn_and_moves(page, explorer.locator("canvas").first, play.click)


def restart_the_kernel(page) -> None:
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.wait_for_selector("text=/Python 3.* [|] Idle/", timeout=60_000)


def test_the_explorers_answer_to_the_keyboard_and_say_when_python_no_longer_does(lab, page) -> None:
    run_all(page, lab("explorers.ipynb"))
    run_after_a_key(page, cell(page, 1))

    posterior = cell(page, 2)
    words = posterior.locator(".mpsearch-status").first
    before = words.text_content()
    posterior.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    assert "belief" in changes(page, words, before)

    inner = cell(page, 3)
    words = inner.locator("[role=status]").first
    before = words.text_content()
    handle = inner.get_by_role("button", name=re.compile("^task"))

    def move() -> None:
        handle.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")

    is_drawn_and_moves(page, inner.locator("canvas").first, move)
    changes(page, words, before)

    silence = "Python has not answered: it is busy, or it was restarted"
    assert page.get_by_text(silence).count() == 0
    restart_the_kernel(page)
    for number in (1, 2):  # these notice
        cell(page, number).get_by_text(silence).wait_for(timeout=ANSWER * 1e3)
    handle.focus()
    page.keyboard.press("ArrowLeft")  # this one when it is used
    cell(page, 3).get_by_text(silence).wait_for(timeout=ANSWER * 1e3)


def test_the_first_lesson_runs_shows_a_cheetah_that_moves_and_adapts_to_a_speed_of_ones_choice(lab, page) -> None:
    run_all(page, lab(FIRST_LESSON))
    play = page.get_by_role("button", name=re.compile("Play")).first
    is_drawn_and_moves(page, page.locator("canvas[role=img]").first, play.click)
    explorers = page.locator(f"{PANEL} .jp-CodeCell", has_text="explorer = AdaptationExplorer")
    explorers.first.scroll_into_view_if_needed()
    run_after_a_key(page, explorers.first)


@pytest.mark.parametrize("lab", ["light"], indirect=True)
def test_lesson_01_runs_sets_its_formulas_and_says_which_exercises_are_to_be_done(lab, page) -> None:
    run_all(page, lab("01_policy_gradient.ipynb"))
    assert page.locator(f"{PANEL} mjx-container").count() > 0
    assert page.locator(f"{PANEL} mjx-merror").count() == 0
    said = page.locator(f"{PANEL} .jp-CodeCell", has_text="exercises.rewards_to_go.check").first
    said.scroll_into_view_if_needed()
    assert "Not attempted yet: rewards_to_go returns nothing" in said.text_content()
