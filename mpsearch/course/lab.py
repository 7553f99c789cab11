"""``mpsearch lab``: lay the lessons out in a folder and open JupyterLab on the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from mpsearch.course.exercises.source import lessons_folder
from mpsearch.errors import MissingPackageError, UsageError

FIRST_LESSON = "00_start_here.ipynb"
SOLUTIONS = "solutions"
# JupyterLab would ask a newcomer, in a corner of the first lesson, whether it may fetch news.
WITHOUT_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


def lessons() -> list[Path]:
    """The lessons that came with this installation, in order, then their solutions.

    Raises:
        MpsearchError: there are none.
    """
    folder = lessons_folder()
    return [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob(f"{SOLUTIONS}/*.ipynb"))]


def lay_out(folder: Path) -> list[Path]:
    """Copy the lessons that ``folder`` does not have yet into it; a file that exists is never touched.

    Solutions go to the folder ``solutions`` in it.

    Returns:
        All lessons in ``folder``, in order, those of an earlier day included; then the solutions.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    try:
        return [copy_once(lesson, place(lesson, folder)) for lesson in lessons()]
    except OSError as error:
        raise UsageError(f"cannot put the lessons into {folder}: {error.strerror}; choose another folder") from error


def place(lesson: Path, folder: Path) -> Path:
    """Where ``lesson`` is laid out in ``folder``."""
    return folder / SOLUTIONS / lesson.name if lesson.parent.name == SOLUTIONS else folder / lesson.name


def copy_once(source: Path, target: Path) -> Path:
    """Copy ``source`` to ``target`` if nothing has that name yet; returns ``target``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    try:
        with open(target, "xb") as file:  # fails if there is anything by this name, whoever made it and when
            file.write(content)
    except FileExistsError:
        return target
    except OSError:  # half a lesson would be kept forever
        target.unlink(missing_ok=True)
        raise
    return target


def check_jupyterlab() -> None:
    """Raise MissingPackageError unless JupyterLab is installed."""
    if find_spec("jupyterlab") is None:
        raise MissingPackageError(
            'mpsearch lab needs JupyterLab, which is not installed: pip install "mpsearch[lab]", and start it again'
        )


def lab_command(folder: Path, browser: bool = True) -> list[str]:
    """The command line that serves ``folder`` to this machine alone and asks nothing of the network.

    JupyterLab refuses to run as root unless it is told to. In a container one often is root.
    """
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if getattr(os, "geteuid", lambda: None)() == 0:  # Windows has none
        options.append("--allow-root")
    return [sys.executable, "-m", "jupyterlab", *options, *([] if browser else ["--no-browser"])]


def open_lab(folder: Path, *, browser: bool = True) -> int:
    """Run JupyterLab in ``folder``, where :func:`lay_out` put the lessons, until it is stopped.

    Args:
        browser: open it in the browser; otherwise only print its address.

    Returns:
        JupyterLab's exit code.
    """
    with tempfile.TemporaryDirectory() as config:
        process = subprocess.Popen(lab_command(folder, browser), env=lab_environment(Path(config)))
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the terminal sent it to JupyterLab too, which asks or stops by itself
                continue


def lab_environment(config: Path) -> dict[str, str]:
    """The environment for JupyterLab, with the settings that have no option written into the folder ``config``."""
    (config / "labconfig").mkdir(exist_ok=True)
    (config / "labconfig" / "page_config.json").write_text(json.dumps(WITHOUT_NEWS), encoding="utf-8")
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join([str(config), *([others] if others else [])])}
