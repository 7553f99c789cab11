"""Benchmarks of speed and memory.

Times are reported relative to a reference that is measured in the same run, so that results of different machines can
be compared. The measurement and its reference take turns: each round runs both. A reported ratio is the median of
the ratios within the rounds, so it does not matter if the machine becomes slower from one round to the next.
"""

from mpsearch.evidence.bench.sizes import FULL, QUICK, Sizes
from mpsearch.evidence.bench.summary import benchmark, benchmark_table, report

__all__ = ["FULL", "QUICK", "Sizes", "benchmark", "benchmark_table", "report"]
