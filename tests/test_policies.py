"""PolicyNet: density, scaling, the task axis, exploration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import gaussian_log_prob

from mpsearch.errors import UsageError
from mpsearch.policies import PolicyNet, log_prob, with_parameters


def make(**options) -> PolicyNet:
    return PolicyNet(3, 2, hidden=(8,), **options).initialise(torch.Generator().manual_seed(0))


def test_the_density_is_the_gaussian_formula() -> None:
    policy, observation, action = make(), torch.randn(3, generator=torch.Generator().manual_seed(1)), [0.3, -0.2]
    distribution = policy(observation)
    expected = gaussian_log_prob(distribution.mean.tolist(), distribution.stddev.tolist(), action)
    assert log_prob(distribution, torch.tensor(action)).item() == pytest.approx(expected, rel=1e-5)


def test_observations_are_divided_by_the_scale_inside() -> None:
    plain, scaled = make(), make(observation_scale=[1.0, 2.0, 10.0])
    observation = torch.tensor([0.5, 1.0, -3.0])
    torch.testing.assert_close(scaled(observation * torch.tensor([1.0, 2.0, 10.0])).mean, plain(observation).mean)
    assert "observation_scale" in scaled.state_dict()


@pytest.mark.parametrize("context", [0, 3])
def test_a_task_axis_runs_every_task_with_its_own_parameters(context) -> None:
    policy = make(context=context)
    generator = torch.Generator().manual_seed(2)
    stacked = [torch.randn(4, *p.shape, generator=generator) for p in policy.parameters()]
    observations = torch.randn(4, 5, 3, generator=generator)
    together = with_parameters(policy, stacked)(observations)
    for k in range(4):
        alone = with_parameters(policy, [p[k] for p in stacked])(observations[k])
        torch.testing.assert_close(together.mean[k], alone.mean)
        torch.testing.assert_close(together.stddev[k], alone.stddev)


def test_exploration_starts_as_asked_and_never_falls_below_the_minimum() -> None:
    policy = make(initial_std=0.5, minimum_std=0.2)
    torch.testing.assert_close(policy(torch.zeros(3)).stddev, torch.full((2,), 0.5))
    torch.nn.init.constant_(policy.log_std, -50.0)
    torch.testing.assert_close(policy(torch.zeros(3)).stddev, torch.full((2,), 0.2))
    with pytest.raises(UsageError, match="initial_std"):
        make(initial_std=0.1, minimum_std=0.2)


def test_the_same_generator_gives_the_same_start() -> None:
    a, b = make(), make()
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(
        a.layers[0].weight, PolicyNet(3, 2, hidden=(8,)).initialise(torch.Generator()).layers[0].weight
    )


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("own", [False, True])
def test_folded_is_the_same_mean(context, own) -> None:
    policy = make(context=context, observation_scale=[1.0, 10.0, 0.1])
    if own:  # one parameter vector for each of two tasks
        generator = torch.Generator().manual_seed(1)
        for parameter in policy.parameters():
            parameter.data = parameter + torch.randn((2, *parameter.shape), generator=generator)
    observations = torch.randn((2, 5, 3), generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(torch.from_numpy(policy.folded()(observations.numpy())), policy(observations).mean)


def test_folded_keeps_the_parameters_of_the_moment_and_the_observations() -> None:
    policy = PolicyNet(1, 1, hidden=(1,), context=1).initialise(torch.Generator().manual_seed(0))
    mean, observations = policy.folded(), np.ones((1, 1, 1), dtype=np.float32)
    before = mean(observations).copy()
    for parameter in policy.parameters():
        parameter.data += 1
    np.testing.assert_array_equal(mean(observations), before)
    np.testing.assert_array_equal(observations, 1)
    assert not np.allclose(before, policy(torch.from_numpy(observations)).mean.detach())


def test_folded_takes_a_context_a_task_with_weights_for_all() -> None:
    policy = make(context=3)
    observations = torch.randn((2, 5, 3), generator=torch.Generator().manual_seed(2))
    policy.context.data = torch.randn((2, 3), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(torch.from_numpy(policy.folded()(observations.numpy())), policy(observations).mean)
