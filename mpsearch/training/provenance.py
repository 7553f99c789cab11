"""Where a result comes from: the machine, the packages, the code."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("mpsearch", "torch", "numpy", "mujoco", "gymnasium", "higher")


def describe_machine() -> str:
    """Processor, cores and system in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


@cache
def package_versions() -> dict[str, str]:
    """The versions of what results depend on."""
    return {name: version(name) for name in PACKAGES}


@cache  # the revision of the code that was imported, even if the files change afterwards
def code_revision() -> str | None:
    """The git revision of this source tree, with ``+`` if it has changes; ``None`` outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", "mpsearch") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
