"""The small encoder on which the larger exercise of lesson 06 is checked, and what wrong encoders would compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say
from mpsearch.pearl.encoder import Encoder, kl_from_prior

ENTRIES, LATENT, WIDTH = 4, 2, 8
SCALE = torch.tensor([0.5, 2.0, 1.0, 4.0])


def load_weights(mine: nn.Module, shipped: Encoder) -> None:
    """Copy the weights of the encoder ``shipped`` into the linear layers of ``mine``, in the order of the layers.

    Raises:
        Mistake: ``mine`` has other layers than ``shipped``.
    """
    layers = [module for module in mine.modules() if isinstance(module, nn.Linear)]
    there = [list(weight.shape) for weight in shipped.layers.weights]
    here = [[layer.in_features, layer.out_features] for layer in layers]
    if here != there:
        raise Mistake(
            say(
                "the linear layers are {here} (inputs and outputs of each), and must be {there}", here=here, there=there
            )
        )
    with torch.no_grad():
        for layer, weight, bias in zip(layers, shipped.layers.weights, shipped.layers.biases, strict=True):
            layer.weight.copy_(weight.T)
            layer.bias.copy_(bias)


def small_encoder() -> Encoder:
    """The library's encoder with fixed weights, which stands for the shipped one."""
    encoder = Encoder(ENTRIES, LATENT, (WIDTH, WIDTH), SCALE)
    encoder.layers.initialise(torch.Generator().manual_seed(3))
    return encoder


def small_context(tasks: int, transitions: int) -> Tensor:
    """[K, N, C] random transitions."""
    return SCALE * torch.randn(tasks, transitions, ENTRIES, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
def outputs(
    context: Tensor, scaled: Callable[[Tensor], Tensor] = lambda x: x / SCALE, bend: Any = torch.relu
) -> Tensor:
    """[K, N, 2 Z] what the last layer gives."""
    x, layers = scaled(context), small_encoder().layers
    for weight, bias in layers.pairs[:-1]:
        x = bend(x @ weight + bias)
    return x @ layers.pairs[-1][0] + layers.pairs[-1][1]


def factors(
    context: Tensor, wide: Callable[[Tensor], Tensor] = lambda raw: softplus(raw).clamp_min(1e-7), **raw: Any
) -> Tensor:
    """[2, K, N, Z] the means and variances of the factors, with another ``wide`` in the place of softplus, if given."""
    mean, spread = outputs(context, **raw).chunk(2, dim=-1)
    return torch.stack([mean, wide(spread)])


def other_half(context: Tensor) -> Tensor:
    """[2, K, N, Z] as :func:`factors`, with the second half of the outputs taken for the means."""
    spread, mean = outputs(context).chunk(2, dim=-1)
    return torch.stack([mean, softplus(spread)])


def belief(context: Tensor, prior: float = 1.0, in_mean: float | None = None) -> Tensor:
    """[2, K, Z] means and standard deviations, with another precision of the prior, or another one in the mean."""
    mean, variance = factors(context)
    total = (1 / variance).sum(1)
    weighed = (mean / variance).sum(1) / (total + (prior if in_mean is None else in_mean))
    return torch.stack([weighed, (total + prior).rsqrt()])


def added_variances(context: Tensor) -> Tensor:
    """[2, K, Z] as :func:`belief`, with the variances in the place of the precisions."""
    mean, variance = factors(context)
    total = 1 + variance.sum(1)
    return torch.stack([(variance * mean).sum(1) / total, total.rsqrt()])


def guess(context: Tensor, noise: Tensor) -> Tensor:
    """[K, Z] mean + standard deviation * noise."""
    found = small_encoder()(context)
    return found.mean + found.stddev * noise


def right_gradient(context: Tensor, noise: Tensor, width: bool = True) -> Tensor:
    """The :func:`gradient` of the guesses, through mean and standard deviation; without width the mean only."""
    network = small_encoder()
    found = network(context)
    std = found.stddev if width else found.stddev.detach()
    return gradient(found.mean + std * noise, network)


def price(context: Tensor) -> Tensor:
    """[K, Z] the divergence from the prior in each dimension."""
    return kl_from_prior(small_encoder()(context)).detach()


def gradient(z: Tensor, network: nn.Module) -> Tensor:
    """How much the sum of ``z`` depends on each weight and bias of the network, sorted."""
    slopes = torch.autograd.grad(z.sum(), list(network.parameters()), allow_unused=True, materialize_grads=True)
    return torch.stack([slope.abs().sum() for slope in slopes]).sort().values  # the order of parameters may differ
