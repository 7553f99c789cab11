"""Findings of checks, with advice, and a text table of them. The doctor and the diagnosis of a family use them."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mpsearch.language import say

LINE = 100  # characters in a line of a table, about the width of a notebook


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: what was checked.
        ok: whether the check passed.
        detail: what was found.
        advice: what to do if the check did not pass.
        needed: whether nothing can work unless the check passes.
    """

    name: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = False


def table(findings: Sequence[Finding]) -> list[str]:
    """Return the lines of a text table of the findings, with advice below each failed check."""
    width = max((columns(finding.name) for finding in findings), default=0)
    indent = f"{'':<4}  {'':<{width}}  "
    lines = []
    for finding in findings:
        mark = say("ok") if finding.ok else say("FAIL") if finding.needed else say("note")
        line = f"{padded(mark, 4)}  {padded(finding.name, width)}  {finding.detail}"
        lines += textwrap.wrap(line, LINE, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
        if not finding.ok and finding.advice:
            lines.append(f"{indent}-> {finding.advice}")
    return lines


def columns(text: str) -> int:
    """Return how many columns ``text`` takes where all letters have the same width. A Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int) -> str:
    """Return ``text`` with spaces after it, ``width`` columns wide."""
    return text + " " * (width - columns(text))
