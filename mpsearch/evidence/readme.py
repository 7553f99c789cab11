"""Write the README's picture, its alternative text and its table of results from the shipped meta-policies.

python -m mpsearch.evidence.readme
"""

from __future__ import annotations

import re

import mpsearch
from mpsearch.evidence.page.markdown import span, table
from mpsearch.evidence.pictures import BEFORE_AFTER, draw_before_after
from mpsearch.evidence.program import CHECKOUT, DOCS, run
from mpsearch.training.storage import read_card
from mpsearch.zoo import ALGORITHMS, ZOO

README = CHECKOUT / "README.md"
HEADS = ("meta-policy", "horizon", "before", "after one stage", "at the end", "steps spent on a task", "trained for")


def is_meta_policy(name: str) -> bool:
    """Return whether a shipped checkpoint is a meta-policy and not a baseline."""
    return name.split("-")[0] in ALGORITHMS


def results_table() -> str:
    """Return the evaluations in the cards as a Markdown table."""
    rows = []
    for name in filter(is_meta_policy, mpsearch.available()):
        card = read_card(ZOO / name)
        cost = f"{card['env_steps'] / 1e6:.2g} M steps, {card['cpu_seconds'] / 60:.0f} core-minutes"
        for evaluation in card["evaluations"]:
            stages = [span(*stage) for stage in zip(evaluation["mean"], evaluation["interval_95"], strict=True)]
            spent = f"{evaluation['env_steps'][1]:,} to {evaluation['env_steps'][-1]:,}"
            rows.append([f"`{name}`", evaluation["horizon"], stages[0], stages[1], stages[-1], spent, cost])
    return table(HEADS, rows)


def write_between(text: str, table: str) -> str:
    """Replace the part of ``text`` between the README's two comments by ``table``."""
    return re.sub(r"(<!-- results.*?-->\n).*?(<!-- end of results -->)", rf"\1{table}\2", text, flags=re.DOTALL)


def write_words(text: str, words: str) -> str:
    """Replace the alternative text of the README's picture in ``text`` by ``words``."""
    return re.sub(rf"!\[[^]]*\](?=\(docs/{re.escape(BEFORE_AFTER)}\))", lambda _: f"![{words}]", text)


def main() -> None:
    """Draw the README's picture, and write its alternative text and the table of results into README.md."""
    words = draw_before_after(DOCS)
    text = write_between(write_words(README.read_text(encoding="utf-8"), words), results_table())
    README.write_text(text, encoding="utf-8", newline="\n")
    print(words)


if __name__ == "__main__":
    run(main)
