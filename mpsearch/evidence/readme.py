"""Write the README's picture, its alternative text and its tables from the shipped meta-policies and stored results.

python -m mpsearch.evidence.readme
"""

from __future__ import annotations

import re

import mpsearch
from mpsearch.evidence import results
from mpsearch.evidence.page.markdown import span, stage, table
from mpsearch.evidence.pictures import BEFORE_AFTER, draw_before_after
from mpsearch.evidence.program import CHECKOUT, DOCS, run
from mpsearch.training.storage import read_card
from mpsearch.zoo import ALGORITHMS, ZOO

README = CHECKOUT / "README.md"
FIRST_HEADS = ("PEARL", "first episode, one guess", "first episode, a guess each step", "second episode", "third")
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


def first_episode_table() -> str:
    """Return PEARL's first episode, with one draw of z and with a draw at each step, beside the later ones."""
    rows = []
    for tasks in ("cheetah-direction", "cheetah-velocity"):
        once, anew = (results.evaluation(f"pearl-{tasks}-every-{steps}") for steps in (0, 1))
        rows.append([f"`pearl-{tasks}`", stage(once, 0), stage(anew, 0), stage(anew, 1), stage(anew)])
        if (name := f"pearl-{tasks}-within") in results.names():
            trained = results.evaluation(name)
            rows.append([f"`{name}`", "", stage(trained, 0), stage(trained, 1), stage(trained)])
    return table(FIRST_HEADS, rows)


PARTS = {"first episode": first_episode_table, "results": results_table}  # by the name in the README's comments


def write_between(text: str, name: str, table: str) -> str:
    """Replace the part of ``text`` between the README's two comments with this name by ``table``."""
    return re.sub(
        rf"(<!-- {name}:.*?-->\n).*?(<!-- end of {name} -->)",
        lambda found: found[1] + table + found[2],
        text,
        flags=re.DOTALL,
    )


def write_words(text: str, words: str) -> str:
    """Replace the alternative text of the README's picture in ``text`` by ``words``."""
    return re.sub(rf"!\[[^]]*\](?=\(docs/{re.escape(BEFORE_AFTER)}\))", lambda _: f"![{words}]", text)


def main() -> None:
    """Draw the README's picture, and write its alternative text and the tables into README.md."""
    words = draw_before_after(DOCS)
    text = write_words(README.read_text(encoding="utf-8"), words)
    for name, made in PARTS.items():
        text = write_between(text, name, made())
    README.write_text(text, encoding="utf-8", newline="\n")
    print(words)


if __name__ == "__main__":
    run(main)
