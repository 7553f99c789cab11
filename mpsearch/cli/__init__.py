"""Meta-policy search: train policies over many tasks, and adapt them to new tasks in a few episodes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 143 stopped by SIGTERM (training then saves first).
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import tyro

from mpsearch.cli.adapt import Adapt
from mpsearch.cli.bench import Bench
from mpsearch.cli.check import Check
from mpsearch.cli.doctor import Doctor
from mpsearch.cli.evaluate import Evaluate
from mpsearch.cli.export import Export
from mpsearch.cli.lab import Lab
from mpsearch.cli.page import Page
from mpsearch.cli.train import Train
from mpsearch.errors import MpsearchError, RankError, UsageError
from mpsearch.training.interrupt import TERMINATED, Terminated, raising_terminated

COMMANDS: dict[str, Callable[..., Any]] = {
    "adapt": Adapt,
    "train": Train,
    "evaluate": Evaluate,
    "check": Check,
    "bench": Bench,
    "doctor": Doctor,
    "lab": Lab,
    "page": Page,
    "export": Export,
}


def speaks() -> bool:
    """Return whether this process tells its user what all processes that torchrun started on its machine know."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    warnings.filterwarnings("ignore", module=r"(torch|gymnasium|higher|mujoco)\b")
    words = sys.argv[1:] if arguments is None else arguments
    if words == ["--version"]:
        print(f"mpsearch {version('mpsearch')}")
        return 0
    command = tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="mpsearch", description=__doc__, args=words)
    try:
        with raising_terminated():
            command.run()
    except MpsearchError as error:
        if speaks() or isinstance(error, RankError):
            print(f"mpsearch: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except (OSError, MemoryError) as error:
        no_memory = "there is not enough memory for that; use fewer tasks or episodes, or smaller networks"
        print(f"mpsearch: {error if isinstance(error, OSError) else no_memory}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        if speaks():
            print(f"mpsearch: {interrupt or 'interrupted; what was saved is kept'}", file=sys.stderr)
        return 1
    except Terminated as terminated:
        if speaks():
            print(f"mpsearch: {terminated or 'stopped by SIGTERM; what was saved is kept'}", file=sys.stderr)
        return TERMINATED
    return 0
