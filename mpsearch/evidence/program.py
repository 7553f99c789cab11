"""How the programs of this folder begin and end: they read their command line and need a checkout."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import tyro

from mpsearch.errors import MpsearchError, UsageError

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"  # the pictures of README.md and RESULTS.md


def require_checkout(root: Path = CHECKOUT) -> None:
    """Raise unless ``root`` holds the pages and pictures that the programs write.

    Raises:
        UsageError: it does not, as where mpsearch was installed from a wheel.
    """
    if not all((root / name).exists() for name in ("README.md", "RESULTS.md", "docs")):
        raise UsageError(
            "this program changes files of a checkout of mpsearch, and the mpsearch that runs is not in one:"
            " get its source, run pip install -e . in that folder, and start the program again"
        )


def run(main: Callable[..., int | None]) -> NoReturn:
    """Call ``main`` with what the command line says, and exit with the code that it returns.

    ``main``'s arguments become options, and its docstring the text of ``--help``. An error of the library becomes its
    sentence and exit code 1, or 2 if the usage was wrong.
    """
    try:
        require_checkout()
        raise SystemExit(tyro.cli(main, config=(tyro.conf.FlagCreatePairsOff,)))
    except MpsearchError as error:
        print(f"mpsearch: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
