"""Fixtures of the tests of ``mpsearch page``: its server, and visits of the page in a browser."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from mpsearch.course.page import BUILT, make_server

PATIENCE = 120_000  # ms; a busy machine is slow
# The page's policy forbids eval, with which playwright would wait. So the page keeps what its worker says, and this
# reads it from outside.
KEEP = """
window.heard = [];
const Plain = window.Worker;
window.Worker = Plain && class extends Plain {
  constructor(...given) {
    super(...given);
    window.heard.worker = this;
    this.addEventListener("message", ({ data }) => window.heard.push(data));
  }
};
"""


@dataclass
class Visit:
    """A visit of the page: playwright's page, what its console said, and the addresses it asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def frames(self) -> list[dict[str, Any]]:
        """What the worker has told of PEARL's runs so far, one entry for a control step."""
        return self.page.evaluate("heard.filter(({ type }) => type === 'frame').map(({ frame }) => frame)")

    def until(self, check):
        """Wait until ``check()`` is true, and return what it returned."""
        for _ in range(PATIENCE // 100):
            if found := check():
                return found
            self.page.wait_for_timeout(100)
        raise AssertionError(f"waited in vain; the page says {self.page.locator('main').inner_text()!r}, {self.said}")

    def until_says(self, selector: str, words: str) -> None:
        """Wait until the text of an element contains ``words``."""
        self.until(lambda: words in self.page.locator(selector).inner_text())

    def until_runs(self, steps: int = 1) -> None:
        """Wait until a run of PEARL is ``steps`` control steps old."""
        self.until(lambda: (frames := self.frames()) and frames[-1]["time"] >= 0.05 * steps - 1e-9)


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


@pytest.fixture
def visit(browser, serve):
    """Open the built page in a new window. ``before`` may prepare playwright's page."""
    contexts = []

    def start(*, before=lambda page: None, folder=BUILT, path="", **options) -> Visit:
        contexts.append(browser.new_context(**{"locale": "en-GB", **options}))
        visit = Visit(contexts[-1].new_page())
        visit.page.set_default_timeout(PATIENCE)
        visit.page.on("console", lambda message: visit.said.append(message.text))
        visit.page.on("pageerror", lambda error: visit.said.append(str(error)))
        visit.page.on("request", lambda request: visit.asked.append(request.url))
        visit.page.add_init_script(KEEP)
        before(visit.page)
        visit.page.goto(serve(folder) + path)
        return visit

    yield start
    for context in contexts:
        context.close()
