"""The catalogues of the lessons' translations: ``notebooks/locale/LANGUAGE/NN_name.po`` for each source.

The English source is the only one. A catalogue in the format of gettext, which Poedit and Weblate can open, has a
translation for each message. If an English sentence changes, its old translation is kept and marked "fuzzy" until
somebody has looked at it. Two entries of a catalogue's header are ours:

``X-Complete: yes``     the tests accept no missing and no fuzzy message
``X-Values: a | b``     strings that are translated wherever they occur in code, such as names that become labels;
                        also inside a placeholder, such as the word in ``{'more' if x > 0 else 'fewer'}``;
                        not what is a name in the code: the second in ``{"oracle": "oracle"}``, and the key of
                        an entry that the lesson has not made itself

python notebooks/translate.py zh          take changes of the sources over into the Chinese catalogues
python notebooks/translate.py zh 03       the same, and begin the catalogue of lesson 03
python notebooks/translate.py zh --todo   change nothing, and print how many messages of each lesson are left
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import polib
from markdown_it import MarkdownIt
from messages import FORMULA, PLACEHOLDER, REMARK, messages, replaced

from mpsearch.course.exercises.source import PART, STUB

FOLDER = Path(__file__).resolve().parent
ALIKE = 0.6  # from this similarity on, the translation of a sentence is proposed for a changed one
NUMBER = re.compile(r"(?<![\w.])(\d+(?:,\d{3})*(?:\.\d+)*) ?(million|万|亿)?")
UNITS = {"million": 1_000_000, "万": 10_000, "亿": 100_000_000}
TO_FILL_IN = STUB.partition("  # ")[2].strip()  # the comment of an exercise's blank line
SPLIT_AT = re.compile(r"(?<!\\)\|")
QUOTED = re.compile(r"'([^']*)'")


def catalogue_path(source: Path, language: str) -> Path:
    """Return the path of the catalogue of a lesson."""
    return source.parents[1] / "locale" / language / f"{source.stem}.po"


def read(source: Path, language: str) -> polib.POFile:
    """Return the catalogue of a lesson; an empty one if it has none."""
    return read_catalogue(catalogue_path(source, language), language)


def read_catalogue(path: Path, language: str) -> polib.POFile:
    """Return the catalogue in this file; an empty one if it does not exist."""
    if path.exists():
        return polib.pofile(str(path), wrapwidth=0)
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = {"Language": language, "Content-Type": "text/plain; charset=UTF-8"}
    return catalogue


def complete(catalogue: polib.POFile) -> bool:
    """Say whether the catalogue declares itself complete."""
    return catalogue.metadata.get("X-Complete") == "yes"


def values(catalogue: polib.POFile) -> list[str]:
    """Return the strings that are messages wherever they occur in code."""
    return [value for value in catalogue.metadata.get("X-Values", "").split(" | ") if value]


def merged(text: str, old: polib.POFile) -> polib.POFile:
    """Return a catalogue with the messages of the source ``text`` and what ``old`` knows of them."""
    return merge(_kinds(text, old), old)


def merge(kinds: dict[str, str], old: polib.POFile) -> polib.POFile:
    """Return a catalogue with the messages ``kinds``, each with its kind, and what ``old`` knows of them."""
    new = polib.POFile(wrapwidth=0)
    new.metadata = old.metadata
    gone = [entry.msgid for entry in old if entry.msgid not in kinds and entry.msgstr]
    for msgid, kind in kinds.items():
        entry = old.find(msgid) or _changed(msgid, gone, old)
        entry.comment = kind
        new.append(entry)
    return new


def _kinds(text: str, catalogue: polib.POFile) -> dict[str, str]:
    """Return the kinds of all messages, also of the comment that blank exercises have."""
    kinds: dict[str, str] = {}
    for message in messages(text, values(catalogue)):
        kinds.setdefault(message.text, message.kind)
    for value in values(catalogue):
        if f"'{value}'" in text:  # inside a placeholder
            kinds.setdefault(value, "string")
    if any(not part["stub"] for part in PART.finditer(text)):
        kinds.setdefault(TO_FILL_IN, "comment")
    return kinds


def _changed(msgid: str, gone: list[str], old: polib.POFile) -> polib.POEntry:
    """Return an entry for a new message, with the translation of one that is gone if the two are alike."""
    alike = get_close_matches(msgid, gone, n=1, cutoff=ALIKE)
    if not alike:
        return polib.POEntry(msgid=msgid)
    before = old.find(alike[0])
    return polib.POEntry(msgid=msgid, msgstr=before.msgstr, previous_msgid=before.msgid, flags=["fuzzy"])


def translations(catalogue: polib.POFile) -> dict[str, str]:
    """Return the translation of each message, in strings with the values inside their placeholders translated, too."""
    known = {entry.msgid: entry.msgstr for entry in catalogue.translated_entries()}
    named = {value: known[value] for value in values(catalogue) if value in known}

    def inside(place: re.Match[str]) -> str:
        return QUOTED.sub(lambda quoted: f"'{named.get(quoted[1], quoted[1])}'", place[0])

    strings = [entry for entry in catalogue.translated_entries() if entry.comment.startswith("string")]
    return known | {entry.msgid: PLACEHOLDER.sub(inside, entry.msgstr) for entry in strings}


def translated(text: str, catalogue: polib.POFile) -> str:
    """Return the source ``text`` in the catalogue's language. What is not translated stays English."""
    known = translations(catalogue)
    text = replaced(text, values(catalogue), lambda message: known.get(message.text, message.text))
    stub = STUB.replace(TO_FILL_IN, known.get(TO_FILL_IN, TO_FILL_IN))
    return PART.sub(lambda part: part[0] if part["stub"] else _with_stub(part, stub), text)


def _with_stub(part: re.Match[str], stub: str) -> str:
    before, end, after = part[0].rpartition(f"{part['indent']}# end solution")
    return f"{before}{part['indent']}# stub\n{part['indent']}{stub}{end}{after}"


def unfinished(text: str, catalogue: polib.POFile) -> Iterator[str]:
    """Yield the messages of the source ``text`` without a translation, or with one that is fuzzy."""
    known = {entry.msgid for entry in catalogue.translated_entries()}
    yield from (msgid for msgid in _kinds(text, catalogue) if msgid not in known)


def disagreements(entry: polib.POEntry) -> list[str]:
    """Say what a translation has lost or added: placeholders, formulas, code, links, emphasis, cells, numbers."""
    names = ("placeholders", "formulas", "structure", "cells", "numbers")
    pairs = zip(names, _fixed(entry.msgid, entry.comment), _fixed(entry.msgstr, entry.comment), strict=True)
    return [f"{name}: {dict(a - b)} lost, {dict(b - a)} added" for name, a, b in pairs if a != b]


def _fixed(text: str, kind: str) -> list[Counter[str]]:
    """Count what every language must have alike."""
    if kind.startswith(("string", "comment", "remark")):
        bare = PLACEHOLDER.sub(" ", text)
        return [Counter(PLACEHOLDER.findall(text)), Counter(), Counter(), Counter(), _numbers(bare)]
    formulas = Counter(REMARK.sub(r"\\text{}", formula) for formula in FORMULA.findall(text))
    (inline,) = MarkdownIt().parseInline(FORMULA.sub("x", text))
    parts = inline.children or []
    structure = Counter(f"{part.tag} {part.attrs or ''} {part.content}" for part in parts if part.type != "text")
    words = " ".join(part.content for part in parts if part.type == "text")
    cells = Counter("|" * (len(SPLIT_AT.split(FORMULA.sub("x", text))) - 1 if kind == "row" else 0))
    return [Counter(), formulas, structure, cells, _numbers(words)]


def _numbers(text: str) -> Counter[str]:
    """Count the numbers: 100 million is 1 亿."""
    found = ((digits.replace(",", ""), unit) for digits, unit in NUMBER.findall(text))
    return Counter(f"{float(digits) * UNITS[unit]:.10g}" if unit else digits for digits, unit in found)


def update(source: Path, language: str) -> None:
    """Take changes of a source over into its catalogue."""
    path, catalogue = catalogue_path(source, language), read(source, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    merged(source.read_text(encoding="utf-8"), catalogue).save(str(path), newline="\n")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", help="such as zh")
    parser.add_argument("begin", nargs="*", metavar="NN", help="lessons whose catalogues are begun")
    parser.add_argument("--todo", action="store_true", help="change nothing, and count what is left")
    arguments = parser.parse_args()
    for source in sorted((FOLDER / "source").glob("*.py")):
        begun = catalogue_path(source, arguments.language).exists() or source.stem[:2] in arguments.begin
        if begun and not arguments.todo:
            update(source, arguments.language)
        text, catalogue = source.read_text(encoding="utf-8"), read(source, arguments.language)
        left = len(list(unfinished(text, catalogue)))
        print(f"{source.stem}: {left} of {len(_kinds(text, catalogue))} messages left")


if __name__ == "__main__":
    main()
