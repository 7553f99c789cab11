"""The server of ``mpsearch page``."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from mpsearch.course.page import make_server
from mpsearch.errors import UsageError


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
