"""The policies that result from an adaptation of PEARL: one deterministic policy for each task and stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mpsearch.pearl.networks import Actor
from mpsearch.records import Array
from mpsearch.surroundings import own_torch


@dataclass(frozen=True)
class ConditionedPolicy:
    """The mean action of ``actor`` for one vector z [Z] of the task: observation [..., O] -> action [..., A]."""

    actor: Actor
    z: Tensor

    def __call__(self, observation: Array) -> Array:
        with own_torch(), torch.no_grad():
            observations = torch.from_numpy(np.array(observation, dtype=np.float32))
            flat = observations.reshape(-1, observations.shape[-1])
            mean, _ = self.actor(flat, self.z.expand(len(flat), -1))
            return torch.tanh(mean).reshape(*observations.shape[:-1], -1).numpy()


@dataclass(frozen=True)
class ConditionedPolicies:
    """Maps a task index k and a stage to the policy of that task at that stage.

    Attributes:
        actor: a copy of the network, made when the adaptation ended.
        guesses: the z of each stage, [K, Z].
    """

    actor: Actor
    guesses: Sequence[Tensor]

    def __call__(self, k: int, stage: int) -> ConditionedPolicy:
        return ConditionedPolicy(self.actor, self.guesses[stage][k])
