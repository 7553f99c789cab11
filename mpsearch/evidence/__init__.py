"""Results and how they are made: baselines, benchmarks, records of results, and programs that write pages of them."""

BASELINES = ("average", "oracle", "random", "scratch")
