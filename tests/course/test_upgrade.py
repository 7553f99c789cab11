"""After an upgrade: what a learner has written is never lost, and what they have not changed becomes new."""

from __future__ import annotations

import copy
import json
import os
import sys

import nbformat
import pytest

from mpsearch.course import lab, upgrade
from mpsearch.errors import UsageError
from mpsearch.training import storage

OLD, NEW = "the first version", "the second version"
FIRST, SECOND, SOLVED = "00_start_here.ipynb", "01_more.ipynb", "solutions/01_more.ipynb"


def notebook(name, version):
    """A lesson as it is built, with one cell of text, one of code, and the output of a run."""
    cells = [nbformat.v4.new_markdown_cell(f"{name}: {version}", id="a"), nbformat.v4.new_code_cell("1 + 1", id="b")]
    mine = {"edition": "learner", upgrade.DIGEST: upgrade.cells_digest(cells)}
    return nbformat.v4.new_notebook(cells=cells, metadata={upgrade.KEY: mine})


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(content), encoding="utf-8")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a version of the lessons."""
    source = tmp_path / "source"
    monkeypatch.setattr(lab, "lessons_folder", lambda: source)

    def install(version):
        for name in (FIRST, SECOND, SOLVED):
            write(source / name, notebook(name, version))
        return {name: (source / name).read_bytes() for name in (FIRST, SECOND, SOLVED)}

    return install


@pytest.fixture
def folder(installed, tmp_path):
    """A folder with the old lessons, laid out before the new ones were installed."""
    installed(OLD)
    lab.lay_out(tmp_path / "mine")
    installed(NEW)
    return tmp_path / "mine"


def test_the_lessons_of_another_language_are_compared_with_their_own(installed, tmp_path, monkeypatch) -> None:
    installed(OLD)
    monkeypatch.setattr(lab, "languages", lambda: ["en", "zh"])
    write(tmp_path / "source" / "zh" / FIRST, notebook(FIRST, OLD))
    mine = tmp_path / "mine"
    for language in ("en", "zh"):
        lab.lay_out(mine, language)
    write(tmp_path / "source" / "zh" / FIRST, notebook(FIRST, NEW))
    assert upgrade.outdated(mine) == []
    assert " --language zh --update replaces" in upgrade.report(upgrade.outdated(mine, "zh"), mine, " --language zh")
    (old,) = upgrade.update(mine, "zh")
    assert old.path == mine / "zh" / FIRST
    assert old.done


def rewrite(path, change):
    """What JupyterLab does when it saves: read, change, write all anew."""
    content = nbformat.read(path, as_version=4)
    change(content)
    write(path, content)
    return path.read_bytes()


def run_all(content):
    """What opening a lesson and running it to its end leaves behind."""
    content.metadata["language_info"] = {"name": "python", "version": "3.12.1"}
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    content.cells[1].execution_count = 7
    content.cells[1].outputs = [nbformat.v4.new_output("stream", text="2")]
    content.cells[1].metadata["execution"] = {"iopub.status.idle": "2026-01-01"}
    content.cells.append(nbformat.v4.new_code_cell(""))  # JupyterLab adds one below the last


def answer(content):
    content.cells[1].source = "1 + 2  # my answer"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.ipynb")}


def names(found):
    return [(old.path.name, old.changed) for old in found]


def test_nothing_is_outdated_without_an_upgrade_whatever_the_learner_does(installed, tmp_path) -> None:
    installed(OLD)
    first, second, _ = lab.lay_out(tmp_path / "mine")
    rewrite(first, answer)
    rewrite(second, run_all)
    assert upgrade.outdated(tmp_path / "mine") == []
    before = contents(tmp_path / "mine")
    assert upgrade.update(tmp_path / "mine") == []
    assert contents(tmp_path / "mine") == before


@pytest.mark.parametrize("touch", [lambda content: None, run_all], ids=["as it was", "only run"])
def test_a_lesson_that_was_not_changed_is_replaced(folder, installed, touch) -> None:
    rewrite(folder / FIRST, touch)
    found = upgrade.outdated(folder)
    assert (found[0].path, found[0].changed, found[0].newer) == (folder / FIRST, False, folder / FIRST)
    assert found[0].words == "not changed by you"
    assert [old.words for old in upgrade.update(folder)] == ["replaced by the new version"] * 3
    assert contents(folder) == installed(NEW)


def add_a_cell(content):
    content.cells.append(nbformat.v4.new_markdown_cell("my notes"))


def remove_a_cell(content):
    del content.cells[0]


def reorder(content):
    content.cells.reverse()


def make_it_text(content):
    content.cells[1] = nbformat.v4.new_markdown_cell(content.cells[1].source)


@pytest.mark.parametrize("change", [answer, add_a_cell, remove_a_cell, reorder, make_it_text])
def test_a_changed_lesson_is_kept_to_the_byte_and_the_new_one_lies_beside_it(folder, installed, change) -> None:
    mine = rewrite(folder / FIRST, change)
    assert names(upgrade.outdated(folder))[0] == (FIRST, True)
    assert upgrade.update(folder)[0].words == "yours is kept; the new version is 00_start_here.new.ipynb"
    new = installed(NEW)
    assert contents(folder) == {**new, FIRST: mine, "00_start_here.new.ipynb": new[FIRST]}


def test_a_second_update_changes_nothing(folder) -> None:
    rewrite(folder / FIRST, answer)
    upgrade.update(folder)
    once = contents(folder)
    assert [(old.path.name, old.done) for old in upgrade.update(folder)] == [(FIRST, True)]
    assert contents(folder) == once


def test_at_the_next_upgrade_the_one_beside_is_replaced_or_kept_like_any_lesson(folder, installed) -> None:
    mine = rewrite(folder / FIRST, answer)
    upgrade.update(folder)
    third = installed("the third version")
    upgrade.update(folder)
    assert contents(folder) == {**third, FIRST: mine, "00_start_here.new.ipynb": third[FIRST]}
    beside = rewrite(folder / "00_start_here.new.ipynb", answer)
    fourth = installed("the fourth version")
    upgrade.update(folder)
    own = {FIRST: mine, "00_start_here.new.ipynb": beside}
    assert contents(folder) == {**fourth, **own, "00_start_here.new2.ipynb": fourth[FIRST]}


def test_a_deleted_lesson_is_not_outdated_and_is_laid_out_anew(folder, installed) -> None:
    (folder / FIRST).unlink()
    assert names(upgrade.outdated(folder)) == [(SECOND, False), (SECOND, False)]
    lab.lay_out(folder)
    assert (folder / FIRST).read_bytes() == installed(NEW)[FIRST]


def without_a_digest(content):
    del content.metadata[upgrade.KEY][upgrade.DIGEST]


OTHER_FILES = {
    "empty": b"",
    "damaged": b'{"cells": [{"cell_type": "code", "sou',
    "not text": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "no notebook": b'{"a": 1}',
    "a list": b"[1, 2]",
    "cells that are none": b'{"metadata": {}, "cells": {"a": 1}}',
    "strange metadata": b'{"metadata": {"mpsearch": 3}, "cells": []}',
    "of someone else": json.dumps(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("mine")])).encode(),
}


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES)
def test_a_file_that_is_no_lesson_is_kept_as_it_is(folder, installed, content) -> None:
    (folder / FIRST).write_bytes(content)
    assert upgrade.update(folder)[0].changed
    new = installed(NEW)
    assert contents(folder) == {**new, FIRST: content, "00_start_here.new.ipynb": new[FIRST]}


def test_a_folder_by_the_name_of_a_lesson_is_kept(folder) -> None:
    (folder / FIRST).unlink()
    (folder / FIRST).mkdir()
    assert upgrade.update(folder)[0].changed
    assert (folder / FIRST).is_dir()


def test_a_lesson_of_before_there_were_digests_counts_as_changed_unless_it_is_the_installed_one(folder) -> None:
    old = rewrite(folder / FIRST, without_a_digest)
    write(folder / SECOND, notebook(SECOND, NEW))
    rewrite(folder / SECOND, without_a_digest)
    assert names(upgrade.outdated(folder)) == [(FIRST, True), (SECOND, False)]  # the second is the solutions'
    upgrade.update(folder)
    assert (folder / FIRST).read_bytes() == old


@pytest.mark.parametrize("moment", ["while the second is written", "before the second is renamed"])
def test_an_interrupted_update_loses_nothing_and_can_be_done_again(folder, installed, monkeypatch, moment) -> None:
    old, replace, calls = contents(folder), os.replace, []

    def interrupt(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return replace(*arguments) if moment.startswith("before") else None

    name = "replace" if moment.startswith("before") else "fsync"
    with monkeypatch.context() as patch:
        patch.setattr(storage.os, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            upgrade.update(folder)
    new = installed(NEW)
    assert all(content in (old[name], new[name]) for name, content in contents(folder).items())
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".ipynb"] == []
    upgrade.update(folder)
    assert contents(folder) == new


def test_a_lesson_that_is_changed_while_others_are_replaced_is_kept(folder, monkeypatch) -> None:
    found = upgrade.outdated(folder)
    mine = rewrite(folder / FIRST, answer)
    monkeypatch.setattr(upgrade, "outdated", lambda *_: found)
    upgrade.update(folder)
    assert (folder / FIRST).read_bytes() == mine


def test_a_folder_that_cannot_be_written_gets_one_sentence(folder, monkeypatch) -> None:
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    before = contents(folder)
    monkeypatch.setattr(storage.os, "replace", refuse)
    with pytest.raises(UsageError, match=r"cannot update the lessons in .*: Permission denied; nothing"):
        upgrade.update(folder)
    assert contents(folder) == before


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_can_be_looked_at_and_not_updated(folder) -> None:
    folder.chmod(0o555)
    try:
        lab.lay_out(folder)
        assert len(upgrade.outdated(folder)) == 3
        with pytest.raises(UsageError, match="Permission denied"):
            upgrade.update(folder)
    finally:
        folder.chmod(0o755)


def test_report_is_plain_and_offers_the_command_until_it_is_done(folder) -> None:
    rewrite(folder / FIRST, answer)
    lines = upgrade.report(upgrade.outdated(folder), folder).splitlines()
    assert lines[:-1] == [
        "These lessons are of another version than the installed mpsearch:",
        "  00_start_here.ipynb: changed by you",
        "  01_more.ipynb: not changed by you",
        "  solutions/01_more.ipynb: not changed by you",
    ]
    assert lines[-1].startswith(f"mpsearch lab {folder} --update replaces")
    lines = upgrade.report(upgrade.update(folder), folder).splitlines()
    assert lines[1] == "  00_start_here.ipynb: yours is kept; the new version is 00_start_here.new.ipynb"
    assert not any("--update" in line for line in lines)


def test_the_digest_is_of_the_text_alone_however_json_splits_it() -> None:
    built = notebook(FIRST, OLD)
    stored = json.loads(nbformat.writes(built))
    assert isinstance(stored["cells"][0]["source"], list)
    digest = upgrade.cells_digest(built.cells)
    assert upgrade.cells_digest(stored["cells"]) == digest
    run = copy.deepcopy(built)
    run_all(run)
    assert upgrade.cells_digest(run.cells) == digest
    answer(run)
    assert upgrade.cells_digest(run.cells) != digest
