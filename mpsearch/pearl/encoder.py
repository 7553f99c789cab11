"""The inference network q(z | c): what a few transitions say about the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional

from mpsearch.errors import UsageError
from mpsearch.pearl.networks import Layers

LEAST_VARIANCE = 1e-7  # of one factor, as in the authors' code: a factor cannot become infinitely certain


class Encoder(nn.Module):
    """q(z | c) as a product of Gaussians, one for each transition (Rakelly et al. 2019, section 4.1).

    ``q(z | c_1..N)`` is proportional to ``N(z; 0, 1) * prod_n N(z; mean(c_n), variance(c_n))``. Precisions add,
    so the order of the transitions does not matter, each one sharpens the belief, and no transition at all leaves
    the prior. (The authors' code leaves the prior out of the product and treats the empty context apart.)

    Args:
        scale: [C] typical size of each entry of a transition (s, a, r, s').
    """

    scale: Tensor

    def __init__(self, transition_dim: int, latent_dim: int, hidden: Sequence[int], scale: Any):
        super().__init__()
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))
        self.layers = Layers([transition_dim, *hidden, 2 * latent_dim])

    def factors(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and precision of each transition's Gaussian, [K, N, Z] each; context [K, N, C]."""
        if context.dim() != 3 or context.shape[-1] != len(self.scale):
            raise UsageError(
                f"a context must have shape [K, N, {len(self.scale)}], one row (s, a, r, s') a transition,"
                f" not {list(context.shape)}"
            )
        flat = (context / self.scale).flatten(0, 1)
        mean, raw = self.layers(flat).unflatten(0, context.shape[:2]).chunk(2, dim=-1)
        return mean, functional.softplus(raw).clamp_min(LEAST_VARIANCE).reciprocal()

    def forward(self, context: Tensor, mask: Tensor | None = None) -> Normal:
        """The belief about z, [K, Z], given each task's transitions [K, N, C]; N may be 0.

        With ``mask`` [K, N], those count where it is 1, and not where it is 0.
        """
        mean, precision = self.factors(context)
        if mask is not None:
            precision = precision * mask[..., None]
        total = 1 + precision.sum(-2)
        return Normal((precision * mean).sum(-2) / total, total.rsqrt(), validate_args=False)


def kl_from_prior(belief: Normal) -> Tensor:
    """KL(q(z | c) || N(0, 1)) of each latent dimension, [K, Z]."""
    mean, variance = belief.mean, belief.variance
    return 0.5 * (variance + mean.square() - 1 - variance.log())
