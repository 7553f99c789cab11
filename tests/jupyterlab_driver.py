"""Driving real JupyterLab in a real browser."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
PATIENCE = 120  # s until a notebook has run
GONE = "Cannot send"  # what JupyterLab writes when a control is used whose kernel is gone

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


def wait_for(address: str, log: Path) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")
