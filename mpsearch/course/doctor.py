"""``mpsearch doctor``: checks whether this machine has what mpsearch needs, and gives advice if it does not."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from mpsearch.course import installed
from mpsearch.findings import Finding, table
from mpsearch.language import say

GIBIBYTE = 2**30
ENOUGH_MEMORY = 2 * GIBIBYTE  # no lesson needs more
BROWSERS = ("firefox", "google-chrome", "chromium", "chromium-browser", "microsoft-edge")

RENDER_ONCE = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco/>")
renderer = mujoco.Renderer(model, 8, 8)
renderer.update_scene(mujoco.MjData(model))
renderer.render()
"""


def examine(*, quick: bool = False) -> list[Finding]:
    """Run all checks on this machine. This takes a few seconds.

    Args:
        quick: leave out the check of OpenGL, which can take 20 s to fail.
    """
    return [
        *examine_versions(),
        examine_checkpoints(),
        examine_threads(),
        examine_memory(),
        examine_fonts(),
        *([] if quick else [examine_opengl()]),
        examine_browser(),
        examine_folder(Path.cwd()),
    ]


def report(findings: Sequence[Finding]) -> str:
    """Return the findings as a text table, with advice below each failed check and a summary at the end."""
    lines = table(findings)
    failed = [finding.name for finding in findings if finding.needed and not finding.ok]
    lines.append("")
    ready = say("Everything that mpsearch needs is here.")
    lines.append(say("Not ready: {names}.", names=say(", ").join(failed)) if failed else ready)
    return "\n".join(lines)


def examine_versions() -> list[Finding]:
    """Check Python and each required package against the ranges that mpsearch declares, and which extras are here."""
    try:
        declared, packages, extras = metadata.metadata("mpsearch"), installed.required(), installed.extras()
    except metadata.PackageNotFoundError:
        advice = say("install it: pip install -e . in its folder")
        return [Finding("mpsearch", False, say("not installed in this Python"), advice, needed=True)]
    wanted = declared["Requires-Python"] or ""
    python = installed.Package("python", wanted, platform.python_version())
    advice = say("install Python {wanted} and mpsearch in a fresh environment of it", wanted=wanted)
    detail = say("{found} (wanted {wanted})", found=python.found, wanted=wanted)
    return [
        Finding("mpsearch", True, declared["Version"], needed=True),
        Finding("python", python.ok, detail, advice, needed=True),
        *map(examine_package, packages),
        *map(examine_extra, extras),
    ]


def examine_package(package: installed.Package) -> Finding:
    """Check whether a required package is installed in a version that will do."""
    found = package.found or say("not installed")
    detail = say("{found} (wanted {wanted})", found=found, wanted=package.wanted)
    return Finding(package.name, package.ok, detail, f'pip install "{package.name}{package.wanted}"', needed=True)


def examine_extra(extra: str) -> Finding:
    """Check whether all that the extra ``extra`` of mpsearch adds is installed."""
    missing = [package.name for package in installed.required(extra) if not package.ok]
    detail = say("not here, or in another version: {names}", names=say(", ").join(missing)) if missing else _use(extra)
    return Finding(f"mpsearch[{extra}]", not missing, detail, f'pip install "mpsearch[{extra}]"')


def _use(extra: str) -> str:
    """Say what an extra is for."""
    return {
        "widgets": say("players and explorers in a notebook"),
        "lab": say("JupyterLab for the lessons"),
        "test": say("what the tests need"),
    }.get(extra, say("all here"))


def examine_checkpoints() -> Finding:
    """Check whether the meta-policies that come with mpsearch are there."""
    from mpsearch.zoo import available

    names = sorted(available())
    detail = ", ".join(names) or say("none")
    return Finding(say("shipped meta-policies"), bool(names), detail, say("install mpsearch again"), needed=True)


def examine_threads() -> Finding:
    """Check how many processor cores this process may use."""
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    detail = say("{usable} of {count} usable", usable=usable, count=cores)
    advice = say("one core works; lessons take about twice as long")
    return Finding(say("processor cores"), usable >= 2, detail, advice)


def examine_memory() -> Finding:
    """Check the memory of this machine or container."""
    total, free = memory()
    sizes = []
    for value, what in ((total, say("in all")), (free, say("available"))):
        size = say("{size:.1f} GiB {what}", size=value / GIBIBYTE, what=what) if value else ""
        sizes.append(size or say("{what}: unknown", what=what))
    enough = (free or total or ENOUGH_MEMORY) >= ENOUGH_MEMORY
    advice = say("close other programs before you train; 2 GiB free is enough")
    return Finding(say("memory"), enough, say(", ").join(sizes), advice)


def memory() -> tuple[int | None, int | None]:
    """Return the total and the available memory in bytes, or ``None`` where the system does not report it."""
    if sys.platform == "win32":
        return _windows_memory()
    total = free = None
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if match := re.search(r"^MemAvailable:\s*(\d+) kB", _text("/proc/meminfo"), re.MULTILINE):
        free = int(match[1]) * 1024
    limit = _text("/sys/fs/cgroup/memory.max").strip()  # a container, such as Binder's
    if total and limit.isdigit() and int(limit) < total:
        total = int(limit)
        used = _text("/sys/fs/cgroup/memory.current").strip()
        free = min(free or total, total - int(used)) if used.isdigit() else free
    return total, free


def _windows_memory() -> tuple[int | None, int | None]:
    class Status(ctypes.Structure):  # MEMORYSTATUSEX
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "c", "d", "e", "f", "g")),
        ]

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
        return None, None
    return status.total, status.free


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def examine_fonts() -> Finding:
    """Check whether there is a font for plots. The one for Chinese comes with mpsearch."""
    from matplotlib import font_manager

    count = len(font_manager.get_font_names())
    detail = say("{count} families", count=count)
    return Finding(say("fonts"), count > 0, detail, say("install matplotlib again"), needed=True)


def examine_opengl(timeout: float = 20.0) -> Finding:
    """Check whether MuJoCo can draw with OpenGL. It tries in a separate process, which a faulty driver may crash."""
    environment = dict(os.environ)
    if sys.platform == "linux" and not environment.get("DISPLAY"):
        environment.setdefault("MUJOCO_GL", "egl")
    advice = say("not needed by mpsearch: neither its plots nor its player use OpenGL")
    try:
        with tempfile.TemporaryDirectory() as folder:  # MuJoCo may leave a log file behind
            done = subprocess.run(
                [sys.executable, "-c", RENDER_ONCE], cwd=folder, env=environment, capture_output=True, timeout=timeout
            )
    except (OSError, subprocess.TimeoutExpired):
        return Finding("OpenGL", False, say("does not answer"), advice)
    detail = say("works") if done.returncode == 0 else say("does not work")
    return Finding("OpenGL", done.returncode == 0, detail, advice)


def examine_browser() -> Finding:
    """Check whether there is a browser that ``mpsearch lab`` can open."""
    advice = say("mpsearch lab prints an address: open it in a browser of this machine")
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    if found is None:
        try:
            found = webbrowser.get().name
        except (webbrowser.Error, AttributeError):
            return Finding(say("browser"), False, say("none found"), advice)
    return Finding(say("browser"), True, str(found))


def examine_folder(folder: Path) -> Finding:
    """Check whether files can be created in ``folder``."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = say("run the commands lab and train with a folder in which you may write")
        detail = say("cannot be written ({why})", why=error.strerror)
        return Finding(say("this folder"), False, detail, advice)
    return Finding(say("this folder"), True, say("can be written"))
