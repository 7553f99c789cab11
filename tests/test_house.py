"""The sizes that keep the source readable: short files, short functions, and signatures laid out by the formatter."""

from __future__ import annotations

import ast
from pathlib import Path

import mpsearch

ROOT = Path(mpsearch.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*") if path.suffix in (".py", ".js", ".css"))
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
MODULES = {path: source for path, source in SOURCES.items() if path.endswith(".py")}
LONGEST_FILE, LONGEST_FUNCTION = 300, 50  # lines
MARK = "fmt: " + "skip"


def long_files(sources):
    """A sentence about each file that is too long."""
    return [
        f"{path} has {count} lines, at most {LONGEST_FILE} are allowed: move a part that can be read by itself to a"
        " module of its own"
        for path, source in sources.items()
        if (count := len(source.splitlines())) > LONGEST_FILE
    ]


def length(node):
    return node.end_lineno - node.lineno + 1


def without_docstring(function):
    """The statements of a function, and the number of its lines, without its docstring."""
    if ast.get_docstring(function) is None:
        return function.body, length(function)
    return function.body[1:], length(function) - length(function.body[0])


def long_functions(sources):
    """A sentence about each function that is too long. It names the longest statement, where to split it."""
    found = []
    for path, source in sources.items():
        for function in ast.walk(ast.parse(source)):
            if not isinstance(function, ast.FunctionDef):
                continue
            statements, count = without_docstring(function)
            if count > LONGEST_FUNCTION:
                part = max(statements, key=length)
                found.append(
                    f"{path}: {function.name} has {count} lines without its docstring, at most"
                    f" {LONGEST_FUNCTION} are allowed: make a function of a part of it, such as lines {part.lineno} to"
                    f" {part.end_lineno}"
                )
    return found


def test_no_file_is_too_long_to_be_read_in_one_sitting() -> None:
    assert long_files(SOURCES) == []


def test_no_function_is_too_long_to_be_seen_at_once() -> None:
    assert long_functions(MODULES) == []


def test_signatures_are_laid_out_by_the_formatter() -> None:
    assert [path for path, source in MODULES.items() if MARK in source] == []


def test_a_long_file_is_found() -> None:
    assert long_files({"a.js": "x = 1\n" * LONGEST_FILE}) == []
    [sentence] = long_files({"a.js": "x = 1\n" * (LONGEST_FILE + 1)})
    assert sentence.startswith("a.js has 301 lines, at most 300 are allowed: move a part")


def test_a_long_function_is_found_and_its_docstring_does_not_count() -> None:
    head = 'def f():\n    """One line.\n\n    Another one.\n    """\n'
    body, loop = "    x = 1\n" * (LONGEST_FUNCTION - 3), "    for _ in x:\n        pass\n"
    assert long_functions({"a.py": head + body + loop}) == []
    [sentence] = long_functions({"a.py": head + "    y = 1\n" + body + loop})
    assert sentence.startswith("a.py: f has 51 lines without its docstring, at most 50 are allowed: make a function")
    assert sentence.endswith("such as lines 54 to 55")
