"""What meta-training is compared with: a random start, an average policy, an oracle, and learning from scratch.

The rows of figure 5 of Finn et al. 2017. All of them adapt by the same interface as a meta-policy:

- ``random``: the same gradient steps from random weights;
- ``average``: the same gradient steps from a policy trained on all tasks at once, without adaptation
  ("pretrained" in the paper; :class:`MAML` with ``inner_steps=0``);
- ``oracle``: a policy that sees the task (``told=True``), trained on all tasks; it need not adapt;
- ``scratch``: a new policy, trained on each task alone by trust-region policy optimisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.evidence import BASELINES
from mpsearch.maml import MAML, MAMLConfig
from mpsearch.meta_policy import Adapts, Callback
from mpsearch.records import AdaptationResult, Array, Policy, whole
from mpsearch.seeding import Streams
from mpsearch.tasks import Batch, TaskDistribution

RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # inner rates to choose from: a baseline gets the one that suits it
NAMES = BASELINES
TUNING_SEED = 2**31 - 2  # neither training nor the evaluation draws these tasks
SCRATCH_ITERATIONS = (0, 3, 30, 300)  # once, ten and a hundred times the environment steps of three gradient steps
SCRATCH = MAMLConfig(inner_steps=0, tasks_per_iteration=1, curvature_steps=1000)


class OneTask(TaskDistribution):
    """A family narrowed to one of its tasks [P]."""

    id = "one-task"

    def __init__(self, family: TaskDistribution, task: Array) -> None:
        self.family, self.task = family, family.check([task])[0]
        self.horizon, self.parameter_names = family.horizon, family.parameter_names
        self.observation_dim, self.action_dim = family.observation_dim, family.action_dim
        self.low = self.high = self.task
        self.sparse = family.sparse

    @property
    def observation_scale(self) -> Array:
        return self.family.observation_scale

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """The task, ``n`` times [n, P]."""
        return np.repeat(self.task[None], check_count("the number of tasks", n), axis=0)

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> Batch:
        return self.family.make_batch(tasks, episodes, threads=threads)


@dataclass(frozen=True)
class SeparatePolicies:
    """Maps (task index k, stage) to the policy of the separate training on that task."""

    results: Sequence[Sequence[AdaptationResult]]

    def __call__(self, k: int, stage: int) -> Policy:
        return self.results[k][stage].policy(0, 0)


class FromScratch(Adapts):
    """A new policy for each task, trained on it alone by trust-region policy optimisation (Schulman et al. 2015).

    Args:
        tasks: the family.
        config: of a trainer without inner steps.
        iterations: trained for before each stage, in ascending order from 0.
    """

    algorithm = "scratch"

    def __init__(
        self, tasks: TaskDistribution, config: MAMLConfig = SCRATCH, iterations: Sequence[int] = SCRATCH_ITERATIONS
    ) -> None:
        if config.inner_steps:
            raise UsageError(f"training from scratch has no inner steps, not {config.inner_steps}")
        if iterations[0] != 0 or (np.diff(iterations) <= 0).any():
            raise UsageError(f"iterations must ascend from 0, not {list(iterations)}")
        self.tasks, self.config, self.iterations = tasks, config, tuple(iterations)

    @property
    def default_episodes(self) -> int:
        return self.config.episodes

    @property
    def default_steps(self) -> int:
        return len(self.iterations) - 1

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        iterations = self.iterations[: steps + 1]
        results = [self._train(row, streams, episodes, iterations, callback) for row in tasks]
        return AdaptationResult(
            tasks=tasks,
            returns=np.stack([[stage.returns[0, 0] for stage in stages] for stages in results]),
            env_steps=whole(np.mean([[stage.env_steps[0] for stage in stages] for stages in results], axis=0)),
            trajectories=np.stack([[stage.trajectories[0, 0] for stage in stages] for stages in results]),
            rewards=np.stack([[stage.rewards[0, 0] for stage in stages] for stages in results]),
            policies=SeparatePolicies(results),
        )

    def _train(
        self, task: Array, streams: Streams, episodes: int, iterations: Sequence[int], callback: Callback
    ) -> list[AdaptationResult]:
        learner, stages = MAML(OneTask(self.tasks, task), replace(self.config, episodes=episodes)), []
        learner._start(streams)
        for stage, goal in enumerate(iterations):
            while learner.iteration < goal:
                learner.env_steps += learner._iterate(streams)["env_steps"]
                learner.iteration += 1
            result = learner.adapt(task[None], seed=streams.seed, steps=0)
            stages.append(replace(result, env_steps=np.array([learner.env_steps])))
            callback(stage)
        return stages


class RandomStart(MAML):
    """Random weights, new ones for each seed, which adapt by gradient steps."""

    algorithm = "random"

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        self._start(streams)
        return super()._adapt(tasks, streams, episodes, steps, callback, resample_every)


def start(name: str, tasks: TaskDistribution) -> MAML | FromScratch:
    """The baseline ``"random"`` or ``"scratch"``, which needs no training."""
    return FromScratch(tasks) if name == "scratch" else RandomStart(tasks, MAMLConfig(inner_steps=0))


def with_best_rate(agent: MAML, *, rates: Sequence[float] = RATES, count: int = 6, episodes: int = 20) -> MAML:
    """``agent`` with that of ``rates`` which brings it furthest in three steps on ``count`` tasks drawn for this.

    An even number of tasks: of two directions as many of one as of the other, or whoever falls to one side looks good.
    The paper, too, gives each baseline a step size of its own.

    Raises:
        UsageError: the agent has learned its inner rates.
    """
    if agent.config.inner_steps:
        raise UsageError("this meta-policy was trained with its inner rates; only baselines without any are tuned")
    tasks = agent.tasks.sample(count, Streams(TUNING_SEED).numpy("tuning-tasks"))

    def after(rate: float) -> float:
        agent.config = replace(agent.config, inner_rate=rate)
        return float(agent.adapt(tasks, seed=TUNING_SEED, episodes=episodes).after.mean())

    best = max(rates, key=after)
    agent.config = replace(agent.config, inner_rate=best)
    return agent
