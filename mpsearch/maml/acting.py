"""The policies that result from an adaptation of MAML: one deterministic policy for each task and stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mpsearch.policies import PolicyNet, with_parameters
from mpsearch.records import Array
from mpsearch.surroundings import own_torch


@dataclass(frozen=True)
class MeanPolicy:
    """The mean action of ``network`` with other ``parameters``: observation [..., O] -> action [..., A] in [-1, 1].

    Attributes:
        network: the architecture.
        parameters: in the order of ``network.parameters()``.
    """

    network: PolicyNet
    parameters: Sequence[Tensor]

    def __call__(self, observation: Array) -> Array:
        with own_torch(), torch.no_grad():
            observations = torch.from_numpy(np.array(observation, dtype=np.float32))
            mean: Array = with_parameters(self.network, self.parameters)(observations).mean.numpy()
        return mean.clip(-1.0, 1.0)


@dataclass(frozen=True)
class AdaptedPolicies:
    """Maps a task index k and a stage to the policy of that task at that stage.

    Attributes:
        network: the architecture.
        stages: the parameters at each stage, each tensor [K, ...].
    """

    network: PolicyNet
    stages: Sequence[Sequence[Tensor]]

    def __call__(self, k: int, stage: int) -> MeanPolicy:
        return MeanPolicy(self.network, [p[k].detach().clone() for p in self.stages[stage]])
