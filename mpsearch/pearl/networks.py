"""PEARL's actor and critics: the networks of soft actor-critic with the latent task variable z as another input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mpsearch.rollouts import HALF_LOG_2PI

LOG_STD = (-5.0, 2.0)  # bounds of the log standard deviation of actions before tanh, as in Haarnoja et al. 2018


class Layers(nn.Module):
    """Linear layers with ReLU between them.

    With ``copies``, it holds this many independent networks, which one batched product evaluates together. A weight
    is [in, out], or [copies, in, out].

    Args:
        widths: the widths of the input, of the hidden layers and of the output.
        copies: the number of networks; ``None`` for a single one without the leading axis.
    """

    def __init__(self, widths: Sequence[int], copies: int | None = None) -> None:
        super().__init__()
        lead = () if copies is None else (copies,)
        self.weights = nn.ParameterList(torch.zeros(*lead, i, o) for i, o in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(*lead, *lead and (1,), o) for o in widths[1:])
        self.pairs = list(zip(self.weights, self.biases, strict=True))  # a list is faster to read than a ParameterList

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights and biases from U(-b, b) with b = 1 / sqrt(inputs), which is torch's default."""
        for weight, bias in self.pairs:
            bound = weight.shape[-2] ** -0.5
            nn.init.uniform_(weight, -bound, bound, generator=generator)
            nn.init.uniform_(bias, -bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in] to [N, out], or to [copies, N, out]."""
        *inner, (last, bias) = self.pairs
        for weight, shift in inner:
            x = ShiftedReLU.apply(multiply(x, weight), shift)
        return multiply(x, last) + bias


class ShiftedReLU(torch.autograd.Function):
    """relu(x + shift), computed in place in both the forward and the backward pass.

    It is faster than separate operations, because with small batches most of the time is spent reading and writing
    memory. It overwrites ``x`` and the gradient, so no other operation may use them. Between two matrix products this
    is the case.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, shift: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        y = x.add_(shift).relu_()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        (y,) = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward.grad_input(gradient, y, 0, grad_input=gradient)
        return gradient, gradient.sum(-2, keepdim=gradient.dim() == 3)


def multiply(x: Tensor, weight: Tensor) -> Tensor:
    """Return x @ weight, for weights [in, out] or [copies, in, out].

    With copies, x is [copies, N, in] with one input for each copy, or [N, in] with one input for all.
    """
    if weight.dim() == 3:  # ``@`` would copy a shared x for a stack of weights
        return torch.bmm(x.expand(len(weight), *x.shape[-2:]), weight)
    return x @ weight


def squash(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the actions a = tanh(u) [..., A] with u = mean + std * noise, and their log-density [...].

    The density of a is the density of u divided by da/du = 1 - tanh(u)^2 (Haarnoja et al. 2018, appendix C). The
    logarithm of da/du is computed as 2 (log 2 - u - softplus(-2u)), which does not underflow.
    """
    u = mean + log_std.exp() * noise
    log_gaussian = -0.5 * noise.square() - log_std - HALF_LOG_2PI
    log_slope = 2 * (math.log(2) - u - functional.softplus(-2 * u))
    return torch.tanh(u), (log_gaussian - log_slope).sum(-1)


class Actor(nn.Module):
    """The policy pi(a | s, z): a Gaussian whose samples are mapped into (-1, 1) by tanh."""

    observation_scale: Tensor

    def __init__(self, observation_dim: int, action_dim: int, latent_dim: int, hidden: Sequence[int], scale: Any):
        super().__init__()
        self.register_buffer("observation_scale", torch.as_tensor(scale, dtype=torch.float32))
        self.layers = Layers([observation_dim + latent_dim, *hidden, 2 * action_dim])

    def forward(self, observations: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log standard deviation of the action before tanh, [N, A] each.

        Args:
            observations: [N, O].
            z: [N, Z].
        """
        x = torch.cat([observations / self.observation_scale, z], dim=-1)
        mean, log_std = self.layers(x).chunk(2, dim=-1)
        return mean, log_std.clamp(*LOG_STD)


class TwinCritic(nn.Module):
    """The two critics Q_1(s, a, z) and Q_2(s, a, z), evaluated together."""

    observation_scale: Tensor

    def __init__(self, observation_dim: int, action_dim: int, latent_dim: int, hidden: Sequence[int], scale: Any):
        super().__init__()
        self.register_buffer("observation_scale", torch.as_tensor(scale, dtype=torch.float32))
        self.layers = Layers([observation_dim + action_dim + latent_dim, *hidden, 1], copies=2)

    def forward(self, observations: Tensor, actions: Tensor, z: Tensor) -> Tensor:
        """Return the values [2, N] of both critics for observations [N, O], actions [N, A] and z [N, Z]."""
        x = torch.cat([observations / self.observation_scale, actions, z], dim=-1)
        return self.layers(x).squeeze(-1)
