"""Run every lesson but the first in JupyterLab in a browser, and check its formulas and its exercises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jupyterlab_driver import PANEL, run_all

LESSONS = sorted(path.name for path in Path(__file__).parent.glob("*.ipynb"))[1:]


@pytest.mark.parametrize("lab", ["light"], indirect=True)
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_sets_its_formulas_and_says_which_exercises_are_to_be_done(lab, page, name) -> None:
    run_all(page, lab(name))
    assert page.locator(f"{PANEL} mjx-container").count() > 0
    assert page.locator(f"{PANEL} mjx-merror").count() == 0
    said = page.locator(f"{PANEL} .jp-CodeCell", has_text=re.compile(r"exercises\.\w+\.check\(")).first
    said.scroll_into_view_if_needed()
    assert "Not attempted yet: " in said.text_content()
