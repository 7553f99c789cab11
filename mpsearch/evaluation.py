"""Evaluation: returns before and after adaptation over many seeds, with confidence intervals.

The interquartile mean, its stratified bootstrap and the probability of improvement are those of Agarwal et al. 2021,
"Deep reinforcement learning at the edge of the statistical precipice". Each task is a stratum, and the returns of the
seeds are its sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from mpsearch.errors import UsageError, check_count
from mpsearch.meta_policy import Adapts
from mpsearch.records import Array, whole
from mpsearch.seeding import Streams
from mpsearch.tasks import TaskDistribution

HELD_OUT_SEED = 2**31 - 1  # no training uses this seed, so every agent is evaluated on the same unseen tasks
MANY = 100  # a family that repeats itself among so many tasks has only a few
RESAMPLES = 9_999  # of a bootstrap interval
PAIRED_RESAMPLES = 2_000  # of the interval of a probability of improvement


def held_out(family: TaskDistribution, n: int = 40) -> Array:
    """Return ``n`` tasks [n, P] that no training draws. A family with only a few tasks returns all of them."""
    drawn = family.sample(MANY, Streams(HELD_OUT_SEED).numpy("held-out"))
    different = len(np.unique(drawn, axis=0))
    if different < MANY:
        return family.spread(different)
    return family.sample(n, Streams(HELD_OUT_SEED).numpy("held-out"))


@dataclass(frozen=True)
class Evaluation:
    """The results of adaptations to K tasks, repeated with R seeds.

    Attributes:
        tasks: [K, P].
        seeds: the R seeds.
        returns: [R, K, S] mean return over the episodes of each stage.
        env_steps: [S] environment steps per task before each stage, the mean over the seeds.
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
    def worst(self) -> Array:
        """[S] the lowest return of all tasks and seeds at each stage, which the mean does not show."""
        return self.returns.min(axis=(0, 1))

    @property
    def fell(self) -> Array:
        """[S] the share of adaptations whose return at each stage is below their return before adaptation.

        There is one adaptation for each task and seed.
        """
        return (self.returns < self.returns[..., :1]).mean(axis=(0, 1))

    @property
    def reached(self) -> Array:
        """[S] the share of adaptations that had reached the goal by the end of each stage. It needs ``sparse``."""
        return np.logical_or.accumulate(self.returns > 0, axis=-1).mean(axis=(0, 1))

    def interval(self, level: float = 0.95) -> Array:
        """[S, 2] bootstrap confidence interval of :attr:`mean` at ``level``. Whole seeds are resampled."""
        self._require_seeds()
        runs = self.returns.mean(axis=1)  # [R, S]
        return np.stack([resample([runs[:, s]], np.mean, level) for s in range(runs.shape[1])])

    @property
    def iqm(self) -> Array:
        """[S] interquartile mean: the mean of the middle half of all R * K returns, which ignores outliers."""
        from scipy.stats import trim_mean

        return np.asarray(trim_mean(self.returns.reshape(-1, self.returns.shape[-1]), 0.25, axis=0))

    def iqm_interval(self, level: float = 0.95) -> Array:
        """[S, 2] stratified bootstrap confidence interval of :attr:`iqm`. Seeds are resampled within each task."""
        from scipy.stats import trim_mean

        self._require_seeds()
        strata = np.moveaxis(self.returns, 0, -1)  # [K, S, R]

        def statistic(x: Array, axis: int) -> Array:
            return np.asarray(trim_mean(x, 0.25, axis=axis))

        return np.stack([resample(list(strata[:, s]), statistic, level) for s in range(strata.shape[1])])

    def gain(self, level: float = 0.95) -> tuple[float, float, float]:
        """Return the mean gain, after minus before for each task and seed, and its stratified bootstrap interval."""
        self._require_seeds()
        gains = self.returns[..., -1] - self.returns[..., 0]  # [R, K]
        low, high = resample(list(gains.T), np.mean, level)
        return float(gains.mean()), float(low), float(high)

    def _require_seeds(self) -> None:
        if len(self.seeds) < 2:
            raise UsageError("an interval needs at least two seeds")

    def to_json(self) -> dict[str, Any]:
        """Return plain data for a card or a results file. Returns are rounded to a tenth."""
        interval = self.interval().round(1).tolist() if len(self.seeds) > 1 else None
        return {
            "seeds": list(self.seeds),
            "env_steps": self.env_steps.tolist(),
            "mean": self.mean.round(1).tolist(),
            "interval_95": interval,
            "worst": self.worst.round(1).tolist(),
            "fell": self.fell.round(3).tolist(),
            **({"reached": self.reached.round(3).tolist()} if self.sparse else {}),
            "tasks": self.tasks.round(4).tolist(),
            "task_means": self.task_means.round(1).tolist(),
        }

    def to_record(self) -> dict[str, Any]:
        """Return the data of :meth:`to_json` and every return. :meth:`from_record` reads it again."""
        return {**self.to_json(), "sparse": self.sparse, "returns": self.returns.round(1).tolist()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that :meth:`to_record` wrote. Its returns are rounded to a tenth."""
        return cls(
            tasks=np.array(record["tasks"]),
            seeds=tuple(record["seeds"]),
            returns=np.array(record["returns"]),
            env_steps=np.array(record["env_steps"]),
            sparse=record["sparse"],
        )


def resample(strata: Sequence[Array], statistic: Callable[..., Any], level: float = 0.95) -> Array:
    """Return the percentile bootstrap interval [2] of ``statistic(x, axis=...)`` over the joined ``strata``.

    Each stratum is resampled separately.
    """
    from scipy.stats import bootstrap

    def joined(*samples: Array, axis: int = -1) -> Any:
        return statistic(np.concatenate(samples, axis=axis), axis=axis)

    interval = bootstrap(
        tuple(strata),
        joined,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="percentile",
        vectorized=True,
        batch=1000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return np.array([interval.low, interval.high])


def difference(a: Evaluation, b: Evaluation, *, over: str = "tasks", level: float = 0.95) -> tuple[float, float, float]:
    """Mean return of ``a`` minus that of ``b`` at their last stages, and its bootstrap interval.

    Two intervals that overlap do not say that the two are alike: ask for the interval of the difference.

    Args:
        over: what is drawn anew. "tasks": how it would be on other tasks, which both adapt to; "seeds": how it would
            be with other exploration on these tasks, independent for the two.

    Raises:
        UsageError: the two adapted to different tasks, or ``over`` is neither.
    """
    _require_same_tasks(a, b, "a difference")
    x, y = a.returns[..., -1], b.returns[..., -1]  # [R, K] and [R', K]
    rng, gap = np.random.default_rng(0), float(x.mean() - y.mean())

    def drawn(values: Array) -> Array:
        return values[rng.integers(len(values), size=(PAIRED_RESAMPLES, len(values)))].mean(axis=1)

    if over == "tasks":
        gaps = drawn(x.mean(axis=0) - y.mean(axis=0))
    elif over == "seeds":
        gaps = drawn(x.mean(axis=1)) - drawn(y.mean(axis=1))
    else:
        raise UsageError(f'over must be "tasks" or "seeds", not {over!r}')
    low, high = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2])
    return gap, float(low), float(high)


def _require_same_tasks(a: Evaluation, b: Evaluation, what: str) -> None:
    if not np.array_equal(a.tasks, b.tasks):
        raise UsageError(f"{what} needs the same tasks on both sides")


def probability_of_improvement(a: Evaluation, b: Evaluation, level: float = 0.95) -> tuple[float, float, float]:
    """Return the probability that ``a`` has a higher last return than ``b`` on a random task, and its interval.

    A tie counts as one half. The interval is a bootstrap interval over the seeds.

    Raises:
        UsageError: ``a`` and ``b`` adapted to different tasks.
    """
    _require_same_tasks(a, b, "a probability of improvement")
    x, y = a.returns[..., -1], b.returns[..., -1]  # [R, K] and [R', K]

    def chance(x: Array, y: Array) -> Any:  # [..., R, K], [..., R', K]
        difference = np.sign(x[..., :, None, :] - y[..., None, :, :])
        return (difference.mean(axis=(-3, -2, -1)) + 1) / 2

    rng = np.random.default_rng(0)

    def drawn(values: Array) -> Array:
        return np.take_along_axis(values, np.asarray(rng.integers(len(values), size=values.shape)), axis=0)

    chances = [chance(drawn(x), drawn(y)) for _ in range(PAIRED_RESAMPLES)]
    low, high = np.quantile(chances, [(1 - level) / 2, (1 + level) / 2])
    return float(chance(x, y)), float(low), float(high)


def evaluate(
    agent: Adapts, tasks: Array, seeds: Sequence[int], *, progress: bool = False, **options: Any
) -> Evaluation:
    """Let ``agent`` adapt to ``tasks`` [K, P] once for each seed. ``options`` are passed to ``agent.adapt``."""
    check_count("the number of seeds", len(seeds))
    seeds = [check_count("seed", seed, 0) for seed in seeds]
    bar = tqdm(seeds, disable=not progress, unit="seed", leave=False)
    results = [agent.adapt(tasks, seed=seed, **options) for seed in bar]
    returns = np.stack([result.returns.mean(-1) for result in results])
    env_steps = whole(np.mean([result.env_steps for result in results], axis=0))
    return Evaluation(results[0].tasks, tuple(seeds), returns, env_steps, agent.tasks.sparse)
