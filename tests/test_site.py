"""The documentation site builds without a warning, needs no network, and has no dead link."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
MATHJAX = ROOT / "page" / "node_modules" / "mathjax"


@pytest.mark.slow
def test_the_site_builds_and_has_no_dead_link(tmp_path) -> None:
    for name in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(name, reason="the site needs: pip install -e .[site]")
    if not (MATHJAX.is_dir() and (ROOT / "mpsearch" / "web").is_dir()):
        pytest.skip("the site contains the page; see page/README.md")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs/site", ".", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(list((tmp_path / "notebooks").glob("*.html"))) > 10
    assert [dead for page in pages for dead in dead_links(page)] == []


def dead_links(page: Path) -> list[str]:
    """The links of a page to files that do not exist, and what it loads from the network."""
    html = page.read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|img|link)\b[^>]*(?:src|href)="(https?:[^"]*)"', html)
    links = re.findall(r'(?:src|href)="([^"#?:]+)(?:[#?][^":]*)?"', html)
    return [f"{page.name}: {link}" for link in links if not (page.parent / unquote(link)).exists()] + loaded
