"""Functions that control JupyterLab in a browser, for the browser tests."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
PATIENCE = 180  # s; the time limit for running a notebook
GONE = "Cannot send"  # JupyterLab's console message when a widget's kernel has stopped

NOT_RUN, RUNNING = "[ ]:", "[*]:"
HIDDEN = "hidden"  # a cell whose code is folded away shows no number
PROMPTS = """panel => [...document.querySelectorAll(panel + " .jp-CodeCell")].map(
  cell => cell.querySelector(".jp-InputPlaceholder, .jp-Cell-inputWrapper .jp-Placeholder") ? "hidden"
    : cell.querySelector(".jp-InputPrompt")?.textContent || "[ ]:")"""


def choose(page, menu: str, item: str) -> None:
    """Choose an item from one of JupyterLab's menus."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def code_cells(address: str) -> int:
    """Return how many code cells the notebook has. (The page cannot tell: JupyterLab adds cells to it one by one.)"""
    with urllib.request.urlopen(re.sub("/lab/workspaces/[^/]+/tree/", "/api/contents/", address)) as answer:
        return sum(cell["cell_type"] == "code" for cell in json.load(answer)["content"]["cells"])


def run_all(page, address: str) -> None:
    """Open the notebook, run all its cells, and wait until the last one has finished."""
    page.goto(address)
    page.wait_for_selector(f"{PANEL} .jp-CodeCell >> visible=true", timeout=60_000)
    page.wait_for_selector("text=/Python 3.* [|] Idle/", timeout=60_000)
    assert page.locator(".jp-NotebookPanel").count() == 1
    count, end = code_cells(address), time.monotonic() + PATIENCE
    choose(page, "Edit", "Clear Outputs of All Cells")  # the tests must not see the stored outputs
    while len(prompts := page.evaluate(PROMPTS, PANEL)) < count or {NOT_RUN, RUNNING} & set(prompts):
        assert time.monotonic() < end, f"the cells do not end: {prompts} of {count}"
        if set(prompts) - {HIDDEN} == {
            NOT_RUN
        }:  # ask once more if the kernel was not ready: JupyterLab drops such a request
            choose(page, "Run", "Run All Cells")
            page.wait_for_timeout(3000)
        page.wait_for_timeout(200)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def wait_for(address: str, log: Path) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")
