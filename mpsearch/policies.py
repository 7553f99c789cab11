"""Policies: networks that take their parameters with or without a leading task axis."""

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
    """A linear layer whose weight may be one for all tasks, [out, in], or one a task, [K, out, in]."""

    def reset_parameters(self) -> None:
        """Zeros: :meth:`PolicyNet.initialise` draws the weights, from a generator of its own."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[K, N, in] -> [K, N, out]; [..., in] -> [..., out] with shared weights."""
        if self.weight.dim() == 2:
            return functional.linear(x, self.weight, self.bias)
        return torch.baddbmm(self.bias.unsqueeze(-2), x, self.weight.mT)


class PolicyNet(nn.Module):
    """A Gaussian policy: mean by a tanh network, standard deviation learned but not state-dependent.

    Observations are divided by ``observation_scale`` inside the network, which stores it, so that a
    policy and the scale it was trained with cannot be separated.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the tanh layers.
        observation_scale: [O] typical size of each observation; ones if not given.
        initial_std: standard deviation of the actions before training.
        minimum_std: exploration never falls below this.
        context: C, the width of a learned vector that is fed in beside the observation. It gives a
            gradient step a direct way to tell the whole network which task this is ("bias
            transformation", Finn et al. 2017b, section 4.2); 0 leaves it out.
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
        """Draw the weights: Glorot-uniform, the last layer a hundredth of it so that means start near zero."""
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            nn.init.xavier_uniform_(layer.weight, gain=0.01 if i == last else 1.0, generator=generator)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        return self

    def forward(self, observations: Tensor) -> Normal:
        """The action distribution: observations [K, N, O] -> Normal of [K, N, A].

        With parameters shared by all tasks, any leading shape [..., O] will do.
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
        """The actions' standard deviation: [A], or [K, 1, A] with one parameter vector a task."""
        std = (torch.exp(2 * self.log_std) + self.minimum_std**2).sqrt() if self.minimum_std else self.log_std.exp()
        return std.unsqueeze(-2) if std.dim() == 2 else std

    @torch.no_grad()
    def folded(self) -> Callable[[Array], Array]:
        """The mean as a function of observations, [K, N, O] -> [K, N, A], with the parameters of this moment.

        For acting, where little is computed very often: what is the same at every call, the observation's scale and
        the context, becomes part of the first layer, and NumPy takes a third of torch's time for such small products.
        """
        # Contiguous as [K, in, out], which is how the batched product reads it fastest.
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
    """Log-density of actions [..., A], summed over A."""
    return distribution.log_prob(actions).sum(-1)


def with_parameters(policy: PolicyNet, parameters: Iterable[Tensor]) -> Callable[[Tensor], Normal]:
    """``policy`` acting with other ``parameters``, each with or without a leading task axis."""
    named = dict(zip((name for name, _ in policy.named_parameters()), parameters, strict=True))
    return lambda observations: functional_call(policy, named, (observations,))
