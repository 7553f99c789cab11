"""The lesson and the explorers as a learner meets them: real JupyterLab in a real browser, driven by keyboard."""

from __future__ import annotations

import re
import time

import pytest
from jupyterlab_driver import PANEL, run_all

from mpsearch.course.lab import FIRST_LESSON

ANSWER = 15  # s until an explorer has answered

CELLS = [
    """import mpsearch
from mpsearch.view.widgets import AdaptationExplorer, AdvantageExplorer, InnerStepExplorer, LieExplorer
from mpsearch.view.widgets import FirstEpisodeExplorer, PosteriorExplorer""",
    'AdaptationExplorer(mpsearch.load("pearl-cheetah-velocity"))',
    'PosteriorExplorer(mpsearch.load("pearl-cheetah-direction"))',
    "InnerStepExplorer()",
    "AdvantageExplorer()",
    'LieExplorer(mpsearch.load("pearl-cheetah-velocity"))',
    'FirstEpisodeExplorer(mpsearch.load("pearl-cheetah-velocity"))',
]

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


def run_after_a_key(page, explorer, said=("return", "Run", "Task: velocity", "Play")) -> None:
    """Move the task's slider by a key, press Run, and see picture and words change; then play.

    ``said`` is what the explorer says, in its language.
    """
    result, run, task, play_it = said
    words, picture = explorer.locator(".mpsearch-status").first, explorer.locator("img").first
    before, drawn = words.text_content(), picture.get_attribute("src")
    assert result in before
    slider = explorer.locator(".noUi-handle").first
    slider.focus()
    assert slider.get_attribute("data-lm-suppress-shortcuts") == "true"  # Jupyter Notebook takes such keys otherwise
    page.keyboard.press("ArrowLeft")
    explorer.get_by_role("button", name=run, exact=True).focus()
    page.keyboard.press("Enter")
    assert task in changes(page, words, before)
    page.wait_for_timeout(300)
    assert picture.get_attribute("src") != drawn
    play = explorer.get_by_role("button", name=re.compile(play_it)).first
    is_drawn_and_moves(page, explorer.locator("canvas").first, play.click)


def see_it_settle(page, explorer) -> None:
    """Move the slider by a key and press Run: the cheetah runs by itself, and belief and speed come near it."""
    words, values = explorer.locator(".mpsearch-status").first, explorer.get_by_role("listitem")
    before = words.text_content()
    explorer.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    explorer.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    assert "Wanted: 0.80 m/s" in changes(page, words, before)
    canvas = explorer.locator("canvas").first
    is_drawn_and_moves(page, canvas, lambda: None)
    explorer.get_by_text(re.compile(r"^[3-9]\.\d+ of 10.00 s")).wait_for(timeout=ANSWER * 1e3)
    shown = [float(re.search(r": (\d\.\d+)", text)[1]) for text in values.all_inner_texts()]
    assert shown[0] == 0.8
    assert all(abs(speed - 0.8) < 0.3 for speed in shown[1:])


def restart_the_kernel(page) -> None:
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.wait_for_selector("text=/Python 3.* [|] Idle/", timeout=60_000)


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_the_explorers_answer_to_the_keyboard_and_say_when_python_no_longer_does(lab, page) -> None:
    run_all(page, lab("cells.ipynb"))
    run_after_a_key(page, cell(page, 1))

    posterior = cell(page, 2)
    words = posterior.locator(".mpsearch-status").first
    before = words.text_content()
    posterior.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    assert "belief" in changes(page, words, before)

    lie = cell(page, 5)
    words = lie.locator(".mpsearch-status").first
    before = words.text_content()
    lie.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    assert "told 2.5 m/s" in changes(page, words, before)

    see_it_settle(page, cell(page, 6))

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


@pytest.mark.parametrize("lab", ["light"], indirect=True)
def test_the_first_lesson_runs_shows_a_cheetah_that_moves_and_adapts_to_a_speed_of_ones_choice(lab, page) -> None:
    run_all(page, lab(FIRST_LESSON))
    player = page.locator(f"{PANEL} .jp-CodeCell", has_text=re.compile(r"\bplay\(")).first
    player.scroll_into_view_if_needed()  # JupyterLab does not draw what is far away
    play = player.get_by_role("button", name=re.compile("Play")).first
    is_drawn_and_moves(page, player.locator("canvas[role=img]").first, play.click)
    explorers = page.locator(f"{PANEL} .jp-CodeCell", has_text="explorer = AdaptationExplorer")
    explorers.first.scroll_into_view_if_needed()
    run_after_a_key(page, explorers.first)


@pytest.mark.parametrize("lab", ["light"], indirect=True)
def test_the_first_lesson_in_chinese_says_all_in_chinese_and_its_solutions_are_right(lab, page) -> None:
    run_all(page, lab(f"zh/solutions/{FIRST_LESSON}"))
    verdicts = page.locator(f"{PANEL} .jp-CodeCell", has_text=re.compile(r"exercises\.\w+\.check\("))
    verdicts.first.scroll_into_view_if_needed()
    assert "对了：" in verdicts.first.locator(".jp-OutputArea").text_content()
    player = page.locator(f"{PANEL} .jp-CodeCell", has_text=re.compile(r"\bplay\(")).first
    player.scroll_into_view_if_needed()
    play = player.get_by_role("button", name=re.compile("播放")).first
    is_drawn_and_moves(page, player.locator("canvas[role=img]").first, play.click)
    explorer = page.locator(f"{PANEL} .jp-CodeCell", has_text="explorer = AdaptationExplorer").first
    explorer.scroll_into_view_if_needed()
    run_after_a_key(page, explorer, ("回报", "运行", "任务：速度", "播放"))
    for word in ("Play", "Run", "Stop", "Seed", "Ready", "return of"):
        assert word not in explorer.locator(".jp-OutputArea").text_content()
