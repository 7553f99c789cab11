"""Every edition of a lesson comes from its English source: what is to be translated is found, kept and compared."""

import ast
import re

import build
import polib
import pytest
import sentences
import translate
from messages import FORMULA, PLACEHOLDER, messages, replaced

SOURCES = build.sources()
CATALOGUES = [
    (source, path.parent.name) for source in SOURCES for path in build.FOLDER.glob(f"locale/*/{source.stem}.po")
]
ids = [f"{language}-{source.stem}" for source, language in CATALOGUES]
every_catalogue = pytest.mark.parametrize(("source", "language"), CATALOGUES, ids=ids)

TOY = r'''# %% [markdown]
# # Title
#
# A paragraph goes on
# in a second line, with $x = 1$.
#
# - an item
#   and its end
# - another
#
# | head | `code` |
# |---|---|
#
# $$
# y = 2 && \text{ why it is } \\
# A^{\text{GAE}}
# $$

# %% tags=["exercise"]
def double(x):
    """Twice x."""
    # begin solution: double
    return 2 * x  # é is two bytes
    # end solution


# exercises.double.hint()
# %%
names = ["left", "right"]  # [K, E]
for name in names:
    print(f"ü {name:<5} of {len(names)}" if name else "nothing", "left", end="end")
    axes.set(title="left", color="red", xlabel="m")
words = " ".join(f"Part {name}" for name in names)
words += (
    "a long one"
    f" in {len(names)} parts"
)
'''


def write(tmp_path, text=TOY, language="zh", **translations):
    """A folder with one source and its catalogue."""
    source = tmp_path / "source" / "07_toy.py"
    source.parent.mkdir(exist_ok=True)
    source.write_text(text, encoding="utf-8")
    translate.update(source, language)
    catalogue = translate.read(source, language)
    for entry in catalogue:
        entry.msgstr = translations.get(entry.msgid.split()[0], "")
    catalogue.save()
    return source


def blanked(text, values=()):
    """The source with the placeholders of its strings only, sorted, so that translations can be compared."""
    bare = translate.QUOTED.sub
    return replaced(
        text, values, lambda message: "".join(sorted(bare("''", place) for place in PLACEHOLDER.findall(message.text)))
    )


def texts(*kinds, values=()):
    return [message.text for message in messages(TOY, values) if message.kind in kinds]


def test_markdown_is_divided_into_paragraphs_headings_items_rows_and_remarks_in_formulas():
    assert texts("heading") == ["Title"]
    assert texts("paragraph") == ["A paragraph goes on in a second line, with $x = 1$."]
    assert texts("item") == ["an item and its end", "another"]
    assert texts("row") == ["| head | `code` |"]
    assert texts("remark") == ["why it is"]


def test_of_code_only_comments_docstrings_and_what_is_shown_are_found():
    assert texts("comment") == ["é is two bytes"]
    found = ["Twice x.", "ü {name:<5} of {len(names)}", "nothing", "left", "left", "Part {name}"]
    assert texts("string") == [*found, "a long one in {len(names)} parts"]
    assert texts("string", values=["left", "right"])[1:3] == ["left", "right"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_replacing_each_message_by_itself_changes_no_code(source):
    text = source.read_text(encoding="utf-8")
    same = replaced(text, (), lambda message: message.text)
    assert ast.dump(ast.parse(same)) == ast.dump(ast.parse(text))
    assert [message.text for message in messages(same)] == [message.text for message in messages(text)]


def test_a_translation_replaces_the_messages_and_nothing_else(tmp_path):
    source = write(tmp_path, A="段落，$x = 1$。", an="条目", a="很长，共 {len(names)} 段", your="写在这里", why="原因")
    text = translate.translated(TOY, translate.read(source, "zh"))
    assert "# 段落，$x = 1$。\n#\n# - 条目\n# - another" in text
    assert 'words += (\n    f"很长，共 {len(names)} 段"\n)' in text
    assert r"\text{ 原因 } \\" in text
    assert "    # stub\n    # ...  # 写在这里\n    # end solution" in text
    assert ast.dump(ast.parse(blanked(text))) == ast.dump(ast.parse(blanked(TOY)))


def test_a_value_inside_a_placeholder_is_translated_as_well():
    text = """# %%\nprint(f"x is {'more' if x > 0 else f'{-x} fewer'}")\n"""
    catalogue = polib.POFile()
    catalogue.metadata = {"X-Values": "more | {-x} fewer"}
    old = {"x is {'more' if x > 0 else f'{-x} fewer'}": "", "more": "多", "{-x} fewer": "少 {-x}"}
    catalogue = translate.merged(text, catalogue)
    assert {entry.msgid for entry in catalogue} == set(old)
    for entry in catalogue:
        entry.msgstr = old[entry.msgid] or entry.msgid.replace("x is", "x")
    assert """print(f"x {'多' if x > 0 else f'少 {-x}'}")""" in translate.translated(text, catalogue)


def test_of_the_code_in_a_stub_only_docstrings_and_comments_are_found():
    stub = ["# %%", "# stub", '#     """What varies."""', "#     ...  # fill in", "# end solution", "# after"]
    found = messages(text := "\n".join(stub))
    assert [message.text for message in found] == ["What varies.", "fill in", "after"]
    assert [text[message.start : message.end] for message in found] == ["What varies.", "fill in", "after"]


def test_names_in_the_code_stay_also_if_they_are_labels_elsewhere():
    text = """# %%\nfound = {"oracle": "oracle", "other": "oracle"}["oracle"]\nprint("after", record["after"])\n"""
    replacing = replaced(text, ["oracle", "after"], lambda message: "X")
    assert replacing == """# %%\nfound = {"X": "oracle", "other": "X"}["X"]\nprint("X", record["after"])\n"""


def test_a_changed_sentence_keeps_its_translation_and_is_fuzzy_until_someone_has_looked_at_it(tmp_path):
    source = write(tmp_path, A="段落", an="条目")
    source.write_text(
        TOY.replace("goes on", "goes on and on").replace("# - another\n", "").replace("# Title", "# X Y Z!")
    )
    translate.update(source, "zh")
    catalogue = translate.read(source, "zh")
    (fuzzy,) = catalogue.fuzzy_entries()
    assert fuzzy.msgid.startswith("A paragraph goes on and on")
    assert fuzzy.msgstr == "段落"
    assert "段落" not in translate.translated(source.read_text(), catalogue)
    assert catalogue.find("an item and its end").msgstr == "条目"
    assert catalogue.find("another") is None
    assert fuzzy.msgid in translate.unfinished(source.read_text(), catalogue)


@pytest.mark.parametrize(
    ("kind", "english", "right", "wrong"),
    [
        ("string", "mean {x:.2f} of {n}", "{n} 个的均值 {x:.2f}", "{n} 个的均值 {x:.3f}"),
        ("paragraph", r"where $a_t = \text{old}$ is 2", r"其中 $a_t = \text{旧}$ 是 2", "其中 $a_s$ 是 2"),
        (
            "paragraph",
            "see `adapt` and [this](a.ipynb)",
            "见 `adapt` 和[这里](a.ipynb)",
            "见 `adapt` 和[这里](b.ipynb)",
        ),
        ("paragraph", "use `adapt`", "用 `adapt`", "用 `adopt`"),
        (
            "paragraph",
            "**Predict.** Then run",
            "**预测**。再运行",
            "**预测。**再运行",
        ),  # no closing mark for CommonMark
        ("paragraph", "lesson 06", "第 06 课", "第 05 课"),
        ("paragraph", "1,000 of 22 million", "2200 万中的 1000", "2200 中的 1000"),
        ("row", "| a | $b | c$ |", "| 甲 | $b | c$ |", "| 甲，$b | c$ |"),
    ],
)
def test_a_translation_that_lost_something_is_found(kind, english, right, wrong):
    assert translate.disagreements(polib.POEntry(msgid=english, msgstr=right, comment=kind)) == []
    assert len(translate.disagreements(polib.POEntry(msgid=english, msgstr=wrong, comment=kind))) == 1


@every_catalogue
def test_a_catalogue_is_in_step_with_its_source_and_finished_if_it_says_so(source, language):
    text, catalogue = source.read_text(encoding="utf-8"), translate.read(source, language)
    if translate.complete(catalogue):
        assert list(translate.unfinished(text, catalogue)) == []
        assert str(translate.merged(text, catalogue)) == str(catalogue)


@every_catalogue
def test_translations_agree_in_formulas_code_links_numbers_and_placeholders(source, language):
    entries = translate.read(source, language).translated_entries()
    assert {entry.msgid: found for entry in entries if (found := translate.disagreements(entry))} == {}


@every_catalogue
def test_a_translated_lesson_has_the_same_code(source, language):
    text, catalogue = source.read_text(encoding="utf-8"), translate.read(source, language)
    values, other = translate.values(catalogue), translate.translated(text, catalogue)
    known = translate.translations(catalogue)
    into = [known.get(value, value) for value in values]
    assert ast.dump(ast.parse(blanked(other, into))) == ast.dump(ast.parse(blanked(text, values)))


TYPOGRAPHY = {  # see docs/glossary.zh.md
    "no space between Chinese and Latin": re.compile(r"[\u4e00-\u9fff][A-Za-z0-9$`]|[A-Za-z0-9$`][\u4e00-\u9fff]"),
    "Latin punctuation after Chinese": re.compile(r"[\u4e00-\u9fff][,;:?!]|[\u4e00-\u9fff]\.(?!\.)"),
    "Latin brackets around Chinese": re.compile(r"(?<!\w)\([^)`$]*[\u4e00-\u9fff][^)]*\)"),
    "a space beside Chinese punctuation": re.compile(r" [，。；：？！、）”]|[，。；：？！、（“] (?![ |])"),
}


CHINESE = [*sorted((build.FOLDER / "locale" / "zh").glob("*.po")), sentences.catalogue_path("zh")]


@pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)
def test_chinese_is_typeset_by_the_rules(path):
    found = {}
    for entry in translate.read_catalogue(path, "zh").translated_entries():
        text = re.sub("`[^`]*`", "`", entry.msgstr.replace(r"\n", "\n"))
        text = FORMULA.sub("$", PLACEHOLDER.sub("{}", text))
        for rule, pattern in TYPOGRAPHY.items():
            if match := pattern.search(text):
                found[f"{rule}: {match[0]}"] = entry.msgstr
    assert found == {}
