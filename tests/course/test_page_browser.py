"""The built page in a real browser: what it does, who can use it, and what it says when something is wrong."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import pytest

from mpsearch.course.page import BUILT

ROOT = Path(__file__).parents[2]
AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"viewport": {"width": 360, "height": 640}}
MOST_BYTES = 6_000_000  # of the first visit, compressed

pytestmark = pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="not built; see page/README.md")


# ---- what it does


def drag(page, slider, start, end) -> None:
    """Drag a slider's thumb with the mouse from one value to another."""
    element = page.locator(slider)
    low, high = (float(element.get_attribute(name)) for name in ("min", "max"))
    box, thumb = element.bounding_box(), 16  # pixels
    xs = [
        box["x"] + thumb / 2 + (value - low) / (high - low) * (box["width"] - thumb)
        for value in (start, (start + end) / 2, end)
    ]
    y = box["y"] + box["height"] / 2
    page.mouse.move(xs[0], y)
    page.mouse.down()
    for x in xs:
        page.mouse.move(x, y)
    page.mouse.up()


def test_the_cheetah_follows_a_speed_that_is_dragged(visit) -> None:
    visited = visit()
    visited.page.locator("#velocity").fill("0.5")
    visited.until(lambda: visited.frames()[-1:] and visited.frames()[-1]["spent"] >= 60)
    assert abs(visited.frames()[-1]["speed"] - 0.5) < 0.4
    drag(visited.page, "#velocity", 0.5, 2.5)
    following = visited.until(
        lambda: (frames := [f for f in visited.frames() if f["task"] == 2.5]) and len(frames) >= 40 and frames[:40]
    )
    assert min(abs(frame["speed"] - 2.5) for frame in following) < 0.4  # in two simulated seconds
    assert visited.said == []


def test_maml_adapts_and_races(visit) -> None:
    visited = visit()
    page = visited.page
    page.get_by_role("radio", name="MAML").check()
    page.locator("#steps").select_option("1")
    page.locator("#adapt").click()
    visited.until_says("#news", "after 1 step: mean return")
    page.locator("#race").click()
    visited.until_says("#readout", "After adapting: at ")
    assert page.locator("#stages button").all_inner_texts() == ["before", "after 1 step"]
    assert visited.said == []


def test_a_lie_a_push_a_slope_and_a_weak_leg_reach_the_run(visit) -> None:
    visited = visit()
    page = visited.page
    page.locator("#lie").check()
    page.locator("#lie-speed").fill("2")
    page.locator("#tilt").fill("5")
    page.locator("#leg").select_option("hind")
    page.locator("#push-forward").click()
    visited.until(lambda: visited.frames()[-1:] and visited.frames()[-1]["lie"] == 2)
    visited.until_says("#readout", "it is paid as if you wanted 2.0 m/s")
    page.locator("#restart").click()
    visited.until(lambda: visited.frames()[-1]["time"] < 1)
    assert visited.frames()[-1]["lie"] == 2
    assert visited.said == []


def test_a_fall_is_said(visit) -> None:
    visited = visit()
    frame = {"time": 99, "position": [0, 0, 3, 0, 0, 0, 0, 0, 0], "speed": 0, "task": 1, "lie": None, "fallen": True}
    belief = {"belief": {"mean": [0], "std": [1]}, "spent": 1, "total": 0, "episodes": []}
    visited.until_runs()
    worker = "heard.worker.dispatchEvent(new MessageEvent('message', { data }))"
    visited.page.evaluate(f"data => {worker}", {"type": "frame", "frame": {**frame, **belief}})
    visited.until_says("#news", "lies on its back")


# ---- who can use it


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: npm ci in page/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme) -> None:
    visited = visit(color_scheme=scheme)
    visited.until_runs()
    visited.page.locator("#lie").check()
    visited.page.evaluate(AXE.read_text(encoding="utf-8"))
    for language, method in product(("en", "zh"), ("maml", "pearl")):
        visited.page.locator("#language").select_option(language)
        visited.page.locator(f"input[value={method}]").check()
        found = visited.page.evaluate("axe.run().then(({ violations }) => violations)")
        assert [f"{each['impact']}: {each['help']}" for each in found] == []


def test_the_keyboard_alone_reaches_everything(visit) -> None:
    visited = visit()
    page = visited.page
    visited.until_runs()
    wanted = """[...document.querySelectorAll("button, select, input, a")]
        .filter((e) => e.checkVisibility() && !e.disabled && (e.type !== "radio" || e.checked))
        .map((e) => e.id || e.value || e.textContent)"""
    focused = "(e => e.id || e.value || e.textContent)(document.activeElement)"
    for method in ("pearl", "maml"):
        everything, reached = page.evaluate(wanted), []
        for _ in everything:
            page.keyboard.press("Tab")
            reached.append(page.evaluate(focused))
        assert reached == everything
        page.evaluate("document.activeElement.blur()")
        page.locator(f"input[value={method}]").focus()
        page.keyboard.press("ArrowRight")  # to the other method
        page.locator("#language").focus()
        page.keyboard.press("Shift+Tab")


def test_the_keyboard_changes_the_wish(visit) -> None:
    visited = visit()
    visited.page.locator("#velocity").focus()
    visited.page.keyboard.press("End")
    visited.until(lambda: visited.frames()[-1:] and visited.frames()[-1]["task"] == 3)


def test_with_reduced_motion_it_waits_until_it_is_started(visit) -> None:
    visited = visit(reduced_motion="reduce")
    visited.until_runs()
    visited.page.wait_for_timeout(300)
    assert len(visited.frames()) == 1
    visited.page.get_by_role("button", name="Run", exact=True).click()
    visited.until_runs(10)


def test_it_fits_a_narrow_phone_speaks_chinese_and_works_offline(visit) -> None:
    visited = visit(**PHONE)
    page = visited.page
    visited.until_runs()
    page.locator("#language").select_option("zh")
    assert page.locator("h1").inner_text() == "会适应的猎豹"
    for method in ("maml", "pearl"):
        page.locator(f"input[value={method}]").check()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("async () => { await navigator.serviceWorker.ready }")
    page.context.set_offline(True)
    page.reload()
    visited.until_runs()
    assert visited.said == []


def test_it_is_small_works_in_a_subfolder_and_asks_nobody_else(visit, tmp_path) -> None:
    (tmp_path / "index.html").write_text("another page")
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "where").symlink_to(BUILT, target_is_directory=True)
    visited = visit(folder=tmp_path, path="some/where/")
    visited.until_runs()
    home = visited.page.url
    assert visited.asked
    assert all(address.startswith(home) for address in visited.asked)
    assert visited.page.context.cookies() == []
    files = [path for path in BUILT.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < MOST_BYTES


# ---- what it says when something is wrong


@pytest.mark.parametrize("name", ["WebAssembly", "Worker"])
def test_a_browser_without_what_the_page_needs_gets_a_sentence(visit, name) -> None:
    visited = visit(before=lambda page: page.add_init_script(f"delete window.{name}"))
    visited.until_says("#sorry-words", "try another browser" if name == "WebAssembly" else "Try another browser")


def newer(route) -> None:
    card = json.loads((BUILT / "models" / "pearl-cheetah-velocity.json").read_text(encoding="utf-8"))
    card["export"]["format"] += 1
    route.fulfill(json=card)


def unstable(route) -> None:
    model = (BUILT / "models" / "half_cheetah.xml").read_text(encoding="utf-8")
    assert 'timestep="0.01"' in model
    route.fulfill(body=model.replace('timestep="0.01"', 'timestep="0.5"'))


@pytest.mark.parametrize(
    ("file", "answer", "sentence"),
    [
        ("pearl-cheetah-velocity.safetensors", lambda route: route.fulfill(body="nothing"), "is damaged"),
        ("pearl-cheetah-velocity.json", newer, "by a newer mpsearch"),
        ("pearl-cheetah-velocity.json", lambda route: route.abort(), "cannot be fetched"),
        ("half_cheetah.xml", unstable, "The simulation broke down"),
    ],
)
def test_what_goes_wrong_gets_a_sentence_and_can_start_over(visit, file, answer, sentence) -> None:
    visited = visit(before=lambda page: page.route(f"**/{file}", answer), service_workers="block")
    visited.until_says("#sorry-words", sentence)
    visited.page.unroute(f"**/{file}")
    failures = "heard.filter(({ type }) => type === 'failed').length"
    assert visited.page.evaluate(failures) == 1
    visited.page.locator("#sorry-again").click()
    if file.startswith("pearl"):  # the file is fetched anew
        visited.until_runs(5)
        assert visited.page.locator("#sorry").is_hidden()
    else:  # the model stays what it is
        visited.until(lambda: visited.page.evaluate(failures) == 2)


def test_a_hidden_page_rests_and_goes_on(visit) -> None:
    visited = visit()
    visited.until_runs(10)
    hide = """hidden => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    visited.page.evaluate(hide, True)
    visited.page.wait_for_timeout(300)
    count = len(visited.frames())
    visited.page.wait_for_timeout(500)
    assert len(visited.frames()) == count
    visited.page.evaluate(hide, False)
    visited.until_says("#news", "now goes on")
    visited.until(lambda: len(visited.frames()) > count + 5)
    times = [frame["time"] for frame in visited.frames()]
    assert times == sorted(times)  # it did not start over


def test_a_window_without_any_room_does_no_harm(visit) -> None:
    visited = visit()
    visited.until_runs()
    for width, height in ((1, 1), (900, 700)):
        visited.page.set_viewport_size({"width": width, "height": height})
        visited.page.wait_for_timeout(300)
    assert visited.said == []
    assert visited.page.locator("#scene").evaluate("canvas => canvas.width") > 600
