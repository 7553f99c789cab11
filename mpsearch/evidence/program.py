"""The entry point that the programs of this folder share: it checks for a checkout and reads the command line."""

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
    """Check that ``root`` holds the pages and pictures that the programs write.

    Raises:
        UsageError: it does not, for example because mpsearch was installed from a wheel.
    """
    if not all((root / name).exists() for name in ("README.md", "RESULTS.md", "docs")):
        raise UsageError(
            "this program changes files of a checkout of mpsearch, but this mpsearch is not in a checkout:"
            " get the source, run pip install -e . in its folder, and start the program again"
        )


def run(main: Callable[..., int | None]) -> NoReturn:
    """Call ``main`` with the arguments of the command line, and exit with the code that it returns.

    The parameters of ``main`` become options, and its docstring becomes the text of ``--help``. For an error of the
    library, print its message and exit with 1, or with 2 if it is a :class:`UsageError`.
    """
    try:
        require_checkout()
        raise SystemExit(tyro.cli(main, config=(tyro.conf.FlagCreatePairsOff,)))
    except MpsearchError as error:
        print(f"mpsearch: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
