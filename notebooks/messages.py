r"""Finds in a lesson's source everything that a translator has to translate.

In Markdown, a message is a paragraph, a heading, an item of a list, a row of a table, or a remark in a displayed
formula (``\text{...}``). In code, it is a comment, a docstring, or a string that learners see: printed, or in a plot.
The rest, such as code and formulas, stays as it is in all languages.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

SHOWN_BY = {"print", "show", "LiveCurve", "set_title", "set_xlabel", "set_ylabel"}  # calls that show their arguments
SHOWN_AS = {"title", "label", "xlabel", "ylabel"}  # keyword arguments, of all calls
SHOWN_LATER = {"words"}  # variables that are filled with alternative texts

CELL = re.compile(r"^# %%(.*)$")
BEFORE_TEXT = re.compile(r"(#+|[-*]|\d+\.) +")  # the mark of a heading or of an item
REMARK = re.compile(r"\\text\{\s*([^{}]*?)\s*\}")
LITERAL = re.compile(r"""([A-Za-z]{0,2})(\"{3}|"|')((?:\\.|(?!\2).)*)\2""", re.DOTALL)
PLACEHOLDER = re.compile(r"(?<!\{)\{(?:[^{}]|\{[^{}]*\})+\}(?!\})")
FORMULA = re.compile(r"\$\$?[^$]+\$\$?")
NOT_WORDS = re.compile(rf"{FORMULA.pattern}|`[^`]*`|\]\([^)]*\)|<[^>]*>|{PLACEHOLDER.pattern}")
WORD = re.compile(r"[A-Za-z]{2,}|[\u4e00-\u9fff]")
WORD_OF_REMARK = re.compile(r"[a-z]{2,}|[\u4e00-\u9fff]")  # GAE is a name
IN_STUB = re.compile(r'"{3}(.+)"{3}|  # (.+)$')
CODE = re.compile(r"(begin solution: \w+|stub|end solution|exercises\.\w+\..*|\[[A-Z], .*\])$")


@dataclass(frozen=True)
class Message:
    """A piece of a source. ``source[start:end]`` is what a translation replaces."""

    start: int
    end: int
    kind: str  # "paragraph", "heading", "item", "row", "remark", "comment" or "string"
    text: str  # on one line, without the marks of Markdown and comments; escapes of a string as they are written
    opening: str = ""  # what a string's translation needs around it, such as f" and "
    closing: str = ""


def messages(source: str, values: Collection[str] = ()) -> list[Message]:
    """Return the messages of ``source`` in their order.

    Args:
        source: the text of a lesson in jupytext's percent format.
        values: strings that are messages wherever they occur in code, such as names of tasks that become labels.
    """
    places = _line_starts(source)
    markdown, code = _cells(source)
    found = [message for cell in markdown for message in _markdown(source, places, cell)]
    found += _comments(source, places, code)
    found += _strings(source, places, values)
    return sorted(found, key=lambda message: message.start)


def replaced(source: str, values: Collection[str], translation: Callable[[Message], str]) -> str:
    """Return ``source`` with the translation of each of its messages."""
    for message in reversed(messages(source, values)):
        new = message.opening + translation(message) + message.closing
        source = source[: message.start] + new + source[message.end :]
    return source


def has_words(text: str) -> bool:
    """Say whether something is left of ``text`` without formulas, code, addresses and placeholders."""
    return bool(WORD.search(NOT_WORDS.sub(" ", text)))


def _line_starts(source: str) -> list[int]:
    starts = [0, 0]  # lines count from 1
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _cells(source: str) -> tuple[list[range], set[int]]:
    """Return the line numbers of each Markdown cell, and those of all lines of code cells."""
    lines = source.splitlines()
    borders = [number for number, line in enumerate(lines, start=1) if CELL.match(line)]
    markdown, code = [], set()
    for border, following in zip(borders, [*borders[1:], len(lines) + 1], strict=True):
        inside = range(border + 1, following)
        if "[markdown]" in lines[border - 1]:
            markdown.append(inside)
        else:
            code.update(inside)
    return markdown, code


def _markdown(source: str, places: list[int], cell: range) -> Iterator[Message]:
    lines = source.splitlines()
    block: list[tuple[int, str]] = []  # a paragraph or item that may go on: the start and the text of each line
    kind, in_formula = "paragraph", False

    def closed() -> Iterator[Message]:
        text = " ".join(line for _, line in block)
        if has_words(text):
            yield Message(block[0][0], block[-1][0] + len(block[-1][1]), kind, text)
        block.clear()

    for number in cell:
        line = lines[number - 1].removeprefix("#")
        text = line.strip()
        start = places[number] + lines[number - 1].find(text, 1)
        if text.startswith("$$") or in_formula:
            yield from closed()
            yield from _remarks(start, text)
            in_formula ^= text.count("$$") % 2 == 1
        elif not text:
            yield from closed()
        elif text.startswith(("|", "<")):
            yield from closed()
            kind = "row" if text.startswith("|") else "paragraph"
            block.append((start, text))
            yield from closed()
        elif mark := BEFORE_TEXT.match(text):
            yield from closed()
            kind = "heading" if mark[0].startswith("#") else "item"
            block.append((start + mark.end(), text[mark.end() :]))
            if kind == "heading":
                yield from closed()
        else:
            kind = kind if block else "paragraph"
            block.append((start, text))
    yield from closed()


def _remarks(start: int, formula: str) -> Iterator[Message]:
    for match in REMARK.finditer(formula):
        if WORD_OF_REMARK.search(match[1]):
            yield Message(start + match.start(1), start + match.end(1), "remark", match[1])


def _comments(source: str, places: list[int], code: set[int]) -> Iterator[Message]:
    in_stub = False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or token.start[0] not in code:
            continue
        text = token.string.removeprefix("#").strip()
        in_stub = text == "stub" or (in_stub and text != "end solution")
        if in_stub:  # what learners find in its place is code, perhaps with a comment or a docstring
            found = IN_STUB.search(token.string)
            text = found[found.lastindex].strip() if found else ""
        if has_words(text) and not CODE.match(text):
            start = places[token.start[0]] + token.start[1] + token.string.rindex(text)
            yield Message(start, start + len(text), "comment", text)


def _strings(source: str, places: list[int], values: Collection[str]) -> Iterator[Message]:
    lines = source.splitlines()
    tree = ast.parse(source)
    shown = {id(literal) for node in ast.walk(tree) for part in _shown_by(node) for literal in _literals(part)}
    names = {id(literal) for literal in _names(tree)}

    def place(line: int, column: int) -> int:  # columns of ast count bytes
        return places[line] + len(lines[line - 1].encode()[:column].decode())

    for node in _all_literals(tree):
        start, end = place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)
        parts = list(LITERAL.finditer(source, start, end))
        text = "".join(part[3] for part in parts)
        if (id(node) in shown and has_words(text)) or (text in values and id(node) not in names):
            prefix = max((part[1] for part in parts), key=len)  # f, if one part of several has it
            yield Message(parts[0].start(), parts[-1].end(), "string", text, prefix + parts[0][2], parts[0][2])


def _all_literals(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Find all strings, but not those inside a placeholder, which stay as they are."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        else:
            yield from _all_literals(child)


def _names(tree: ast.AST) -> Iterator[ast.expr]:
    """Find literals that are names in the code, although they may be labels elsewhere.

    They are what an entry of a dictionary repeats, {"oracle": "oracle"}, and keys of entries that others have made.
    """
    entries: set[str] = set()
    keys: list[ast.Constant] = []
    for node in ast.walk(tree):
        match node:
            case ast.Dict(keys=labels, values=values):
                entries.update(label.value for label in labels if isinstance(label, ast.Constant))
                pairs = zip(labels, values, strict=True)
                yield from (value for label, value in pairs if label and ast.dump(label) == ast.dump(value))
            case ast.Subscript(slice=ast.Constant() as key, ctx=ast.Store()):
                entries.add(key.value)
            case ast.Subscript(slice=ast.Constant() as key):
                keys.append(key)
    yield from (key for key in keys if key.value not in entries)


def _shown_by(node: ast.AST) -> list[ast.expr]:
    """Return the expressions in this node whose value learners see."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
            named = [keyword.value for keyword in keywords if keyword.arg in SHOWN_AS]
            return [*(args if name in SHOWN_BY else []), *named]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
            return [node.value] if name in SHOWN_LATER else []
        case (
            ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
            | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
        ):
            return [docstring]
        case ast.Assert(msg=ast.expr() as message):
            return [message]
    return []


def _literals(expression: ast.expr) -> Iterator[ast.Constant | ast.JoinedStr]:
    match expression:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield expression
        case ast.IfExp(body=first, orelse=second) | ast.BinOp(left=first, right=second):
            yield from _literals(first)
            yield from _literals(second)
        case ast.BoolOp(values=parts) | ast.Call(func=ast.Attribute(attr="join"), args=parts):
            for part in parts:
                yield from _literals(part)
        case ast.GeneratorExp(elt=part) | ast.ListComp(elt=part):
            yield from _literals(part)
