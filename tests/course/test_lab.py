"""Laying out the lessons, and the command line of JupyterLab."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mpsearch.cli.lab import Lab
from mpsearch.course import lab
from mpsearch.course.exercises import source as lesson_source
from mpsearch.errors import MpsearchError, UsageError
from mpsearch.language import speak


@pytest.fixture
def two_lessons(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("00_start_here.ipynb", "01_more.ipynb"):
        (source / name).write_text(f"the lesson {name}")
    (source / "solutions").mkdir()
    (source / "solutions" / "01_more.ipynb").write_text("the solutions")
    monkeypatch.setattr(lab, "lessons_folder", lambda: source)
    return tmp_path / "mine" / "lessons"


def test_lays_out_every_lesson_in_order_and_the_solutions_apart(two_lessons):
    made = lab.lay_out(two_lessons)
    names = ["00_start_here.ipynb", "01_more.ipynb", "solutions/01_more.ipynb"]
    assert made == [two_lessons / name for name in names]
    assert made[1].read_text() == "the lesson 01_more.ipynb"
    assert made[2].read_text() == "the solutions"


def test_two_languages_in_one_folder_do_not_mix(two_lessons, tmp_path):
    for name in ("00_start_here.ipynb", "solutions/01_more.ipynb"):
        path = tmp_path / "source" / "zh" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("第 00 课", encoding="utf-8")
    assert lab.taught_in() == ["en", "zh"]
    english = lab.lay_out(two_lessons)
    english[0].write_text("an evening of work")
    chinese = lab.lay_out(two_lessons, "zh")
    assert chinese == [two_lessons / "zh" / "00_start_here.ipynb", two_lessons / "zh" / "solutions" / "01_more.ipynb"]
    assert {path.read_text(encoding="utf-8") for path in chinese} == {"第 00 课"}
    assert lab.lay_out(two_lessons) == english
    assert english[0].read_text() == "an evening of work"
    assert "--LabApp.default_url=/lab/tree/zh/00_start_here.ipynb" in lab.lab_command(two_lessons, language="zh")


def test_a_language_without_lessons_is_refused_and_nothing_is_written(two_lessons):
    with pytest.raises(UsageError, match="no lessons in 'zh'; choose one of en"):
        lab.lay_out(two_lessons, "zh")
    assert not two_lessons.exists()


def test_never_overwrites_and_makes_what_is_missing_again(two_lessons):
    first, second, solutions = lab.lay_out(two_lessons)
    for mine in (first, solutions):
        mine.write_text("an evening of work")
    second.unlink()
    assert lab.lay_out(two_lessons) == [first, second, solutions]
    assert first.read_text() == solutions.read_text() == "an evening of work"
    assert second.read_text() == "the lesson 01_more.ipynb"


def test_a_failed_copy_leaves_nothing_half_written(two_lessons, monkeypatch):
    two_lessons.mkdir(parents=True)

    class FullDisk:
        def __init__(self, path, mode):
            Path(path).touch()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def write(self, content):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab, "open", FullDisk, raising=False)
    with pytest.raises(UsageError, match="No space left"):
        lab.lay_out(two_lessons)
    assert list(two_lessons.iterdir()) == []


def test_a_folder_that_is_a_file_is_an_error(two_lessons, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="choose another folder"):
        lab.lay_out(tmp_path / "taken")


def test_no_lessons_at_all_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson_source, "__file__", str(tmp_path / "mpsearch" / "exercises" / "source.py"))
    with pytest.raises(MpsearchError, match="no notebooks"):
        lab.lessons()


def test_command_serves_one_folder_to_this_machine_and_stays_off_the_network(tmp_path):
    command = lab.lab_command(tmp_path / "lessons")
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert set(command[3:]) - {"--allow-root"} == {
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={(tmp_path / 'lessons').resolve()}",
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    }
    assert not any("token" in word or "password" in word for word in command)  # JupyterLab's own token stays on
    assert lab.lab_command(tmp_path, browser=False)[-1] == "--no-browser"


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_may_run_it_as_in_a_container(tmp_path, monkeypatch, user, allowed):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    assert ("--allow-root" in lab.lab_command(tmp_path)) == allowed


def test_a_system_without_user_numbers_has_no_root(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "geteuid", raising=False)
    assert "--allow-root" not in lab.lab_command(tmp_path)


def _fetch(address, patience=20.0):
    end = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(address, timeout=patience) as page:
                return page.read().decode()
        except urllib.error.URLError:  # it says its address a moment before it listens
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.mark.slow
def test_a_real_jupyterlab_opens_on_the_first_lesson_with_news_and_updates_off(two_lessons, tmp_path):
    lab.lay_out(two_lessons)
    folders = {name: str(tmp_path / name) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [*lab.lab_command(two_lessons, browser=False), f"--ServerApp.port={port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **folders}) as server:
        try:
            for line in server.stderr:
                assert "not recognized" not in line
                if address := re.search(r"http://127\.0\.0\.1:\d+/lab/tree/00_start_here\.ipynb\?token=\w+", line):
                    break
            text = _fetch(address[0])
            with pytest.raises(urllib.error.HTTPError, match="403"):
                _fetch(f"http://127.0.0.1:{port}/api/contents")  # without the token
            listening = _listening(server.pid)
        finally:
            server.terminate()
    assert '"news": {"disabled": true}' in text
    assert listening in ({("127.0.0.1", port)}, None)


def _listening(pid):
    """(address, port) of all that a process listens on, as Linux tells it; elsewhere ``None``."""
    if sys.platform != "linux":
        return None
    files = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    mine = {file[8:-1] for file in files if file.startswith("socket:[")}
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == "0A" and inode in mine:
            address, port = bytes.fromhex(local.split(":")[0]), int(local.split(":")[1], 16)
            found.add((socket.inet_ntoa(address[:: 1 if sys.byteorder == "big" else -1]), port))
    for line in Path(f"/proc/{pid}/net/tcp6").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == "0A" and inode in mine:
            found.add((local, None))
    return found


INSTALLED = [path for language in lab.taught_in() for path in lab.lessons(language)]


@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_stored_lesson_holds_text_and_pictures_only(path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    assert shown
    for data in shown:
        html = "".join(data.pop("text/html", ""))
        assert set(data) <= {"text/plain", "text/markdown", "image/png"}
        assert not html or html.startswith("<img alt=")  # a film's


def test_open_lab_returns_the_exit_code_and_survives_ctrl_c(two_lessons, monkeypatch):
    class Process:
        waits = 0

        def __init__(self, command, env):
            page = Path(env["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0]) / "labconfig" / "page_config.json"
            assert "announcements" in page.read_text()
            assert command == lab.lab_command(two_lessons)

        def wait(self):
            Process.waits += 1
            if Process.waits == 1:
                raise KeyboardInterrupt
            return 3

    monkeypatch.setattr(lab.subprocess, "Popen", Process)
    assert lab.open_lab(two_lessons) == 3


@pytest.mark.parametrize(
    ("system", "asked", "opened", "said"),
    [
        ("zh_CN.UTF-8", None, "zh", "mpsearch lab --language en"),
        ("zh_CN.UTF-8", "en", "en", ""),
        ("en_GB.UTF-8", "zh", "zh", ""),
        ("en_GB.UTF-8", None, "en", ""),
    ],
)
def test_the_command_opens_the_language_of_the_system_or_the_one_that_is_asked_for(
    two_lessons, tmp_path, monkeypatch, capsys, system, asked, opened, said
):
    (tmp_path / "source" / "zh").mkdir()
    (tmp_path / "source" / "zh" / "00_start_here.ipynb").write_text("第 00 课", encoding="utf-8")
    monkeypatch.setenv("LANGUAGE", system)
    monkeypatch.setattr(lab, "check_jupyterlab", lambda: None)
    begun = []
    monkeypatch.setattr(lab, "open_lab", lambda folder, **how: begun.append(how["language"]) or 0)
    Lab(two_lessons, language=asked).run()
    speak("en")
    assert begun == [opened]
    assert (two_lessons / "zh").exists() == (opened == "zh")
    assert said in capsys.readouterr().out
