"""The chart below a player: the numbers that the page gets, its words, the still picture, and what moves."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from runs import cheetah, to_a_goal

from mpsearch.errors import UsageError
from mpsearch.view.player import Chart, Curve, Player, Runner, runners_of
from mpsearch.view.player.strip import draw_strip

pytestmark = pytest.mark.usefixtures("no_window")
STEPS = 200


def rising() -> Chart:
    values = np.linspace(0.5, 2.5, STEPS + 1)
    band = np.stack([values - 0.5, values + 0.25])
    return Chart("speed (m/s)", [Curve("wanted", np.full(STEPS + 1, 2.0), dashed=True), Curve("run", values, band)])


@pytest.fixture(name="player")
def _player() -> Player:
    return Player([Runner("one", cheetah(1.0))], chart=rising())


def test_the_page_gets_every_number(player) -> None:
    chart = player.meta["chart"]
    wanted, run = chart["curves"]
    np.testing.assert_allclose(run["values"], np.linspace(0.5, 2.5, STEPS + 1), atol=1e-4)
    np.testing.assert_allclose(run["band"][1], np.linspace(0.75, 2.75, STEPS + 1), atol=1e-4)
    assert (wanted["band"], wanted["dashed"], run["dashed"]) == (None, True, False)
    assert chart["limits"][0] < 0 < 2.75 < chart["limits"][1]  # 0 and the band are shown


def test_it_is_told_in_words(player) -> None:
    words = "Over time, speed (m/s): wanted 2.00; run 0.50 (0.00 to 0.75) at first, 2.50 (2.00 to 2.75) at the end."
    assert player.summary.endswith(words)
    player.show([Runner("two", cheetah(2.0))])  # without a chart, nothing of it remains
    assert "Over time" not in player.summary
    assert player.meta["chart"] is None


@pytest.mark.slow
def test_the_still_picture_has_it_below_the_track(player) -> None:
    with_chart, without = (Image.open(io.BytesIO(p.png())) for p in (player, Player(player.runners)))
    assert with_chart.height > without.height + 150
    axes = draw_strip(player.runners, chart=player.chart).axes[-1]
    assert axes.get_xlim() == (0, 10)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["wanted", "run"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Chart("m", []), "at least one curve"),
        (lambda: Chart("m", [Curve("a", np.array([0.0, np.nan]))]), "1 number is not finite in the curve 'a'"),
        (lambda: Chart("m", [Curve("a", np.zeros(3)), Curve("b", np.zeros(4))]), "need 3 values; 'b' has other ones"),
        (lambda: Chart("m", [Curve("a", np.zeros(3), np.zeros((3, 2)))]), "need 3 values; 'a' has other ones"),
        (lambda: Chart("m", [Curve("a", np.zeros(3), np.full((2, 3), np.inf))]), "6 numbers are not finite"),
        (
            lambda: Player([Runner("r", cheetah(1.0))], chart=Chart("m", [Curve("a", np.zeros(3))])),
            "the chart needs 201 values",
        ),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, words) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_a_chart_that_does_not_fit_leaves_the_player_as_it_was(player) -> None:
    before = player.summary
    with pytest.raises(UsageError, match="the chart needs 6 values"):
        player.show([Runner("short", np.zeros((6, 9)))], chart=rising())
    assert player.summary == before


def open_page(browser, tmp_path, player, **options):
    page = browser.new_context(offline=True, **options).new_page()
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    (tmp_path / "page.html").write_text(player.to_html(), encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    return page


def inked(page) -> int:
    """The number of pixels of the canvas that are purple, as only the curve is."""
    data = page.locator("canvas").evaluate("canvas => canvas.toDataURL()").split(",")[1]
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)
    return int((np.abs(image - [0xCC, 0x79, 0xA7]).max(-1) < 4).sum())


def test_it_is_drawn_as_far_as_the_runner_has_come(browser, tmp_path) -> None:
    values = np.linspace(0.5, 2.5, STEPS + 1)
    player = Player([Runner("one", cheetah(1.0))], chart=Chart("m/s", [Curve("run", values, colour="purple")]))
    page = open_page(browser, tmp_path, player)
    legend = page.get_by_role("list", name="The chart's curves at this time")
    assert legend.inner_text() == "run: 0.50"
    start = inked(page)
    page.keyboard.press("Tab")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.get_by_text("5.00 of 10.00 s").wait_for()
    half = inked(page)
    assert legend.inner_text() == "run: 1.50"
    page.keyboard.press("End")
    page.get_by_text("10.00 of 10.00 s").wait_for()
    assert legend.inner_text() == "run: 2.50"
    assert start < 100 < half < 0.7 * inked(page)
    assert page.troubles == []


def test_with_reduced_motion_the_whole_chart_is_there(browser, tmp_path, player) -> None:
    page = open_page(browser, tmp_path, player, reduced_motion="reduce")
    page.get_by_text("10.00 of 10.00 s").wait_for()
    assert "run: 2.50 (2.00 to 2.75)" in page.get_by_role("listitem").all_inner_texts()
    assert page.troubles == []


def test_points_have_charts_too(browser, tmp_path) -> None:
    runners = runners_of(to_a_goal())
    player = Player(runners, chart=Chart("m", [Curve("way", np.arange(runners[0].steps + 1.0))]))
    page = open_page(browser, tmp_path, player)
    page.get_by_role("listitem").filter(has_text="way: 0.00").wait_for()
    assert page.troubles == []
