"""Measures what can only be measured in a new process: the time of imports, and the peak memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mpsearch.errors import MpsearchError
from mpsearch.evidence.bench.sizes import Sizes
from mpsearch.evidence.bench.timing import ratio
from mpsearch.records import Array

IMPORTS = {
    "torch": "import torch",
    "mpsearch": "import mpsearch",
    "everything": "from mpsearch import MAML, PEARL, load",
}
LINEAR = 0.05  # memory counts as linear if no point is farther from the line than this fraction of the growth
MEGABYTE = 1e6


def in_fresh_process(code: str) -> str:
    """Run ``code`` in a new Python process and return the last line that it prints.

    Raises:
        MpsearchError: the process failed or printed nothing.
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        reason = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise MpsearchError(f"a fresh Python process failed ({reason}); check that mpsearch is installed")
    return lines[-1]


def import_seconds(statement: str) -> float:
    """Return the seconds that ``statement`` takes in a new process, without the start of Python."""
    clock = "time.perf_counter()"
    return float(in_fresh_process(f"import time; start = {clock}; {statement}; print({clock} - start)"))


def measure_imports(sizes: Sizes, *, progress: bool = False) -> dict[str, Array]:
    """Measure the seconds [rounds] of each of ``IMPORTS``. Each round runs all of them."""
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in tqdm(range(sizes.import_rounds), desc="imports", disable=not progress, leave=False):
        for name, statement in IMPORTS.items():
            found[name].append(import_seconds(statement))
    return {name: np.array(seconds) for name, seconds in found.items()}


def import_summary(seconds: Mapping[str, Array]) -> dict[str, float]:
    """Return the times of ``import mpsearch`` and of importing its learners, relative to that of ``import torch``."""
    return {
        "mpsearch_over_torch": round(ratio(seconds["mpsearch"], seconds["torch"]), 3),
        "everything_over_torch": round(ratio(seconds["everything"], seconds["torch"]), 3),
        "torch_seconds": round(float(np.median(seconds["torch"])), 2),
    }


def peak_memory_mb() -> float | None:
    """Return the peak resident memory of this process in MB, or ``None`` if the system does not report it."""
    try:  # on Linux, ru_maxrss starts from the memory of the parent process and would be too large
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(status.split("VmHWM:")[1].split()[0]) / MEGABYTE
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size * (1 if sys.platform == "darwin" else 1024) / MEGABYTE


def peak_of(code: str) -> float | None:
    """Run ``code`` in a new process and return its peak resident memory in MB."""
    word = in_fresh_process(f"{code}\nfrom {__name__} import peak_memory_mb\nprint(peak_memory_mb())")
    return None if word == "None" else float(word)


def measure_memory(sizes: Sizes, *, progress: bool = False) -> dict[int, float]:
    """Measure the peak memory in MB of collecting one episode in each simulation.

    Each number of simulations is measured in a new process.
    """
    found = {}
    for simulations in tqdm(sizes.memory, desc="memory", disable=not progress, leave=False):
        shape = (*sizes.shape(simulations), sizes.horizon)
        code = "from mpsearch.evidence.bench.collecting import closed_loop, quiet_mujoco\nquiet_mujoco()"
        peak = peak_of(f"{code}\nclosed_loop{shape}()")
        if peak is None:
            break
        found[simulations] = peak
    return found


def memory_summary(peaks: Mapping[int, float], sizes: Sizes) -> dict[str, Any] | None:
    """Fit a straight line to the peak memory as a function of the number of simulations.

    Returns:
        ``simulations`` and ``peak_mb``: what was measured.
        ``kb_per_simulation`` and ``base_mb``: the slope and the intercept of the line. The slope includes the memory
        of an episode with ``steps`` steps.
        ``off_line``: the largest distance of a point from the line, as a fraction of the growth from the first to the
        last point.
        ``linear``: whether the memory grows and ``off_line`` is at most ``LINEAR``.
        The result is ``None`` if the system does not report the memory of a process.
    """
    if not peaks:
        return None
    x, y = np.array(list(peaks), dtype=float), np.array(list(peaks.values()))
    slope, start = np.polyfit(x, y, 1)
    growth = float(y[-1] - y[0])
    off = float(np.abs(y - start - slope * x).max() / max(abs(growth), 1e-9))
    return {
        "simulations": list(peaks),
        "peak_mb": [round(peak, 1) for peak in y.tolist()],
        "steps": sizes.horizon,
        "kb_per_simulation": round(1e3 * float(slope), 2),
        "base_mb": round(float(start), 1),
        "off_line": round(off, 4),
        "linear": growth > 0 and off <= LINEAR,
    }
