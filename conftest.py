"""How the tests share the cores, and how the lessons run under ``pytest --nbval-lax``."""

from __future__ import annotations

import os

# Two workers on two cores: torch threads that wait for each other would take most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from nbval.plugin import IPyNbCell

PATIENCE = 180  # s for a cell, and for its output to arrive; nbval has 2000 and a fixed 5
MACHINE_DEPENDENT = ("stderr", "text/html")


def pytest_configure(config: pytest.Config) -> None:
    config.option.nbval_cell_timeout = PATIENCE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, IPyNbCell):
            item.output_timeout = PATIENCE
            item.parent.skip_compare = (*item.parent.skip_compare, *MACHINE_DEPENDENT)
