"""``mpsearch page``: the server, and the page in a real browser."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request

import pytest

from mpsearch.course.page import BUILT, make_server
from mpsearch.errors import UsageError

PATIENCE = 180_000  # ms; on a busy machine even opening takes long
built = pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="the page is not built; see page/README.md")


@pytest.fixture
def serve():
    """Serve a folder until the test ends, and return its address."""
    servers = []

    def start(folder=BUILT):
        server = make_server(0, folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_folder_without_the_page_gets_the_way_to_build_it(tmp_path) -> None:
    with pytest.raises(UsageError, match="npm run build"):
        make_server(0, tmp_path)


def test_a_port_that_is_used_or_does_not_exist_gets_a_sentence(tmp_path) -> None:
    (tmp_path / "index.html").write_text("")
    with make_server(0, tmp_path) as server:
        with pytest.raises(UsageError, match="--port"):
            make_server(server.server_port, tmp_path)
        assert server.server_address[0] == "127.0.0.1"
    for port in (-1, 65536):
        with pytest.raises(UsageError, match="port must be"):
            make_server(port, tmp_path)


def test_scripts_have_the_type_that_browsers_want(tmp_path, serve) -> None:
    (tmp_path / "index.html").write_text("hello")
    (tmp_path / "main.js").write_text("1")
    address = serve(tmp_path)
    with urllib.request.urlopen(f"{address}main.js") as answer:
        assert answer.headers["Content-Type"] == "text/javascript"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}nothing.js")


@pytest.fixture
def visit(browser, serve):
    """Open the built page in a new window, and return it with the list of what its console said."""
    contexts = []

    def start(**options):
        context = browser.new_context(locale="en-GB", **options)
        contexts.append(context)
        page, said = context.new_page(), []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        return page, said

    yield start
    for context in contexts:
        context.close()


def until(page, selector, pattern):
    """Wait until the text of an element matches ``pattern``; returns the match. The page's policy forbids eval."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not (found := re.search(pattern, page.locator(selector).inner_text())):
        assert time.monotonic() < deadline, f"{selector} says {page.locator(selector).inner_text()!r}, not {pattern!r}"
        page.wait_for_timeout(100)
    return found


@built
def test_the_cheetah_runs_and_follows_a_wish(visit, serve) -> None:
    page, said = visit()
    page.goto(serve())
    until(page, "#readout", "It runs")
    for speed, near in (("0.5", "0.[2-8]"), ("2.5", r"2\.[2-8]")):
        page.locator("#velocity").fill(speed)
        until(page, "#readout", rf"Wanted: {speed} m/s. It runs {near} m/s")
    assert said == []


@built
def test_maml_adapts_and_races(visit, serve) -> None:
    page, said = visit()
    page.goto(serve())
    until(page, "#readout", "It runs")
    page.get_by_role("radio", name="MAML").check()
    page.locator("#steps").select_option("1")
    page.locator("#adapt").click()
    until(page, "#news", "after 1 step: mean return")
    page.locator("#race").click()
    until(page, "#news", "before against after 1 step")
    assert said == []


@built
def test_it_fits_a_narrow_phone_speaks_chinese_and_works_offline(visit, serve) -> None:
    page, said = visit(viewport={"width": 360, "height": 640})
    page.goto(serve())
    until(page, "#readout", "It runs")
    page.locator("#language").select_option("zh")
    assert page.locator("h1").inner_text() == "会适应的猎豹"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("async () => { await navigator.serviceWorker.ready }")
    page.context.set_offline(True)
    page.reload()
    until(page, "#readout", "It runs")
    assert said == []


@built
@pytest.mark.parametrize("name", ["WebAssembly", "Worker"])
def test_a_browser_without_what_the_page_needs_gets_a_sentence(visit, serve, name) -> None:
    page, _ = visit(service_workers="block")
    page.add_init_script(f"delete window.{name}")
    page.goto(serve())
    until(page, "#sorry-words", "Try another browser|try another browser")


@built
def test_damaged_weights_get_a_sentence(visit, serve) -> None:
    page, _ = visit(service_workers="block")
    page.route("**/pearl-cheetah-velocity.safetensors", lambda route: route.fulfill(body="nothing"))
    page.goto(serve())
    until(page, "#sorry-words", "damaged")
