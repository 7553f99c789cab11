"""Run the solutions of every lesson but the first in JupyterLab in a browser, and check formulas and exercises.

The learner's editions run under nbval, and the first lesson's in ``tests/course/test_browser.py``. So each edition runs
once.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jupyterlab_driver import PANEL, run_all

LESSONS = sorted(path.name for path in Path(__file__).parent.glob("*.ipynb"))[1:]
RIGHT = ("Right: ", "Recorded: ")


@pytest.mark.parametrize("page", ["reduce"], indirect=True)
@pytest.mark.parametrize("lab", ["light"], indirect=True)
@pytest.mark.parametrize("name", LESSONS)
def test_the_solutions_run_with_formulas_and_solve_the_exercises(lab, page, name) -> None:
    run_all(page, lab(f"solutions/{name}"))
    assert page.locator(f"{PANEL} mjx-container").count() > 0
    assert page.locator(f"{PANEL} mjx-merror").count() == 0
    first = page.locator(f"{PANEL} .jp-CodeCell", has_text=re.compile(r"exercises\.\w+\.(check|predict)\(")).first
    first.scroll_into_view_if_needed()
    assert any(word in first.text_content() for word in RIGHT)
