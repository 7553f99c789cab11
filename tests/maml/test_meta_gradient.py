"""The meta-gradient: against finite differences, torch.func and a loop over tasks, in float64."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from oracles import loss_of_one_task, meta_loss_by_torch_func, random_steps

from mpsearch.maml import inner
from mpsearch.maml.gradients import mean_gradient
from mpsearch.maml.inner import inner_step, spread_over_tasks, surrogate
from mpsearch.maml.outer import MetaBatch, adapt_through, adapted_actions, clipped_surrogate, meta_losses
from mpsearch.maml.trust_region import flat_gradient
from mpsearch.policies import PolicyNet
from mpsearch.shares import Share

TASKS = 3
CLIPPED = partial(clipped_surrogate, clip=0.2)


def make_policy(context: int = 2) -> PolicyNet:
    torch.set_default_dtype(torch.float64)
    try:
        policy = PolicyNet(3, 2, hidden=(5, 4), observation_scale=[1.0, 2.0, 0.5], minimum_std=0.1, context=context)
    finally:
        torch.set_default_dtype(torch.float32)
    generator = torch.Generator().manual_seed(0)
    for p in policy.parameters():
        p.data = 0.4 * torch.randn(p.shape, generator=generator, dtype=torch.float64)
    return policy


def make_batch(policy: PolicyNet, inner_steps: int, ended: bool = False) -> MetaBatch:
    stages = [random_steps(policy, TASKS, 7, seed, ended) for seed in range(inner_steps + 1)]
    return MetaBatch(tuple(stages))


@pytest.fixture(name="policy")
def _policy() -> PolicyNet:
    return make_policy()


def make_rates(policy: PolicyNet, inner_steps: int) -> torch.Tensor:
    count = len(list(policy.parameters()))
    rates = torch.linspace(0.02, 0.08, inner_steps * count, dtype=torch.float64)
    return rates.reshape(inner_steps, count).requires_grad_()


def mean_loss(policy, rates, batch, order=2):
    return meta_losses(policy, rates, batch, order=order)[0].mean()


def adapted(policy, rates, batch):
    return adapted_actions(policy, batch, adapt_through(policy, rates, batch, order=0)[0])


def meta_gradient(policy, rates, batch, order=2):
    learned = [*policy.parameters(), rates]
    return flat_gradient(mean_loss(policy, rates, batch, order), learned)


@pytest.mark.parametrize("inner_steps", [1, 3])
@pytest.mark.parametrize(("context", "ended"), [(0, False), (2, False), (2, True)])
def test_it_equals_torch_func_and_the_loop_over_single_tasks(inner_steps, context, ended) -> None:
    policy = make_policy(context)
    rates, batch = make_rates(policy, inner_steps), make_batch(policy, inner_steps, ended)
    loss = meta_loss_by_torch_func(policy, dict(policy.named_parameters()), rates, batch.stages)
    expected = flat_gradient(loss, [*policy.parameters(), rates])
    torch.testing.assert_close(mean_loss(policy, rates, batch), loss, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(meta_gradient(policy, rates, batch), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("loss", [surrogate, CLIPPED], ids=["surrogate", "clipped"])
def test_the_losses_after_earlier_steps_have_their_weight(policy, weight, loss) -> None:
    rates, batch = make_rates(policy, 3), make_batch(policy, 3)
    after_each = []  # after s steps, as the last loss of an adaptation that ends there
    for s in (1, 2, 3):
        data = MetaBatch(batch.stages[: s + 1])
        after_each.append(meta_losses(policy, rates[:s], data, loss=loss, earlier_weight=0.0)[0])
    expected = (weight * (after_each[0] + after_each[1]) + after_each[2]) / (1 + 2 * weight)
    found = meta_losses(policy, rates, batch, loss=loss, earlier_weight=weight)[0]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert (after_each[0] - after_each[2]).abs().max() > 1e-3


def test_the_clip_holds_after_every_step(policy) -> None:
    """Where every ratio is far beyond the clip, nothing is left to gain; the surrogate goes on to fall."""
    rates, batch = 0 * make_rates(policy, 3), make_batch(policy, 3)
    likelier = [replace(s, log_probs=s.log_probs - 9, advantages=s.advantages.abs()) for s in batch.stages[1:]]
    data = MetaBatch((batch.stages[0], *likelier))
    plain, clipped = (meta_losses(policy, rates, data, loss=loss)[0] for loss in (surrogate, CLIPPED))
    expected = -1.2 * torch.stack([steps.advantages.mean(-1) for steps in likelier]).mean(0)
    torch.testing.assert_close(clipped, expected)
    assert (plain < 10 * clipped).all()


@pytest.mark.parametrize("inner_steps", [1, 2])
def test_it_equals_finite_differences(policy, inner_steps) -> None:
    rates, batch = make_rates(policy, inner_steps), make_batch(policy, inner_steps)
    gradient = meta_gradient(policy, rates, batch)
    learned = [*policy.parameters(), rates]
    flat = torch.cat([p.detach().reshape(-1) for p in learned])
    for i in range(0, len(flat), 5):
        values = []
        for sign in (1, -1):
            moved = flat.clone()
            moved[i] += sign * 1e-5
            torch.nn.utils.vector_to_parameters(moved, learned)
            values.append(mean_loss(policy, rates, batch).item())
        torch.nn.utils.vector_to_parameters(flat, learned)
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[i].item(), rel=1e-6, abs=1e-9)


def test_first_order_differs_and_is_the_gradient_at_the_adapted_parameters(policy) -> None:
    rates, batch = make_rates(policy, 1).detach(), make_batch(policy, 1)
    learned = list(policy.parameters())
    first = flat_gradient(mean_loss(policy, rates, batch, 1), learned)
    second = flat_gradient(mean_loss(policy, rates, batch, 2), learned)
    assert (first - second).abs().max() > 1e-3
    adapted, _ = inner_step(policy, spread_over_tasks(policy, TASKS), rates[0], batch.stages[0], order=0)
    expected = torch.zeros_like(first)
    for k in range(TASKS):
        theta = {name: p[k] for (name, _), p in zip(policy.named_parameters(), adapted, strict=True)}
        gradients = torch.autograd.grad(loss_of_one_task(policy, theta, batch.stages[-1], k), list(theta.values()))
        expected += torch.cat([g.reshape(-1) for g in gradients]) / TASKS
    torch.testing.assert_close(first, expected, rtol=1e-8, atol=1e-10)


def test_zero_inner_steps_is_the_plain_policy_gradient(policy) -> None:
    batch, learned = make_batch(policy, 0), list(policy.parameters())
    gradient = flat_gradient(mean_loss(policy, make_rates(policy, 0), batch), learned)
    log_probs = policy(batch.stages[-1].observations).log_prob(batch.stages[-1].actions).sum(-1)
    reinforce = flat_gradient(-(log_probs * batch.stages[-1].advantages).mean(), learned)
    torch.testing.assert_close(gradient, reinforce, rtol=1e-10, atol=1e-12)


def test_order_zero_moves_alike_but_keeps_no_graph(policy) -> None:
    rates, batch = make_rates(policy, 1), make_batch(policy, 1)
    start = spread_over_tasks(policy, TASKS)
    with_graph, loss = inner_step(policy, start, rates[0], batch.stages[0], order=2)
    without, same_loss = inner_step(policy, start, rates[0], batch.stages[0], order=0)
    for a, b in zip(with_graph, without, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(loss, same_loss)
    assert all(p.grad_fn is not None for p in with_graph)
    assert all(p.is_leaf for p in without)


def test_copied_initial_weights_would_give_no_meta_gradient(policy, monkeypatch) -> None:
    """The setting of ``higher`` that fails silently: this is why ``copy_initial_weights=False`` stands there."""
    batch, rates = make_batch(policy, 1), make_rates(policy, 1).detach()
    sgd = torch.optim.SGD([{"params": [p]} for p in policy.parameters()], lr=0.1)
    for copy in (False, True):
        with inner.higher.innerloop_ctx(policy, sgd, copy_initial_weights=copy) as (functional, optimizer):
            optimizer.step(surrogate(functional, batch.stages[0]).sum())
            loss = surrogate(functional, batch.stages[-1]).mean()
        gradient = torch.autograd.grad(loss, list(policy.parameters()), allow_unused=True)
        assert all((g is None) == copy for g in gradient)
    assert flat_gradient(mean_loss(policy, rates, batch), list(policy.parameters())).abs().max() > 1e-3


def test_a_task_is_adapted_as_if_it_were_alone(policy) -> None:
    rates, batch = make_rates(policy, 2), make_batch(policy, 2)
    together = adapted(policy, rates, batch).mean
    for k in range(TASKS):
        one = slice(k, k + 1)
        alone = MetaBatch(tuple(s.of_tasks(one) for s in batch.stages))
        mean = adapted(policy, rates, alone).mean
        torch.testing.assert_close(mean[0], together[k], rtol=1e-12, atol=1e-12)


def test_parts_give_the_same_loss_and_gradient_as_all_at_once(policy, monkeypatch) -> None:
    monkeypatch.setattr("mpsearch.maml.outer.TASKS_AT_ONCE", 2)  # 3 tasks: parts of unequal size
    rates, batch = make_rates(policy, 1), make_batch(policy, 1)
    learned = [*policy.parameters(), rates]
    assert [len(part.stages[0].log_probs) for part in batch.parts()] == [2, 1]
    spread = [(part, spread_over_tasks(policy, part.tasks)) for part in batch.parts()]
    losses = ((meta_losses(policy, rates, part, start=start)[0], start) for part, start in spread)
    loss, gradient = mean_gradient(losses, learned, Share(), at_once=2)
    torch.testing.assert_close(loss, mean_loss(policy, rates, batch))
    torch.testing.assert_close(gradient, meta_gradient(policy, rates, batch))


def test_the_policy_itself_is_untouched(policy) -> None:
    before = [p.detach().clone() for p in policy.parameters()]
    batch, rates = make_batch(policy, 2), make_rates(policy, 2)
    for order in (0, 1, 2):
        adapt_through(policy, rates, batch, order=order)
    assert all(torch.equal(a, b) for a, b in zip(before, policy.parameters(), strict=True))
