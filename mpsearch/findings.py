"""Findings of checks, with advice, and a text table of them. The doctor and the diagnosis of a family use them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

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
    width = max((len(finding.name) for finding in findings), default=0)
    indent = f"{'':<4}  {'':<{width}}  "
    lines = []
    for finding in findings:
        mark = "ok" if finding.ok else "FAIL" if finding.needed else "note"
        line = f"{mark:<4}  {finding.name:<{width}}  {finding.detail}"
        lines += textwrap.wrap(line, LINE, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
        if not finding.ok and finding.advice:
            lines.append(f"{indent}-> {finding.advice}")
    return lines
