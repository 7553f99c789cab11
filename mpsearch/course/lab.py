"""``mpsearch lab``: copy the lessons into a folder and open the first one in JupyterLab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from mpsearch.course.exercises.source import SOLUTIONS, lessons_folder, subfolder
from mpsearch.errors import MissingPackageError, UsageError
from mpsearch.language import ENGLISH, languages

FIRST_LESSON = "00_start_here.ipynb"
# Without this setting, JupyterLab asks at its first start whether it may fetch news.
WITHOUT_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


def lessons(language: str = ENGLISH) -> list[Path]:
    """Return the installed lessons in one language in order, and then their solutions.

    Raises:
        MpsearchError: no lessons are installed.
        UsageError: there are none in this language.
    """
    if language not in taught_in():
        raise UsageError(f"there are no lessons in {language!r}; choose one of {', '.join(taught_in())}")
    folder = lessons_folder() / subfolder(language)
    return [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob(f"{SOLUTIONS}/*.ipynb"))]


def taught_in() -> list[str]:
    """Return the languages of the installed lessons."""
    return [language for language in languages() if any((lessons_folder() / subfolder(language)).glob("*.ipynb"))]


def lay_out(folder: Path, language: str = ENGLISH) -> list[Path]:
    """Copy the lessons that ``folder`` does not have yet into it. Existing files are never changed.

    The solutions are copied into its subfolder ``solutions``. Lessons that are not English are copied into a subfolder
    with the name of their language.

    Returns:
        All lessons in ``folder`` in order, including those that existed, and then the solutions.

    Raises:
        UsageError: the folder cannot be created or written.
    """
    try:
        return [copy_once(lesson, place(lesson, folder)) for lesson in lessons(language)]
    except OSError as error:
        raise UsageError(f"cannot put the lessons into {folder}: {error.strerror}; choose another folder") from error


def place(lesson: Path, folder: Path) -> Path:
    """Return the path of the copy of ``lesson`` in ``folder``."""
    return folder / lesson.relative_to(lessons_folder())


def copy_once(source: Path, target: Path) -> Path:
    """Copy ``source`` to ``target`` unless ``target`` exists; returns ``target``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    try:
        with open(target, "xb") as file:  # fails if the file exists, even if another program has just created it
            file.write(content)
    except FileExistsError:
        return target
    except OSError:  # an incomplete lesson must not stay, because it would never be replaced
        target.unlink(missing_ok=True)
        raise
    return target


def check_jupyterlab() -> None:
    """Raise MissingPackageError unless JupyterLab is installed."""
    if find_spec("jupyterlab") is None:
        raise MissingPackageError(
            'mpsearch lab needs JupyterLab, which is not installed: pip install "mpsearch[lab]", then start it again'
        )


def lab_command(folder: Path, browser: bool = True, language: str = ENGLISH) -> list[str]:
    """Return the command that starts JupyterLab in ``folder``, reachable from this machine only and without network.

    JupyterLab does not run as root unless an option allows it. In a container the user is often root.
    """
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{(Path(subfolder(language)) / FIRST_LESSON).as_posix()}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if getattr(os, "geteuid", lambda: None)() == 0:  # Windows has no geteuid
        options.append("--allow-root")
    return [sys.executable, "-m", "jupyterlab", *options, *([] if browser else ["--no-browser"])]


def open_lab(folder: Path, *, browser: bool = True, language: str = ENGLISH) -> int:
    """Run JupyterLab in ``folder``, which holds the lessons, until it is stopped.

    Args:
        browser: open JupyterLab in the browser; otherwise it only prints its address.
        language: the language of the lesson that is opened.

    Returns:
        JupyterLab's exit code.
    """
    with tempfile.TemporaryDirectory() as config:
        process = subprocess.Popen(lab_command(folder, browser, language), env=lab_environment(Path(config)))
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # JupyterLab receives it, too, and asks the user or stops
                continue


def lab_environment(config: Path) -> dict[str, str]:
    """Write settings that have no option into ``config``; returns JupyterLab's environment variables to use them."""
    (config / "labconfig").mkdir(exist_ok=True)
    (config / "labconfig" / "page_config.json").write_text(json.dumps(WITHOUT_NEWS), encoding="utf-8")
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join([str(config), *([others] if others else [])])}
