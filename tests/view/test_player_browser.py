"""The player in a real browser: it moves, it is driven by keys, it says what is wrong."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from runs import three_speeds, to_a_goal

from mpsearch.view.player import Player, play, runners_of
from mpsearch.view.player.runners import COLOURS

DARK, CALM = {"color_scheme": "dark"}, {"reduced_motion": "reduce"}


pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture
def result():
    return three_speeds()


@pytest.fixture
def navigation():
    return to_a_goal()


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page's source from a file without a network; what goes wrong in it is in ``page.troubles``."""
    contexts = []

    def open_it(source, **options):
        contexts.append(browser.new_context(offline=True, **options))
        page = contexts[-1].new_page()
        page.troubles = []
        page.on("console", lambda message: page.troubles.append(message.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        (tmp_path / "page.html").write_text(source, encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()


def pixels(page):
    """The canvas as an image [H, W, 4]."""
    data = page.locator("canvas").evaluate("canvas => canvas.toDataURL()").split(",")[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")).astype(int)


def has_colour(image, colour):
    wanted = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return ((np.abs(image[..., :3] - wanted).max(-1) < 3) & (image[..., 3] == 255)).sum() > 100


def seconds(page):
    return float(page.get_by_label("Time", exact=True).input_value())


def at(page, time):
    page.wait_for_function("time => Math.abs(document.querySelector('input').value - time) < 1e-6", arg=time)


@pytest.mark.parametrize("options", [{}, DARK, {"device_scale_factor": 2}], ids=["light", "dark", "sharp"])
def test_it_plays(result, open_page, options) -> None:
    page = open_page(play(result, 1, target=2.0).to_html(), **options)
    first = pixels(page)
    assert all(has_colour(first, colour) for colour in COLOURS[:2])
    assert seconds(page) == 0
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('input').value > 0.3")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    assert (pixels(page) != first).any(-1).sum() > 1000
    assert page.troubles == []


def test_it_draws_in_the_colours_of_the_theme_and_follows_a_change(result, open_page) -> None:
    page = open_page(play(result).to_html())
    light = pixels(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)
    dark = pixels(page)
    lab = "body.style.setProperty('--jp-content-font-color1', 'rgb(1, 200, 3)')"  # as JupyterLab's themes do
    page.evaluate(f"const body = document.body; {lab}")
    page.wait_for_timeout(100)
    assert has_colour(light, "#1f1f1f")
    assert not has_colour(light, "#e6e6e6")
    assert has_colour(dark, "#e6e6e6")
    assert has_colour(pixels(page), "#01c803")


def test_a_faded_leg_is_hollow(result, open_page) -> None:
    def coloured(faded):
        page = open_page(Player(runners_of(result, 1, stages=[-1], faded=faded)).to_html())
        assert page.troubles == []
        red, green, blue = (int(COLOURS[1][n : n + 2], 16) for n in (1, 3, 5))
        return (np.abs(pixels(page)[..., :3].astype(int) - [red, green, blue]).max(-1) < 3).sum()

    assert 0.4 < coloured((2, 3, 4)) / coloured(()) < 0.9


def test_it_is_driven_by_the_keyboard(result, open_page) -> None:
    page = open_page(play(result).to_html())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "mps-player"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for key, time in (("End", 10.0), ("ArrowLeft", 9.95), ("Home", 0.0), ("ArrowRight", 0.05), ("Shift+ArrowUp", 1.05)):
        page.keyboard.press(key)
        at(page, time)
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('input').value > 1.2")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    page.keyboard.press("Tab")  # now on the button: space must press it once, not twice
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    assert page.troubles == []


def test_the_numbers_beside_it_are_those_of_the_data(result, open_page) -> None:
    page = open_page(play(result, 1, target=2.0).to_html())
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    at(page, 10.0)
    after = page.get_by_role("row").filter(has_text="after adaptation")
    assert after.get_by_role("cell").all_inner_texts() == ["20.0 m", "2.0 m/s", "400.0"]
    assert page.get_by_text("10.00 of 10.00 s").is_visible()
    page.get_by_role("button", name="Play again").wait_for()


def test_with_reduced_motion_it_shows_the_end_and_waits(result, open_page) -> None:
    runners = runners_of(result)
    page = open_page(Player(runners, autoplay=True).to_html(), **CALM)
    page.wait_for_timeout(200)
    assert seconds(page) == 10.0
    assert has_colour(pixels(page), COLOURS[1])
    lively = open_page(Player(runners, autoplay=True).to_html())
    lively.wait_for_function("document.querySelector('input').value > 0.1")
    assert lively.troubles == []
    still = open_page(Player(runners).to_html())
    still.wait_for_timeout(200)
    assert seconds(still) == 0.0


def test_by_itself_it_starts_only_once_it_is_in_sight(result, open_page) -> None:
    far_below = '<body><div style="height: 3000px"></div>'
    page = open_page(play(result, autoplay=True).to_html().replace("<body>", far_below))
    page.wait_for_timeout(300)
    assert seconds(page) == 0.0
    page.locator("canvas").scroll_into_view_if_needed()
    page.get_by_role("button", name="Pause").click()
    stopped = seconds(page)
    page.wait_for_timeout(300)
    assert seconds(page) == stopped > 0  # and a reader who stops it is obeyed
    assert page.troubles == []


@pytest.mark.parametrize("layout", ["race", "side by side"])
def test_points_play_too(navigation, open_page, layout) -> None:
    page = open_page(play(navigation, layout=layout).to_html())
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    at(page, 2.0)
    assert page.get_by_text("step 20 of 20").is_visible()
    assert all(has_colour(pixels(page), colour) for colour in COLOURS[:2])
    after = page.get_by_role("row").filter(has_text="after adaptation")
    assert after.get_by_role("cell").all_inner_texts() == ["0.00 m", "0.0"]
    assert page.troubles == []


def test_the_layout_does_not_jump_with_camera_speed_and_time(result, open_page) -> None:
    page = open_page(play(result, layout="side by side").to_html())
    box = page.locator(".mps-player").bounding_box()
    page.get_by_label("Camera").select_option("whole track")
    page.get_by_label("Speed").select_option("4")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play again").wait_for()
    assert page.locator(".mps-player").bounding_box() == box


def test_a_reader_of_the_screen_gets_words(result, open_page) -> None:
    player = play(result, title="Task: <2>")
    page = open_page(player.to_html())
    assert page.get_by_role("img").get_attribute("aria-label") == player.summary
    assert page.get_by_role("slider", name="Time").get_attribute("aria-valuetext") == "0.00 of 10.00 s"
    unnamed = "[...document.querySelectorAll('button, input, select')].filter(n => !n.labels && !n.ariaLabel)"
    assert page.get_by_role("combobox").count() == 2
    assert page.evaluate(f"{unnamed}.filter(n => !n.textContent.trim()).length") == 0


@pytest.mark.parametrize("spoil", ["", "AAAA", "AAA", "nan"])
def test_damaged_data_is_a_sentence_and_no_dead_canvas(result, open_page, spoil) -> None:
    player = play(result)
    good = base64.b64encode(player.data).decode()
    nan = base64.b64encode(np.full(len(player.data) // 4, np.nan, "<f4").tobytes()).decode()
    page = open_page(player.to_html().replace(good, nan if spoil == "nan" else spoil))
    assert "missing or damaged. Run the cell again." in page.get_by_role("alert").inner_text()
    assert page.locator("canvas").count() == 0
    assert page.troubles == []


def test_other_runners_take_the_place_of_those_shown(result, open_page) -> None:
    """The page's stand-in for the model is made to keep its listener; the new state is that of ``Player.show``."""
    source = play(result, 1).to_html().replace("on() {}", "on(name, act) { window.change = act }")
    page = open_page(source.replace("const content =", "const content = window.content ="))
    player = play(result, 1)
    player.show(runners_of(result, stages=[0], names=["alone"]))
    renew = "([meta, data]) => { content.meta = meta; content.data = new DataView(new Uint8Array(data).buffer) }"
    page.evaluate(renew, [player.meta, list(player.data)])
    page.evaluate("change(), change()")
    page.get_by_role("row", name="alone").wait_for()
    assert page.locator("canvas").count() == 1
    assert page.get_by_role("img").get_attribute("aria-label") == player.summary
    assert page.troubles == []


def test_a_view_that_is_removed_stops_its_clock_and_its_listeners(result, open_page) -> None:
    """The page's stand-in for the model keeps what ``render`` returns; the widget manager calls the same."""
    source = Player(runners_of(result), autoplay=True).to_html()
    source = source.replace("\nrender(", "\nwindow.frames_asked = 0; window.end = render(")
    count = "const ask = requestAnimationFrame; requestAnimationFrame = (f) => (window.frames_asked++, ask(f));"
    page = open_page(source.replace("const state =", f"{count} const state ="))
    page.wait_for_function("window.frames_asked > 5")
    page.evaluate("window.end()")
    asked = page.evaluate("window.frames_asked")
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.body.className = 'changed'")
    page.wait_for_timeout(200)
    assert page.evaluate("window.frames_asked") == asked
    assert page.locator("canvas").count() == 0
