"""The program: ``python -m mpsearch.evidence.page``."""

from __future__ import annotations

from mpsearch.evidence.page.fill import filled_template
from mpsearch.evidence.pictures import draw_results
from mpsearch.evidence.program import CHECKOUT, DOCS, run


def main(check: bool = False) -> int:
    """Write RESULTS.md and its pictures from the records.

    Args:
        check: write nothing, and exit with 1 if RESULTS.md does not agree with the records.
    """
    path, page = CHECKOUT / "RESULTS.md", filled_template()
    if check:
        agrees = path.read_text(encoding="utf-8") == page
        words = "agrees with the records" if agrees else "does not agree with the records: write it again"
        print(f"RESULTS.md {words}")
        return 0 if agrees else 1
    draw_results(DOCS)
    path.write_text(page, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    run(main)
