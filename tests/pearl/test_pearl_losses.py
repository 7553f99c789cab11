"""The losses of PEARL: against loops over transitions, and which of them moves what."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import soft_target
from torch import nn

from mpsearch import PEARL, PEARLConfig, PointNavigation
from mpsearch.pearl.encoder import Encoder, kl_from_prior
from mpsearch.pearl.losses import Transitions, actor_loss, critic_loss, soft_targets, temperature_loss
from mpsearch.pearl.networks import Actor, TwinCritic
from mpsearch.pearl.replay import Replay
from mpsearch.records import Episodes

OBSERVATION, ACTION, LATENT, TASKS, COUNT = 3, 2, 2, 2, 5
WIDTH = 2 * OBSERVATION + ACTION + 1
SCALE = (1.0, 2.0, 0.5)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_networks() -> dict:
    dims = (OBSERVATION, ACTION, LATENT, (8,), SCALE)
    networks = {
        "encoder": Encoder(WIDTH, LATENT, (8,), np.ones(WIDTH)),
        "actor": Actor(*dims),
        "critic": TwinCritic(*dims),
        "target": TwinCritic(*dims),
    }
    for seed, network in enumerate(networks.values()):
        network.layers.initialise(torch.Generator().manual_seed(seed))
        network.double()
    return networks


def make_data(*lead) -> Transitions:
    shapes = ((*lead, OBSERVATION), (*lead, ACTION), lead, (*lead, OBSERVATION))
    data = Transitions(*(randn(*shape, seed=seed) for seed, shape in enumerate(shapes)))
    return replace(data, actions=data.actions.tanh())


MOVED_BY = {
    "critic": {"encoder", "critic"},
    "kl": {"encoder"},
    "actor": {"actor", "critic"},  # the critic only in plain autograd: the trainer asks for the actor's part
    "temperature": {"log_temperature"},
}


def all_losses(networks: dict, log_temperature: torch.Tensor) -> dict:
    """As the trainer computes them, but with nothing held fixed beforehand."""
    encoder, actor, critic, target = networks.values()
    data = make_data(TASKS, COUNT)
    belief = encoder(data.rows())
    z = (belief.mean + belief.stddev * randn(TASKS, LATENT)).repeat_interleave(COUNT, 0)
    data, noise = data.flat(), randn(len(z), ACTION, seed=1)
    options = {"discount": 0.9, "reward_scale": 5.0}
    targets = soft_targets(data, z, noise, actor, target, log_temperature.exp(), **options)
    of_actor, log_prob = actor_loss(data.observations, z, noise, actor, critic, log_temperature.detach().exp())
    return {
        "critic": critic_loss(data, z, targets, critic)[0],
        "kl": kl_from_prior(belief).sum(),
        "actor": of_actor,
        "temperature": temperature_loss(log_temperature, log_prob, -ACTION),
    }


@pytest.mark.parametrize("part", ["encoder", "actor", "critic", "target", "log_temperature"])
@pytest.mark.parametrize("loss", MOVED_BY)
def test_a_loss_moves_what_it_should_and_nothing_else(loss, part) -> None:
    networks, log_temperature = make_networks(), torch.full((), -0.5, dtype=torch.float64, requires_grad=True)
    value = all_losses(networks, log_temperature)[loss]
    moved = [log_temperature] if part == "log_temperature" else list(networks[part].parameters())
    gradients = torch.autograd.grad(value, moved, allow_unused=True)
    if part in MOVED_BY[loss]:
        assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)
    else:
        assert gradients == (None,) * len(moved)


@pytest.fixture(scope="module", name="trained")
def _trained() -> PEARL:
    config = PEARLConfig(
        training_tasks=6,
        gradient_steps=1,
        batch=16,
        context=10,
        hidden=(16,),
        encoder_hidden=(16,),
        actor_every=2,
        evaluate_every=1000,
        evaluation_tasks=3,
        replay_size=2000,
    )
    agent = PEARL(PointNavigation(horizon=10), config)
    agent.train(1, seed=0, progress=False)
    return agent


def after(agent: PEARL, *steps: int) -> PEARL:
    """A copy of ``agent`` after gradient ``steps``; whatever their numbers, from the same data and noise."""
    agent, rng, generator = copy.deepcopy(agent), np.random.default_rng(0), torch.Generator().manual_seed(0)
    for step in steps:
        agent._gradient_step(step, rng, generator)
    return agent


def moved(first: PEARL, second: PEARL) -> set[str]:
    """The parts of which any parameter differs."""
    pairs = zip(first._tensors().items(), second._tensors().values(), strict=True)
    changed = {name for (name, a), b in pairs if isinstance(a, nn.Parameter) and not torch.equal(a, b)}
    return {name.split(".")[0] for name in changed}


def test_the_trainer_lets_the_actors_loss_move_the_actor_and_the_temperature_only(trained) -> None:
    with_actor, without = after(trained, 0), after(trained, 1)  # actor_every is 2
    assert moved(trained, with_actor) == {"encoder", "actor", "critic", "target", "log_temperature"}
    assert moved(trained, without) == {"encoder", "critic", "target"}
    assert moved(with_actor, after(trained, 0, 1)) == {"encoder", "critic", "target"}
    for a, b in zip(with_actor.by_critic_loss, without.by_critic_loss, strict=True):
        assert torch.equal(a.grad, b.grad)
        assert torch.equal(a, b)
    assert all(p.grad is None for p in without.by_actor_loss)
    assert all(p.grad is not None for p in with_actor.by_actor_loss)


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 0.99), st.floats(0.1, 10), st.floats(0, 2), st.integers(0, 1000))
def test_targets_are_those_of_a_loop_over_transitions(discount, reward_scale, temperature, seed) -> None:
    _, actor, _, target = make_networks().values()
    z, noise = randn(COUNT, LATENT, seed=seed), randn(COUNT, ACTION, seed=seed + 1)
    data = replace(make_data(COUNT), terminated=(torch.arange(COUNT) % 2).double() if seed % 2 else 0.0)
    options = {"discount": discount, "reward_scale": reward_scale}
    found = soft_targets(data, z, noise, actor, target, torch.tensor(temperature), **options)
    for n in range(COUNT):
        row = (data.rewards[n], data.next_observations[n], z[n], noise[n])
        over = bool(seed % 2 and n % 2)
        expected = soft_target(*row, actor, target, temperature, discount, reward_scale, over)
        assert found[n].item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("discount", "beyond"), [(0.9, 0.9 * 10), (0.0, 0.0)])
def test_a_time_limit_is_not_a_termination(discount, beyond) -> None:
    """The last transition of an episode is worth what follows, as all others are, unless nothing counts."""
    rng = np.random.default_rng(0)
    shape = (1, 2, 4)
    episodes = Episodes(
        rng.normal(size=(1, 2, 5, 3)), rng.normal(size=(*shape, 2)), rng.normal(size=shape), np.zeros(shape)
    )
    _, actor, _, target = make_networks().values()
    for p in target.parameters():
        nn.init.zeros_(p)
    nn.init.constant_(target.layers.biases[-1], 10.0)
    replay = Replay(1, 4, 4, observation_dim=3, action_dim=2, recent=1)
    replay.add(np.array([0]), episodes)
    data = replay.sample(np.array([0]), 60, np.random.default_rng(1)).flat()
    ends = (data.rewards[:, None] == torch.as_tensor(episodes.rewards[0, :, -1]).float()).any(-1)
    noise, z = torch.zeros(60, ACTION, dtype=torch.float64), randn(60, LATENT)
    found = soft_targets(data, z, noise, actor, target, torch.tensor(0.0), discount=discount, reward_scale=5.0)
    np.testing.assert_allclose(found, 5.0 * data.rewards + beyond, rtol=1e-6)
    assert 0 < ends.sum() < 60  # the last transitions of episodes are among them, and lead to what was seen last
    last = torch.as_tensor(episodes.observations[0, :, -1]).float()
    assert (data.next_observations[ends][:, None] == last).all(-1).any(-1).all()


def test_the_critics_loss_is_the_mean_squared_error_of_both_together() -> None:
    critic, data, z, targets = make_networks()["critic"], make_data(COUNT), randn(COUNT, LATENT), randn(COUNT, seed=9)
    loss, values = critic_loss(data, z, targets, critic)
    expected = 0.0
    for n in range(COUNT):
        row = critic(data.observations[n : n + 1], data.actions[n : n + 1], z[n : n + 1])
        torch.testing.assert_close(values[:, n], row[:, 0])
        expected += sum((value - float(targets[n])) ** 2 for value in row[:, 0].tolist()) / COUNT
    assert loss.item() == pytest.approx(expected)
    assert critic_loss(data, z, values[0].detach(), critic)[0].item() == pytest.approx(
        (values[0] - values[1]).square().mean().item()
    )


def test_the_actors_gradient_equals_finite_differences() -> None:
    _, actor, critic, _ = make_networks().values()
    observations, z, noise = randn(COUNT, OBSERVATION), randn(COUNT, LATENT), randn(COUNT, ACTION, seed=1)

    def loss():
        value, log_prob = actor_loss(observations, z, noise, actor, critic, torch.tensor(0.3))
        assert not log_prob.requires_grad
        return value

    learned = list(actor.parameters())
    gradient = nn.utils.parameters_to_vector(torch.autograd.grad(loss(), learned))
    flat = nn.utils.parameters_to_vector(learned).detach()
    for i in range(0, len(flat), 7):
        ends = []
        for sign in (1, -1):
            nn.utils.vector_to_parameters(flat + sign * 1e-6 * torch.eye(len(flat), dtype=flat.dtype)[i], learned)
            ends.append(loss().item())
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient[i].item(), rel=1e-4, abs=1e-7)


def test_the_actor_is_paid_for_entropy_by_the_temperature() -> None:
    _, actor, critic, _ = make_networks().values()
    given = randn(COUNT, OBSERVATION), randn(COUNT, LATENT), randn(COUNT, ACTION, seed=1), actor, critic
    (cold, log_prob), (warm, _) = (actor_loss(*given, torch.tensor(temperature)) for temperature in (0.0, 0.3))
    assert (warm - cold).item() == pytest.approx(0.3 * log_prob.item(), rel=1e-6)


@pytest.mark.parametrize(("entropy", "direction"), [(-3.0, 1), (-1.0, -1)])
def test_the_temperature_rises_while_the_entropy_is_below_its_target(entropy, direction) -> None:
    log_temperature, log_prob = torch.zeros((), requires_grad=True), torch.tensor(-entropy, requires_grad=True)
    temperature_loss(log_temperature, log_prob, -2.0).backward()
    assert -log_temperature.grad.item() == direction
    assert log_prob.grad is None
