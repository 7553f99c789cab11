"""``mpsearch page``: serve the built web page on 127.0.0.1. The page's sources are in the repository, in ``page/``."""

from __future__ import annotations

import threading
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mpsearch.errors import UsageError, check_count

BUILT = Path(__file__).parents[1] / "web"
HOW_TO_BUILD = (
    "the page is not built here; with Node.js 18.17 or newer, run this in the folder page/ of the repository:"
    " mpsearch export --folder models && npm ci && npm run build"
)
MOST_PORT = 65535


class Handler(SimpleHTTPRequestHandler):
    """Serves files with their types, without a log and without letting browsers keep old ones."""

    # The types in Windows' registry may be wrong, and browsers refuse scripts of another type.
    extensions_map = {  # noqa: RUF012 - the base class has it so
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
    }

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def make_server(port: int = 0, folder: Path = BUILT) -> ThreadingHTTPServer:
    """Return a server of the built page on 127.0.0.1. The caller runs and closes it.

    Args:
        port: 0 takes any free one.
        folder: the built page.

    Raises:
        UsageError: the page is not built, the port does not exist, or another program uses it.
    """
    if not (folder / "index.html").is_file():
        raise UsageError(HOW_TO_BUILD)
    if check_count("port", port, 0) > MOST_PORT:
        raise UsageError(f"port must be at most {MOST_PORT}, not {port}")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except OSError as error:
        raise UsageError(f"port {port} cannot be used ({error.strerror}); choose another one with --port") from error


def open_page(port: int, *, browser: bool = True) -> None:
    """Serve the built page until Ctrl-C, and open it in a browser.

    Raises:
        UsageError: see :func:`make_server`.
    """
    with make_server(port) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"The page is at {address} (Ctrl-C ends it).", flush=True)
        if browser:
            threading.Timer(0.2, webbrowser.open, [address]).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
