"""Speed and memory, as ratios to what runs beside it in the same run, so that they mean the same on every machine.

A run of a measurement takes turns with those it is compared to, and a ratio is the median of the ratios within each
round: a machine that grows slower between two rounds does not matter.
"""

from mpsearch.evidence.bench.sizes import FULL, QUICK, Sizes
from mpsearch.evidence.bench.summary import benchmark, benchmark_table, report

__all__ = ["FULL", "QUICK", "Sizes", "benchmark", "benchmark_table", "report"]
