"""Dormant units are found, drawn anew without changing what the network says, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mpsearch import PEARL, PEARLConfig, PointNavigation
from mpsearch.pearl.networks import Layers
from mpsearch.pearl.plasticity import dormant_units, revive, revived
from mpsearch.seeding import Streams


def made(copies: int | None, dead: tuple[int, ...]) -> Layers:
    """Two hidden layers of 6 and 8 units; the units ``dead`` of the second never become active."""
    layers = Layers([4, 6, 8, 3], copies)
    layers.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        layers.biases[0] += 2.0  # all active
        layers.biases[1][...] = 8.0
        layers.biases[1][..., list(dead)] = -100.0
    return layers


def inputs(n: int = 50) -> torch.Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("copies", [None, 2])
@pytest.mark.parametrize("dead", [(), (1,), (0, 5, 7)])
def test_only_dead_units_are_dormant(copies, dead) -> None:
    first, second = dormant_units(made(copies, dead), inputs())
    lead = () if copies is None else (copies,)
    assert first.shape == (*lead, 6)
    assert second.shape == (*lead, 8)
    assert not first.any()
    assert {unit for *_, unit in second.nonzero().tolist()} == set(dead)


def test_a_unit_that_is_hardly_active_is_dormant_and_one_a_little_more_active_is_not() -> None:
    layers = Layers([1, 4, 1])
    with torch.no_grad():
        layers.weights[0][:] = torch.tensor([[1.0, 1.0, 0.012, 0.014]])
    assert dormant_units(layers, torch.ones(3, 1))[0].tolist() == [False, False, True, False]


@pytest.mark.parametrize("copies", [None, 2])
def test_reviving_dead_units_changes_no_output_and_wakes_some_of_them(copies) -> None:
    layers, x = made(copies, (0, 1, 2, 5, 7)), inputs()
    before, dormant = layers(x), dormant_units(layers, x)
    revive(layers, dormant, torch.Generator().manual_seed(2))
    torch.testing.assert_close(layers(x), before)
    assert dormant_units(layers, x)[1].sum() < dormant[1].sum()


@pytest.mark.parametrize("copies", [None, 2])
def test_the_masks_name_every_entry_that_changes_and_no_other(copies) -> None:
    layers, x = made(copies, (0, 5)), inputs()
    before = [parameter.detach().clone() for parameter in layers.parameters()]
    dormant = dormant_units(layers, x)
    revive(layers, dormant, torch.Generator().manual_seed(2))
    masks = {id(parameter): torch.zeros_like(parameter, dtype=torch.bool) for parameter in layers.parameters()}
    for parameter, mask in revived(layers, dormant):
        masks[id(parameter)] |= mask
    for parameter, old in zip(layers.parameters(), before, strict=True):
        assert torch.equal(parameter != old, masks[id(parameter)])


def test_nothing_dormant_means_nothing_done() -> None:
    layers, x = made(2, ()), inputs()
    before = [parameter.detach().clone() for parameter in layers.parameters()]
    revive(layers, dormant_units(layers, x), torch.Generator().manual_seed(2))
    assert all(map(torch.equal, layers.parameters(), before))


def trained(**changes) -> PEARL:
    config = PEARLConfig(
        training_tasks=4, gradient_steps=3, batch=16, context=10, hidden=(16, 16), encoder_hidden=(16,),
        replay_size=2_000, **changes,
    )  # fmt: skip
    agent = PEARL(PointNavigation(horizon=10), config)
    agent.train(2, seed=0, progress=False)
    return agent


def kill(agent: PEARL, units: list[int]) -> None:
    with torch.no_grad():
        for layers in (agent.actor.layers, agent.critic.layers, agent.target.layers):
            layers.biases[1][..., units] = -1e3


def test_the_learner_revives_with_fresh_moments_and_the_same_target() -> None:
    agent = trained()
    kill(agent, [2, 3])
    streams = Streams(0)
    shares = agent._revive(streams.numpy("replay"), streams.torch("noise"))
    assert all(share >= 2 / 32 for share in shares)
    for layers in (agent.actor.layers, agent.critic.layers):
        for parameter, units in ((layers.biases[1], [2, 3]), (layers.weights[1], [2, 3])):
            assert (parameter[..., units].abs() <= 1 / 4).all()  # drawn within 1 / sqrt(16)
            moments = agent.optimizer.state[parameter]
            assert not moments["exp_avg"][..., units].any()
            assert moments["exp_avg_sq"].any()  # those of the others stay
        assert not layers.weights[2][..., [2, 3], :].any()
    for slow, fast in zip(agent.target.layers.pairs[1], agent.critic.layers.pairs[1], strict=True):
        assert torch.equal(slow[..., [2, 3]], fast[..., [2, 3]])
        assert not torch.equal(slow, fast)


@pytest.mark.parametrize(("every", "expected"), [(0, []), (2, [2, 4]), (3, [3])])
def test_it_happens_as_often_as_asked(every, expected) -> None:
    records: list[dict] = []
    trained(revive_every=every).train(3, seed=1, callback=records.append, progress=False)
    assert len(records) == 3
    assert [record["iteration"] - 1 for record in records if "dormant" in record] == expected


def test_the_dead_stay_dead_without_it() -> None:
    """The control: gradient steps alone never wake them."""
    woken = {}
    for every in (0, 1):
        agent = trained(revive_every=every)
        kill(agent, [2, 3])
        agent.train(2, seed=1, progress=False)
        woken[every] = bool(np.all(agent.critic.layers.biases[1].detach().numpy()[..., [2, 3]] > -1.0))
    assert woken == {0: False, 1: True}
