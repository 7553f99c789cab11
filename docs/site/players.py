"""Players that move in the lessons' pages. A stored notebook holds a picture where a player was.

Here the player is made again, by the lesson's own cells and the shipped weights.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from typing import Any

from sphinx.application import Sphinx

from mpsearch.language import ENGLISH, set_language

SHOWS_A_PLAYER = re.compile(r"^(?=\S)(?!from ).*\b(play|AdaptationExplorer|FirstEpisodeExplorer)\(", re.MULTILINE)
NOTES = {
    "en": "On this page the episodes move; the other controls need Python: <code>mpsearch lab</code>.",
    "zh": "在本页上，回合可以播放；其他控件需要 Python：<code>mpsearch lab --language zh</code>。",
}


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_players)


def add_players(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace or complete the pictures of players in a notebook by players."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    language = notebook["metadata"]["mpsearch"].get("language", ENGLISH)
    set_language(language)
    try:
        show_players(notebook, f"<p><small>{NOTES[language]}</small></p>")
    finally:
        set_language(ENGLISH)
    source[0] = json.dumps(notebook)


def show_players(notebook: dict[str, Any], note: str) -> None:
    """Replace or complete the pictures of players in the cells of ``notebook``, with a ``note`` below explorers."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code):
        if not SHOWS_A_PLAYER.search("".join(cell["source"])):
            continue
        shown = value_of(["".join(each["source"]) for each in code[: number + 1]])
        player = getattr(shown, "player", shown)
        if player is None:  # the explorer of a family that has a picture of its own
            continue
        page = player.to_fragment(f"player-{number}") + (note if player is not shown else "")
        moving = {"output_type": "display_data", "data": {"text/html": page}, "metadata": {}}
        cell["outputs"] = [output for output in cell["outputs"] if player is not shown or "data" not in output]
        cell["outputs"].append(moving)


def value_of(cells: list[str]) -> Any:
    """Run the last of these cells after those that it needs, and return the value of its last expression."""
    needed: set[str] = set()
    chosen = []
    for cell in reversed(cells):
        binds, reads = names_in(cell)
        if not chosen or binds & needed:
            needed = (needed - binds) | (reads - binds)
            chosen.insert(0, cell)
    space: dict[str, Any] = {}
    *statements, last = ast.parse("\n".join(chosen)).body
    assert isinstance(last, ast.Expr)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(ast.Module(statements, []), "lesson", "exec"), space)
        return eval(compile(ast.Expression(last.value), "lesson", "eval"), space)


def names_in(cell: str) -> tuple[set[str], set[str]]:
    """Return the names that a cell binds, and those that it reads."""
    tree = list(ast.walk(ast.parse(cell)))
    names = [node for node in tree if isinstance(node, ast.Name)]
    imported = [alias for node in tree if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    binds = {alias.asname or alias.name.split(".")[0] for alias in imported}
    binds |= {node.name for node in tree if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    binds |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return binds, {name.id for name in names if isinstance(name.ctx, ast.Load)}
