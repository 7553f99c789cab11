"""Policies: networks whose parameters are shared by all tasks, or have a leading task axis with one set per task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.func import functional_call
from torch.nn import functional

from mpsearch.errors import UsageError
from mpsearch.records import Array


class TaskLinear(nn.Linear):
    """A linear layer whose weight is either shared by all tasks, [out, in], or different for each, [K, out, in]."""

    def reset_parameters(self) -> None:
        """Set the parameters to zero. :meth:`PolicyNet.initialise` draws the weights later, from its generator."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map [K, N, in] to [K, N, out]. With shared weights, map [..., in] to [..., out]."""
        if self.weight.dim() == 2:
            return functional.linear(x, self.weight, self.bias)
        return torch.baddbmm(self.bias.unsqueeze(-2), x, self.weight.mT)


class PolicyNet(nn.Module):
    """A Gaussian policy.

    A network with tanh layers computes the mean from the observation. The standard deviation is learned and does not
    depend on the observation. The network divides observations by ``observation_scale`` and stores this scale, so
    that a saved policy always has the scale with which it was trained.

    Args:
        observation_dim, action_dim: O and A.
        hidden: the widths of the tanh layers.
        observation_scale: [O] the typical magnitude of each observation; ones by default.
        initial_std: the standard deviation of the actions before training.
        minimum_std: a lower bound of the standard deviation, so that exploration never ends.
        context: C, the width of a learned vector that is an additional input of the network. Through it, a gradient
            step can adapt the whole network to a task ("bias transformation", Finn et al. 2017b, section 4.2). 0
            leaves it out.

    Raises:
        UsageError: ``minimum_std`` is negative, or ``initial_std`` is not above it.
    """

    observation_scale: Tensor

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        hidden: Sequence[int] = (64, 64),
        observation_scale: Any = None,
        initial_std: float = 0.5,
        minimum_std: float = 0.0,
        context: int = 0,
    ) -> None:
        super().__init__()
        if not initial_std > minimum_std >= 0:
            raise UsageError(f"need initial_std > minimum_std >= 0, not {initial_std} and {minimum_std}")
        self.config = {
            "observation_dim": observation_dim,
            "action_dim": action_dim,
            "hidden": list(hidden),
            "initial_std": initial_std,
            "minimum_std": minimum_std,
            "context": context,
        }
        scale = torch.ones(observation_dim) if observation_scale is None else torch.as_tensor(observation_scale)
        self.register_buffer("observation_scale", scale.to(torch.get_default_dtype()))
        self.context = nn.Parameter(torch.zeros(context)) if context else None
        widths = [observation_dim + context, *hidden, action_dim]
        self.layers = nn.ModuleList(TaskLinear(i, o) for i, o in pairwise(widths))
        self.log_std = nn.Parameter(torch.tensor(initial_std**2 - minimum_std**2).log().div(2).repeat(action_dim))
        self.minimum_std = minimum_std

    def initialise(self, generator: torch.Generator) -> PolicyNet:
        """Draw the weights from the Glorot-uniform distribution, and return this policy.

        The weights of the last layer are multiplied by 0.01, so that the mean actions start near zero.
        """
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            nn.init.xavier_uniform_(layer.weight, gain=0.01 if i == last else 1.0, generator=generator)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        return self

    def forward(self, observations: Tensor) -> Normal:
        """Return the distribution of the actions [K, N, A] for observations [K, N, O].

        If all tasks share the parameters, the observations may have any shape [..., O].
        """
        x = observations / self.observation_scale
        if self.context is not None:
            context = self.context.unsqueeze(-2) if self.context.dim() == 2 else self.context
            x = torch.cat([x, context.expand(*x.shape[:-1], -1)], dim=-1)
        *hidden, last = self.layers
        for layer in hidden:
            x = torch.tanh(layer(x))
        mean = last(x)
        return Normal(mean, self.std().expand_as(mean), validate_args=False)

    def std(self) -> Tensor:
        """Return the standard deviation of the actions: [A], or [K, 1, A] if each task has its own parameters."""
        std = (torch.exp(2 * self.log_std) + self.minimum_std**2).sqrt() if self.minimum_std else self.log_std.exp()
        return std.unsqueeze(-2) if std.dim() == 2 else std

    @torch.no_grad()
    def folded(self) -> Callable[[Array], Array]:
        """Return a fast function that maps observations [K, N, O] to mean actions [K, N, A].

        It uses copies of the present parameters. It is for collecting episodes, which needs many small computations.
        The observation scale and the context are the same at every call, so they become part of the first layer. The
        function uses NumPy, which takes a third of torch's time for such small products.
        """
        # The weights are stored contiguously as [K, in, out], because batched products are fastest with this layout.
        weights = [layer.weight.mT.clone(memory_format=torch.contiguous_format) for layer in self.layers]  # type: ignore[operator]
        biases = [layer.bias.unsqueeze(-2).clone() for layer in self.layers]  # type: ignore[operator]
        size = len(self.observation_scale)
        if self.context is not None:
            biases[0] = biases[0] + self.context.unsqueeze(-2) @ weights[0][..., size:, :]
        weights[0] = (weights[0][..., :size, :] / self.observation_scale.unsqueeze(-1)).contiguous()
        *hidden, last = [(w.numpy(), b.numpy()) for w, b in zip(weights, biases, strict=True)]

        def mean(observations: Array) -> Array:
            x = observations
            for weight, bias in hidden:
                x = x @ weight
                x += bias
                np.tanh(x, out=x)
            x = x @ last[0]
            x += last[1]
            return x

        return mean


def log_prob(distribution: Normal, actions: Tensor) -> Tensor:
    """Return the log-density [...] of actions [..., A], which is the sum over the A numbers of an action."""
    return distribution.log_prob(actions).sum(-1)


def with_parameters(policy: PolicyNet, parameters: Iterable[Tensor]) -> Callable[[Tensor], Normal]:
    """Return a function that acts like ``policy`` with other ``parameters``.

    Args:
        policy: the policy.
        parameters: one tensor for each of its parameters, in their order. All are shared by the tasks, or all have a
            leading task axis.
    """
    named = dict(zip((name for name, _ in policy.named_parameters()), parameters, strict=True))
    return lambda observations: functional_call(policy, named, (observations,))
