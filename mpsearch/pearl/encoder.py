"""The inference network q(z | c), which infers the latent task variable z from a context c of transitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional

from mpsearch.errors import UsageError
from mpsearch.pearl.networks import Layers

LEAST_VARIANCE = 1e-7  # the smallest variance of a factor, as in the authors' code; it keeps the precision finite


class Encoder(nn.Module):
    """The belief q(z | c) as a product of Gaussians, one for each transition (Rakelly et al. 2019, section 4.1).

    ``q(z | c_1..N)`` is proportional to ``N(z; 0, 1) * prod_n N(z; mean(c_n), variance(c_n))``. The precisions of the
    factors add up. Therefore the order of the transitions does not matter, each transition makes the belief narrower,
    and without transitions the belief is the prior. (The authors' code leaves the prior out of the product and
    handles an empty context separately.)

    Args:
        transition_dim: C, the number of entries of a transition (s, a, r, s').
        latent_dim: Z.
        hidden: the widths of the hidden layers.
        scale: [C] the typical magnitude of each entry of a transition.
    """

    scale: Tensor

    def __init__(self, transition_dim: int, latent_dim: int, hidden: Sequence[int], scale: Any):
        super().__init__()
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))
        self.layers = Layers([transition_dim, *hidden, 2 * latent_dim])

    def factors(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the precision of each transition's Gaussian, [K, N, Z] each, for a context [K, N, C].

        Raises:
            UsageError: the context does not have the shape [K, N, C].
        """
        if context.dim() != 3 or context.shape[-1] != len(self.scale):
            raise UsageError(
                f"a context must have shape [K, N, {len(self.scale)}], one row (s, a, r, s') for each transition,"
                f" not {list(context.shape)}"
            )
        flat = (context / self.scale).flatten(0, 1)
        mean, raw = self.layers(flat).unflatten(0, context.shape[:2]).chunk(2, dim=-1)
        return mean, functional.softplus(raw).clamp_min(LEAST_VARIANCE).reciprocal()

    def forward(self, context: Tensor, counts: Tensor | None = None) -> Normal:
        """Return the beliefs about z, [K, Z], given the transitions [K, N, C] of each task.

        N may be 0. If tasks have different numbers of transitions, ``counts`` [K, N] is 1 for
        transitions and 0 for padding, whose factors are left out.
        """
        mean, precision = self.factors(context)
        if counts is not None:
            precision = precision * counts[..., None]
        total = 1 + precision.sum(-2)
        return Normal((precision * mean).sum(-2) / total, total.rsqrt(), validate_args=False)


def kl_from_prior(belief: Normal) -> Tensor:
    """Return the divergence KL(q(z | c) || N(0, 1)) of each latent dimension, [K, Z]."""
    mean, variance = belief.mean, belief.variance
    return 0.5 * (variance + mean.square() - 1 - variance.log())
