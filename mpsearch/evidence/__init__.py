"""What was measured: baselines, benchmarks, records of results, and the programs that make pages of them."""

BASELINES = ("average", "oracle", "random", "scratch")
