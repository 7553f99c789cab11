"""PEARL's networks: the density of squashed actions, and copies that are one network and yet separate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Independent, Normal, TanhTransform, TransformedDistribution

from mpsearch.pearl.networks import LOG_STD, Actor, Layers, TwinCritic, squash


@pytest.mark.parametrize("mean", [-2.0, 0.0, 0.7])
@pytest.mark.parametrize("log_std", [-3.0, -0.5, 0.8])
def test_the_density_of_squashed_actions_integrates_to_one(mean, log_std) -> None:
    noise = torch.linspace(-8, 8, 20_001, dtype=torch.float64)[:, None]
    mean, log_std = torch.full_like(noise, mean), torch.full_like(noise, log_std)
    actions, log_prob = squash(mean, log_std, noise)
    assert torch.trapezoid(log_prob.exp(), actions[:, 0]).item() == pytest.approx(1, abs=1e-4)
    unsquashed = Normal(mean, log_std.exp()).log_prob(mean + log_std.exp() * noise)[:, 0]
    assert torch.trapezoid(unsquashed.exp(), actions[:, 0]).item() < 0.999  # without da/du it would not


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-5, 0.5), st.floats(-2, 2)), min_size=1, max_size=3))
def test_the_density_is_that_of_torch(rows) -> None:
    mean, log_std, noise = torch.tensor(rows, dtype=torch.float64).T
    actions, log_prob = squash(mean, log_std, noise)
    expected = TransformedDistribution(Independent(Normal(mean, log_std.exp()), 1), [TanhTransform()])
    torch.testing.assert_close(actions, torch.tanh(mean + log_std.exp() * noise))
    torch.testing.assert_close(log_prob, expected.log_prob(actions), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("u", [-50.0, 50.0])
def test_the_density_stays_finite_where_tanh_saturates(u) -> None:
    mean = torch.tensor([u], requires_grad=True)
    actions, log_prob = squash(mean, torch.zeros(1), torch.zeros(1))
    assert torch.log1p(-actions.square()).isinf()  # by its definition the slope of tanh would vanish
    assert log_prob.item() == pytest.approx(2 * abs(u) - math.log(4) - 0.5 * math.log(2 * math.pi), rel=1e-5)
    log_prob.backward()
    assert mean.grad.item() == pytest.approx(2 * math.copysign(1, u))


def as_sequential(layers: Layers, i: int) -> nn.Sequential:
    """Copy ``i`` of ``layers`` out of torch's own parts."""
    parts: list[nn.Module] = []
    for weight, bias in zip(layers.weights, layers.biases, strict=True):
        linear = nn.Linear(*weight.shape[1:])
        linear.weight.data, linear.bias.data = weight[i].detach().T, bias[i, 0].detach()
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize("shape", [(7, 3), (2, 7, 3)])
def test_copies_are_separate_networks(shape) -> None:
    layers = Layers([3, 6, 5, 2], copies=2)
    layers.initialise(torch.Generator().manual_seed(0))
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    values = layers(x)
    for i, own in enumerate(x if len(shape) == 3 else (x, x)):
        torch.testing.assert_close(values[i], as_sequential(layers, i)(own), rtol=1e-6, atol=1e-6)
    assert (values[0] - values[1]).abs().max() > 1e-2
    assert torch.equal(x, before)  # ReLU works in place, but not on what it is given


@pytest.mark.parametrize("copies", [None, 2])
def test_gradients_of_layers_are_the_finite_differences(copies) -> None:
    layers = Layers([3, 6, 5, 2], copies=copies).double()
    layers.initialise(torch.Generator().manual_seed(0))
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)

    def values(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        half = len(parameters) // 2
        layers.pairs = list(zip(parameters[:half], parameters[half:], strict=True))
        return layers(x)

    assert torch.autograd.gradcheck(values, (x, *layers.weights, *layers.biases))


def test_weights_start_within_the_bound_of_their_inputs_and_by_the_generator() -> None:
    starts = [Layers([100, 4, 1], copies=2) for _ in range(3)]
    for seed, layers in zip((0, 0, 1), starts, strict=True):
        layers.initialise(torch.Generator().manual_seed(seed))
    first, same, other = (nn.utils.parameters_to_vector(layers.parameters()) for layers in starts)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert 0.09 < starts[0].weights[0].abs().max() <= 0.1
    assert 0.3 < starts[0].weights[1].abs().max() <= 0.5


def test_a_critic_knows_nothing_of_its_twin() -> None:
    critic, generator = TwinCritic(3, 2, 2, (8,), (1.0, 2.0, 0.5)), torch.Generator().manual_seed(0)
    critic.layers.initialise(generator)
    inputs = [torch.randn(7, width, generator=generator) for width in (3, 2, 2)]
    with torch.no_grad():
        before = critic(*inputs)
        for p in critic.parameters():
            p[0] += 1.0
        after = critic(*inputs)
    assert torch.equal(before[1], after[1])
    assert (before[0] != after[0]).all()


@pytest.mark.parametrize("network", [Actor, TwinCritic])
def test_observations_are_divided_by_the_scale_inside(network) -> None:
    scale, generator = torch.tensor([1.0, 2.0, 10.0]), torch.Generator().manual_seed(0)
    observations, actions, z = (torch.randn(7, width, generator=generator) for width in (3, 2, 2))
    others = (z,) if network is Actor else (actions, z)

    def output(scale, observations):
        made = network(3, 2, 2, (8,), scale)
        made.layers.initialise(torch.Generator().manual_seed(1))
        return torch.cat([made(observations, *others)[i] for i in (0, 1)])  # mean and log std, or both values

    torch.testing.assert_close(output(scale, observations * scale), output(torch.ones(3), observations))
    assert (output(scale, observations) - output(torch.ones(3), observations)).abs().max() > 1e-3


def test_the_spread_of_actions_is_bounded_on_both_sides() -> None:
    actor = Actor(3, 2, 2, (), np.ones(3))
    for bias, bound in ((1e3, LOG_STD[1]), (-1e3, LOG_STD[0]), (0.5, 0.5)):
        nn.init.constant_(actor.layers.biases[0], bias)
        assert torch.equal(actor(torch.zeros(1, 3), torch.zeros(1, 2))[1], torch.full((1, 2), bound))
