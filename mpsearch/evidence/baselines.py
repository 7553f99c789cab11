"""The baselines that meta-policies are compared with. The first three are those of figure 5 of Finn et al. 2017.

All of them have the interface of a meta-policy, :class:`mpsearch.meta_policy.Adapts`:

- ``random``: gradient steps as in MAML, but from random weights.
- ``average``: gradient steps as in MAML, but from a policy that was trained on all tasks without adaptation. The paper
  calls it "pretrained". It is a :class:`MAML` with ``inner_steps=0``.
- ``oracle``: a policy that observes the task (``told=True``), trained on all tasks. It does not have to adapt.
- ``scratch``: for each task, a new policy that is trained on this task alone by trust-region policy optimisation.
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

RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # the inner rates from which the best one is chosen for a baseline
NAMES = BASELINES
TUNING_SEED = 2**31 - 2  # neither training nor evaluation uses this seed to draw tasks
SCRATCH_ITERATIONS = (0, 3, 30, 300)  # the last three take 1, 10 and 100 times the steps of MAML's adaptation
SCRATCH = MAMLConfig(inner_steps=0, tasks_per_iteration=1, curvature_steps=1000)


class OneTask(TaskDistribution):
    """A family that consists of one task [P] of another family."""

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
        """Return the task ``n`` times, [n, P]."""
        return np.repeat(self.task[None], check_count("the number of tasks", n), axis=0)

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> Batch:
        return self.family.make_batch(tasks, episodes, threads=threads)


@dataclass(frozen=True)
class SeparatePolicies:
    """Maps a task index k and a stage to the policy of the separate training on that task."""

    results: Sequence[Sequence[AdaptationResult]]

    def __call__(self, k: int, stage: int) -> Policy:
        return self.results[k][stage].policy(0, 0)


class FromScratch(Adapts):
    """A new policy for each task, trained on it alone by trust-region policy optimisation (Schulman et al. 2015).

    Args:
        tasks: the family.
        config: hyper-parameters with ``inner_steps=0``.
        iterations: the number of iterations before each stage, in ascending order from 0.

    Raises:
        UsageError: ``config`` has inner steps, or ``iterations`` do not ascend from 0.
    """

    algorithm = "scratch"

    def __init__(
        self, tasks: TaskDistribution, config: MAMLConfig = SCRATCH, iterations: Sequence[int] = SCRATCH_ITERATIONS
    ) -> None:
        if config.inner_steps:
            raise UsageError(f"training from scratch needs inner_steps=0, not {config.inner_steps}")
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
    """Adaptation by gradient steps from random weights, which are drawn anew for each seed."""

    algorithm = "random"

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        self._start(streams)
        return super()._adapt(tasks, streams, episodes, steps, callback, resample_every)


def start(name: str, tasks: TaskDistribution) -> MAML | FromScratch:
    """Create the baseline ``"random"`` or ``"scratch"``. They need no training."""
    return FromScratch(tasks) if name == "scratch" else RandomStart(tasks, MAMLConfig(inner_steps=0))


def with_best_rate(agent: MAML, *, rates: Sequence[float] = RATES, count: int = 6, episodes: int = 20) -> MAML:
    """Give ``agent`` the inner rate with the highest mean return after three steps; returns the agent.

    The return is measured on ``count`` tasks that are drawn for this purpose. The number should be even. Of two
    directions, each is then drawn equally often, and a rate that helps in only one of them has no advantage. The
    paper, too, uses a separate step size for each baseline.

    Raises:
        UsageError: the agent was trained with inner steps, so it has inner rates already.
    """
    if agent.config.inner_steps:
        raise UsageError("this meta-policy was trained with its inner rates; only a baseline's rate can be chosen")
    tasks = agent.tasks.sample(count, Streams(TUNING_SEED).numpy("tuning-tasks"))

    def after(rate: float) -> float:
        agent.config = replace(agent.config, inner_rate=rate)
        return float(agent.adapt(tasks, seed=TUNING_SEED, episodes=episodes).after.mean())

    best = max(rates, key=after)
    agent.config = replace(agent.config, inner_rate=best)
    return agent
