"""Links in pages and lessons lead somewhere inside the repository."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").rglob("[0-9]*.ipynb")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def text_of(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    cells = nbformat.read(page, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(text: str, folder: Path) -> list[str]:
    """The links of ``text`` that lead nowhere; those to other sites are not followed."""
    found = []
    for link in LINK.findall(text):
        path, _, part = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = folder / path
        there = text if not path else text_of(target) if target.suffix in (".md", ".ipynb") and target.exists() else ""
        anchors = {anchor(heading) for heading in HEADING.findall(there)}
        if (path and not target.exists()) or (part and part not in anchors):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page) -> None:
    assert broken(text_of(page), page.parent) == []


def test_a_broken_link_would_be_found(tmp_path) -> None:
    (tmp_path / "there.md").write_text("# A part\nx")
    text = "# Two words!\n[a](there.md) [b](gone.md) [c](#two-words) [d](#three) [e](https://example.org/gone)"
    text += " [f](there.md#a-part) [g](there.md#no-part)"
    assert broken(text, tmp_path) == ["gone.md", "#three", "there.md#no-part"]
