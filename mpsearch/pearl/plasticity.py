"""Dormant units: what no input activates learns nothing, and drawn anew it learns again (ReDo, Sokar et al. 2023)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mpsearch.pearl.networks import Layers

DORMANT = 0.025  # a unit is dormant below this share of its layer's mean activation; the paper has 0.025 to 0.1


@torch.no_grad()
def dormant_units(layers: Layers, inputs: Tensor) -> list[Tensor]:
    """Which units of each hidden layer are dormant on ``inputs`` [N, in]; [out] or [copies, out], booleans."""
    means = [hidden.mean(-2) for hidden in layers.hidden(inputs)]
    return [mean <= DORMANT * mean.mean(-1, keepdim=True) for mean in means]


@torch.no_grad()
def revive(layers: Layers, dormant: Sequence[Tensor], generator: torch.Generator) -> None:
    """Draw the weights into each dormant unit anew, and set those out of it to zero, so that the outputs stay."""
    fresh = copy.deepcopy(layers)
    fresh.initialise(generator)
    for i, units in enumerate(dormant):
        for old, new in zip(layers.pairs[i], fresh.pairs[i], strict=True):
            old.copy_(torch.where(_columns(units, old), new, old))
        layers.pairs[i + 1][0].masked_fill_(units[..., :, None], 0.0)


def revived(layers: Layers, dormant: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """The parameters that :func:`revive` writes to, each with the mask of its entries that it changes."""
    for i, units in enumerate(dormant):
        for parameter in layers.pairs[i]:
            yield parameter, _columns(units, parameter).expand_as(parameter)
        following = layers.pairs[i + 1][0]
        yield following, units[..., :, None].expand_as(following)


def _columns(units: Tensor, parameter: Tensor) -> Tensor:
    """``units`` [(copies,) out] so that it fits a weight [(copies,) in, out] or a bias [out], [copies, 1, out]."""
    return units if parameter.dim() == units.dim() else units[..., None, :]
