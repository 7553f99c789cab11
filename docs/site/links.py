"""Link names in the lessons' code, and in all texts, to the reference, which lists the lessons that use a name."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

HERE = Path(__file__).parent
REFERENCE = "docs/site/api"
TARGETS = re.findall(r":: (mpsearch\.\S+)", (HERE / "api.md").read_text(encoding="utf-8"))


def short(target: str) -> str:
    return target.rpartition(".")[2]


def thing(module: str, name: str) -> Any:
    return getattr(import_module(module), name, None)


BY_THING = {id(thing(target.rpartition(".")[0], short(target))): target for target in TARGETS}
IN_TEXT = {target: target for target in TARGETS} | {
    short(target): target for target in TARGETS if short(target)[0].isupper() or "_" in short(target)
}  # a word such as "load" alone may mean anything


def names_in_code(lesson: Path) -> dict[str, str]:
    """Return the names in a lesson's code that stand in the reference, such as "MAML" or "mpsearch.load"."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    found = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in TARGETS:
            found[name] = name
        elif isinstance(node, ast.ImportFrom) and (module := node.module or "").startswith("mpsearch"):
            targets = {alias.name: BY_THING.get(id(thing(module, alias.name))) for alias in node.names}
            found |= {name: target for name, target in targets.items() if target}
    return found


LESSONS = {f"notebooks/{path.stem}": names_in_code(path) for path in sorted(HERE.parents[1].glob("notebooks/*.ipynb"))}


def link_code(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Link the names in the code of a lesson."""
    for name, target in LESSONS.get(page, {}).items():
        spans = r'<span class="o">\.</span>'.join(rf'<span class="n">{part}</span>' for part in name.split("."))
        uri = app.builder.get_relative_uri(page, REFERENCE)
        link = rf'<a class="to-reference" href="{uri}#{target}">\g<0></a>'
        context["body"] = re.sub(rf'(?<!<span class="o">\.</span>){spans}', link, context["body"])


def link_text(app: Sphinx, doctree: nodes.document) -> None:
    """Link names such as ``MAML`` in the text of all pages."""
    for literal in list(doctree.findall(nodes.literal)):
        target = IN_TEXT.get(literal.astext().split("(")[0])
        if target and isinstance(literal.parent, nodes.paragraph):
            link = addnodes.pending_xref(refdomain="py", reftype="obj", reftarget=target, refexplicit=True)
            literal.replace_self(link)
            link += literal


def list_lessons(app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    """Add the lessons that use a name to its description."""
    users = [page for page, names in LESSONS.items() if name in names.values()]
    if users:
        links = ", ".join(f":doc:`{Path(page).name[:2]} </{page}>`" for page in users)
        lines += ["", f"*Used in the lessons* {links}.", ""]


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", link_code)
    app.connect("doctree-read", link_text)
    app.connect("autodoc-process-docstring", list_lessons, priority=900)  # after napoleon
