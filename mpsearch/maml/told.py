"""A policy that is told its task as a start for MAML: what it was told becomes what an adaptation changes."""

from __future__ import annotations

import torch
from torch import Tensor

from mpsearch.errors import UsageError
from mpsearch.policies import PolicyNet
from mpsearch.records import Array


def told_as_context(told: PolicyNet, context: int, middle: Array) -> dict[str, Tensor]:
    """Return the parameters of a policy whose context has the place of the task that ``told`` is told.

    Its context is in the units of the task. At first it is ``middle``, so that the policy acts as ``told`` does in the
    middle of all tasks.

    Args:
        told: a policy whose last inputs are the task.
        context: C, the width of the context of the policy that takes the parameters over.
        middle: [P] the middle of the range of the tasks.

    Raises:
        UsageError: C is not P, or ``told`` has a context, too.
    """
    if context != len(middle) or told.context is not None:
        raise UsageError(
            f"the start is told its task, and the context takes the place of the task: use context={len(middle)},"
            " and a start without a context of its own"
        )
    parameters: dict[str, Tensor] = dict(told.named_parameters())
    weight = parameters["layers.0.weight"].detach().clone()
    weight[:, -context:] /= told.observation_scale[-context:]
    return {**parameters, "layers.0.weight": weight, "context": torch.as_tensor(middle, dtype=weight.dtype)}
