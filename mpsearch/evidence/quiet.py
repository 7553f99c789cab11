"""MAML without its noise: its adapted policies, scored by their mean actions, as PEARL is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mpsearch.maml import MAML
from mpsearch.meta_policy import Adapts, Callback
from mpsearch.records import AdaptationResult, Array, Episodes
from mpsearch.rollouts import collect
from mpsearch.seeding import Streams


class MeanActions(Adapts):
    """MAML that adapts with sampled actions as always, and whose policies are then scored by their mean actions.

    Each stage is scored in episodes of their own, as many as it explores with. They are not counted as spent on
    adapting, since nothing is learned from them.

    Attributes:
        agent: MAML.
    """

    algorithm = MAML.algorithm

    def __init__(self, agent: MAML) -> None:
        self.agent, self.tasks = agent, agent.tasks

    @property
    def default_episodes(self) -> int:
        return self.agent.default_episodes

    @property
    def default_steps(self) -> int:
        return self.agent.default_steps

    def _adapt(
        self, tasks: Array, streams: Streams, episodes: int, steps: int, callback: Callback, resample_every: int | None
    ) -> AdaptationResult:
        adapted = self.agent._adapt(tasks, streams, episodes, steps, callback, resample_every)
        scored = [self._score(adapted, stage, episodes, streams) for stage in range(steps + 1)]
        quiet = AdaptationResult.of_stages(tasks, scored, adapted.policies)
        return replace(quiet, env_steps=adapted.env_steps)

    def _score(self, adapted: AdaptationResult, stage: int, episodes: int, streams: Streams) -> Episodes:
        policies = [adapted.policy(k, stage) for k in range(len(adapted.tasks))]

        def act(observations: Array) -> tuple[Array, Array]:
            actions = np.stack([policy(seen) for policy, seen in zip(policies, observations, strict=True)])
            return actions, np.zeros(actions.shape[:2])  # [K, E, A], and log-densities that nothing reads

        batch = self.tasks.make_batch(adapted.tasks, episodes)
        return collect(batch, self.tasks.horizon, act, streams.numpy("score", stage), record=True)
