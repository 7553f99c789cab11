"""The origin of a result: the machine, the versions of the packages, and the revision of the code."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("mpsearch", "torch", "numpy", "mujoco", "gymnasium", "higher")


def describe_machine() -> str:
    """Return the processor, the number of cores, the system and the version of Python, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages on which results depend."""
    return {name: version(name) for name in PACKAGES}


@cache  # the revision of the code that was imported, even if the files change afterwards
def code_revision() -> str | None:
    """Return the git revision of this source tree, with ``+`` if it has changes; ``None`` outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", "mpsearch") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
