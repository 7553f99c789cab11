"""Checks of a loss that a learner's function returns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say


def check_loss(loss: Any, advice: str, name: str | None = None) -> Tensor:
    """Return ``loss``, after checking that it is a tensor with one number.

    Args:
        loss: what the learner's function returned.
        advice: how to make one number of it.
        name: what the message calls it; "loss" by default.

    Raises:
        Mistake: it is not a tensor, or it has more than one number.
    """
    name = name or say("loss")
    if not isinstance(loss, Tensor):
        words = say("is of type {kind}; it must be a tensor, or it has no gradient", kind=type(loss).__name__)
        raise Mistake(say("the {name} {wrong}", name=name, wrong=words))
    if loss.ndim:
        words = say("has shape {found}; it must be one number: {advice}", found=tuple(loss.shape), advice=advice)
        raise Mistake(say("the {name} {wrong}", name=name, wrong=words))
    return loss


def gradient_vector(loss: Tensor, module: nn.Module) -> Tensor:
    """Return the gradient of ``loss`` with respect to the parameters of ``module``, as one vector.

    Parameters that the loss does not depend on have the gradient 0.
    """
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return parameters_to_vector(gradients)
