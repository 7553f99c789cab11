"""Checks of a loss that a learner's function returns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from mpsearch.course.exercises.words import Mistake


def check_loss(loss: Any, advice: str, name: str = "loss") -> Tensor:
    """Return ``loss``, after checking that it is a tensor with one number.

    Args:
        loss: what the learner's function returned.
        advice: how to make one number of it.
        name: what the message calls it.

    Raises:
        Mistake: it is not a tensor, or it has more than one number.
    """
    if not isinstance(loss, Tensor):
        raise Mistake(f"the {name} is of type {type(loss).__name__}; it must be a tensor, or it has no gradient")
    if loss.ndim:
        raise Mistake(f"the {name} has shape {tuple(loss.shape)}; it must be one number: {advice}")
    return loss


def gradient_vector(loss: Tensor, module: nn.Module) -> Tensor:
    """Return the gradient of ``loss`` with respect to the parameters of ``module``, as one vector.

    Parameters that the loss does not depend on have the gradient 0.
    """
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return parameters_to_vector(gradients)
