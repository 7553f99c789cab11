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


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site. The build must not warn."""
    for name in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(name, reason="the site needs: pip install -e .[site]")
    if not (MATHJAX.is_dir() and (ROOT / "mpsearch" / "web").is_dir()):
        pytest.skip("the site contains the page; see page/README.md")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs/site", ".", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_there_is_no_dead_link_and_nothing_is_loaded_from_a_network(site) -> None:
    assert len(list((site / "notebooks").glob("*.html"))) > 10
    assert len(list((site / "notebooks" / "zh").glob("*.html"))) > 10
    assert [dead for page in sorted(site.rglob("*.html")) for dead in dead_links(page)] == []


def test_the_player_of_a_lesson_moves(site, page) -> None:
    page.goto((site / "notebooks" / "07_pearl_on_halfcheetah.html").as_uri())
    player = page.locator(".mps-player").first
    picture = "canvas => canvas.toDataURL()"
    player.locator("canvas").scroll_into_view_if_needed()
    first = player.locator("canvas").evaluate(picture)
    page.wait_for_timeout(300)
    assert player.locator("canvas").evaluate(picture) == first  # nobody has pressed Play
    player.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.mps-player input').value > 0.3")
    assert player.locator("canvas").evaluate(picture) != first


def test_the_player_of_a_chinese_lesson_speaks_chinese(site, page) -> None:
    page.goto((site / "notebooks" / "zh" / "07_pearl_on_halfcheetah.html").as_uri())
    player = page.locator(".mps-player").first
    player.get_by_role("button", name="播放").click()
    page.wait_for_function("document.querySelector('.mps-player input').value > 0.3")


def test_a_lesson_leads_to_the_reference_and_back(site, page) -> None:
    page.goto((site / "notebooks" / "04_maml.html").as_uri())
    page.locator("a.to-reference", has_text=re.compile("^MAML$")).first.click()
    assert page.url.endswith("docs/site/api.html#mpsearch.MAML")
    entry = page.locator("dl.class", has=page.locator('dt[id="mpsearch.MAML"]'))
    entry.get_by_role("link", name="04", exact=True).first.click()
    assert page.url.endswith("notebooks/04_maml.html")


def dead_links(page: Path) -> list[str]:
    """The links of a page to files that do not exist, and what it loads from the network."""
    html = page.read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|img|link)\b[^>]*(?:src|href)="(https?:[^"]*)"', html)
    links = re.findall(r'(?:src|href)="([^"#?:]+)(?:[#?][^":]*)?"', html)
    return [f"{page.name}: {link}" for link in links if not (page.parent / unquote(link)).exists()] + loaded
