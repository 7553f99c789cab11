"""``mpsearch page``: the server, and the page in a real browser."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request

import pytest

from mpsearch.course.page import BUILT, make_server
from mpsearch.errors import UsageError

PATIENCE = 60_000  # ms; on a busy machine even opening takes long
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


def moving(page) -> None:
    page.wait_for_function("document.getElementById('readout').textContent !== ''")


@built
def test_the_cheetah_runs_and_follows_a_wish(visit, serve) -> None:
    page, said = visit()
    page.goto(serve())
    moving(page)
    for speed in ("0.5", "2.5"):
        page.locator("#velocity").fill(speed)
        near = (
            f"Math.abs(parseFloat(/runs (−?[\\d.]+)/.exec(readout.textContent)[1].replace('−', '-')) - {speed}) < 0.4"
        )
        page.wait_for_function(
            f"const readout = document.getElementById('readout'); return {near}".join(["(() => {", "})()"])
        )
    assert said == []


@built
def test_maml_adapts_and_races(visit, serve) -> None:
    page, said = visit()
    page.goto(serve())
    moving(page)
    page.get_by_label("MAML").check()
    page.locator("#steps").select_option("1")
    page.locator("#adapt").click()
    page.wait_for_function("!document.getElementById('race').disabled", timeout=3 * PATIENCE)
    assert "after 1 step" in page.locator("#news").inner_text()
    page.locator("#race").click()
    assert "before against after 1 step" in page.locator("#news").inner_text()
    assert said == []


@built
def test_it_fits_a_narrow_phone_speaks_chinese_and_works_offline(visit, serve) -> None:
    page, said = visit(viewport={"width": 360, "height": 640})
    page.goto(serve())
    moving(page)
    page.locator("#language").select_option("zh")
    assert page.locator("h1").inner_text() == "会适应的猎豹"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller")
    page.context.set_offline(True)
    page.reload()
    moving(page)
    assert said == []


@built
def test_what_is_missing_or_damaged_gets_a_sentence(visit, serve) -> None:
    for script, words in (
        ("delete window.WebAssembly", "no WebAssembly"),
        ("delete window.Worker", "no web workers"),
    ):
        page, _ = visit(service_workers="block")
        page.add_init_script(script)
        page.goto(serve())
        assert words in page.locator("#sorry-words").inner_text()
    page, _ = visit(service_workers="block")
    page.route("**/pearl-cheetah-velocity.safetensors", lambda route: route.fulfill(body="nothing"))
    page.goto(serve())
    page.wait_for_function("!document.getElementById('sorry').hidden")
    assert "damaged" in page.locator("#sorry-words").inner_text()
