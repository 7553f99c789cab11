"""Before and after adaptation, over many seeds, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.meta_policy import MetaPolicy
from mpsearch.records import Array
from mpsearch.seeding import Streams
from mpsearch.tasks import CheetahDirection, TaskDistribution

HELD_OUT_SEED = 2**31 - 1  # no training uses it: the same unseen tasks for everyone
RESAMPLES = 9_999


def held_out(family: TaskDistribution, n: int = 40) -> Array:
    """``n`` tasks [n, P] that no training draws; for the direction, which has only two tasks, those two."""
    if isinstance(family, CheetahDirection):
        return family.spread(2)
    return family.sample(n, Streams(HELD_OUT_SEED).numpy("held-out"))


@dataclass(frozen=True)
class Evaluation:
    """Adaptation repeated over R seeds.

    Attributes:
        tasks: [K, P].
        seeds: R of them.
        returns: [R, K, S] mean return over the episodes of a stage.
        env_steps: [S] environment steps per task spent before each stage.
        sparse: whether a positive return means that the goal was reached.
    """

    tasks: Array
    seeds: tuple[int, ...]
    returns: Array
    env_steps: Array
    sparse: bool = False

    @property
    def mean(self) -> Array:
        """[S] mean return over seeds and tasks."""
        return self.returns.mean(axis=(0, 1))

    @property
    def task_means(self) -> Array:
        """[K, S] mean return of each task over seeds."""
        return self.returns.mean(axis=0)

    @property
    def reached(self) -> Array:
        """[S] share of all adaptations that had reached the goal by the end of each stage, if ``sparse``."""
        return np.logical_or.accumulate(self.returns > 0, axis=-1).mean(axis=(0, 1))

    def interval(self, level: float = 0.95) -> Array:
        """[S, 2] bootstrap confidence interval of :attr:`mean` over seeds, at ``level``."""
        from scipy.stats import bootstrap

        if len(self.seeds) < 2:
            raise UsageError("an interval needs at least two seeds")
        runs = self.returns.mean(axis=1)  # [R, S]: tasks are paired within a seed
        result = bootstrap(
            (runs,), np.mean, n_resamples=RESAMPLES, confidence_level=level, method="percentile",
            rng=np.random.default_rng(0),
        )  # fmt: skip
        return np.stack([result.confidence_interval.low, result.confidence_interval.high], axis=-1)

    def to_json(self) -> dict[str, Any]:
        """Plain data for a card or a results file, rounded to a tenth of a reward."""
        interval = self.interval().round(1).tolist() if len(self.seeds) > 1 else None
        return {
            "seeds": list(self.seeds),
            "env_steps": self.env_steps.tolist(),
            "mean": self.mean.round(1).tolist(),
            "interval_95": interval,
            **({"reached": self.reached.round(3).tolist()} if self.sparse else {}),
            "tasks": self.tasks.round(4).tolist(),
            "task_means": self.task_means.round(1).tolist(),
        }


def evaluate(agent: MetaPolicy, tasks: Array, seeds: Sequence[int], **options: Any) -> Evaluation:
    """Let ``agent`` adapt to ``tasks`` [K, P] once for each seed; ``options`` go to ``agent.adapt``."""
    check_count("the number of seeds", len(seeds))
    results = [agent.adapt(tasks, seed=seed, **options) for seed in seeds]
    returns = np.stack([result.returns.mean(-1) for result in results])
    return Evaluation(results[0].tasks, tuple(seeds), returns, results[0].env_steps, agent.tasks.sparse)
