"""The trust region: conjugate gradient, Hessian-vector products, the line search and what it refuses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_meta_gradient import make_batch, make_policy, make_rates
from torch.distributions import Normal

from mpsearch.errors import NonFiniteError
from mpsearch.maml.gradients import gauss_newton_product
from mpsearch.maml.inner import spread_over_tasks
from mpsearch.maml.outer import (
    MetaBatch,
    adapt_through,
    adapted_actions,
    clipped_surrogate,
    divergence,
    frozen,
    trust_region_update,
)
from mpsearch.maml.trust_region import conjugate_gradient, flat_gradient, hessian_product, trust_region_step
from mpsearch.shares import Share


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 8), st.integers(0, 1000))
def test_conjugate_gradient_agrees_with_a_dense_solver(size, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(size, size, generator=generator, dtype=torch.float64)
    matrix = root @ root.T + torch.eye(size, dtype=torch.float64)
    target = torch.randn(size, generator=generator, dtype=torch.float64)
    found = conjugate_gradient(lambda v: matrix @ v, target, iterations=3 * size, tolerance=1e-24)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, target), rtol=1e-6, atol=1e-8)


def actions_of(policy, rates, batch, order=2, at=None):
    return adapted_actions(policy, batch, adapt_through(policy, rates, batch, order=order, at=at)[0])


def kl_of(policy, rates, batch, reference):
    return divergence(reference, actions_of(policy, rates, batch)).mean()


def test_hessian_products_agree_with_finite_differences_of_the_gradient() -> None:
    policy = make_policy()
    rates, batch = make_rates(policy, 1), make_batch(policy, 1)
    learned = [*policy.parameters(), rates]
    with torch.no_grad():
        reference = actions_of(policy, rates, batch, order=0)
    flat = torch.cat([p.detach().reshape(-1) for p in learned])
    vector = torch.randn(len(flat), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    product = hessian_product(kl_of(policy, rates, batch, reference), learned, damping=0.1)(vector)
    ends = []
    for sign in (1, -1):
        torch.nn.utils.vector_to_parameters(flat + sign * 1e-5 * vector, learned)
        ends.append(flat_gradient(kl_of(policy, rates, batch, reference), learned))
    torch.testing.assert_close(product, (ends[0] - ends[1]) / 2e-5 + 0.1 * vector, rtol=1e-5, atol=1e-7)


def products(policy, rates, batch, reference, order=2):
    """Return the two functions that multiply a vector by the Hessian of the KL divergence: the plain one and MAML's."""
    learned = [*policy.parameters(), rates]
    start = spread_over_tasks(policy, batch.tasks)
    stages, _ = adapt_through(policy, rates, batch, order=order, start=start)
    actions = adapted_actions(policy, batch, stages, start)

    def kl(mean, std):
        return divergence(reference or frozen(actions), Normal(mean, std), batch.stages[-1]).mean()

    plain = hessian_product(kl(actions.mean, actions.stddev), learned, damping=0.1)
    fast = gauss_newton_product((actions.mean, actions.stddev), kl, learned, 0.1, start=start, share=Share())
    return plain, fast


def random_vector(policy, rates):
    size = sum(p.numel() for p in [*policy.parameters(), rates])
    return torch.randn(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("inner_steps", [0, 1, 2])
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(("context", "order"), [(2, 2), (0, 2), (2, 1)])
def test_the_product_from_first_derivatives_is_that_of_the_hessian(inner_steps, ended, context, order) -> None:
    policy = make_policy(context)
    rates, batch = make_rates(policy, inner_steps), make_batch(policy, inner_steps, ended)
    plain, fast = products(policy, rates, batch, None, order)
    vector = random_vector(policy, rates)
    torch.testing.assert_close(fast(vector), plain(vector), rtol=1e-9, atol=1e-12)


def test_away_from_the_minimum_of_the_loss_the_two_products_differ() -> None:
    policy = make_policy()
    rates, batch = make_rates(policy, 1), make_batch(policy, 1)
    with torch.no_grad():
        other = actions_of(policy, rates, MetaBatch(make_batch(policy, 2).stages[1:]), order=0)
    plain, fast = products(policy, rates, batch, other)
    vector = random_vector(policy, rates)
    assert (fast(vector) - plain(vector)).norm() > 0.01 * plain(vector).norm()


@pytest.mark.slow
def test_the_metric_is_positive_semi_definite_only_against_the_samples_own_reference() -> None:
    """Against another sample's adapted policies the KL is not at its minimum, and its Hessian may bend down."""
    policy = make_policy()
    rates, batch = make_rates(policy, 1).detach(), make_batch(policy, 1)
    other = MetaBatch(make_batch(policy, 2).stages[1:])
    learned = list(policy.parameters())

    def smallest_eigenvalue(source):
        with torch.no_grad():
            stages, _ = adapt_through(policy, rates, source, order=0)
            reference = adapted_actions(policy, batch, stages)
        product = hessian_product(kl_of(policy, rates, batch, reference), learned, damping=0.0)
        size = sum(p.numel() for p in learned)
        hessian = torch.stack([product(row) for row in torch.eye(size, dtype=torch.float64)])
        return torch.linalg.eigvalsh((hessian + hessian.T) / 2)[0].item()

    assert smallest_eigenvalue(batch) > -1e-10
    assert smallest_eigenvalue(other) < -1e-4


def test_conjugate_gradient_stops_where_the_matrix_bends_down() -> None:
    diagonal = torch.tensor([1.0, -2.0])
    assert torch.equal(conjugate_gradient(lambda v: diagonal * v, torch.tensor([0.0, 1.0]), 10), torch.zeros(2))


def test_a_sample_can_give_the_derivatives_at_the_policies_that_all_data_lead_to() -> None:
    policy = make_policy()
    rates, batch = make_rates(policy, 2), make_batch(policy, 2)
    sample = MetaBatch(tuple(steps[torch.arange(3)] for steps in batch.stages))
    reached, _ = adapt_through(policy, rates, batch, order=0)
    stages, _ = adapt_through(policy, rates, sample, at=reached)
    for found, expected in zip(stages, reached, strict=True):
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b)
    own, _ = adapt_through(policy, rates, sample)
    assert (own[-1][0] - reached[-1][0]).abs().max() > 1e-4
    whole = actions_of(policy, rates, batch)
    same = actions_of(policy, rates, batch, at=reached)  # of all data: nothing changes, derivatives included
    learned = [*policy.parameters(), rates]
    torch.testing.assert_close(flat_gradient(whole.mean.sum(), learned), flat_gradient(same.mean.sum(), learned))


@pytest.mark.parametrize("max_kl", [0.001, 0.05])
def test_a_step_lowers_the_loss_and_stays_within_the_region(max_kl) -> None:
    policy = make_policy()
    rates, batch = make_rates(policy, 1), make_batch(policy, 1)
    learned = [*policy.parameters(), rates]
    before = [p.detach().clone() for p in learned]
    report = trust_region_update(policy, rates, learned, batch, batch, max_kl=max_kl)
    assert report.loss_after < report.loss_before
    assert 0 < report.kl <= max_kl
    assert report.kl > 0.2 * max_kl  # it uses the room it has
    assert any(not torch.equal(a, b) for a, b in zip(before, learned, strict=True))


def test_where_no_step_helps_nothing_moves() -> None:
    x = torch.nn.Parameter(torch.ones(2))
    report = trust_region_step(
        [x], lambda: (torch.tensor(0.0), torch.ones(2)), lambda: lambda v: 2 * v, lambda: (1.0, 0.0), max_kl=0.1
    )
    assert report.fraction == 0
    assert torch.equal(x.detach(), torch.ones(2))


@pytest.mark.parametrize(
    ("loss", "slope", "name"),
    [(float("nan"), 1.0, "meta-loss"), (0.0, float("inf"), "meta-gradient")],
)
def test_what_is_not_finite_is_named_and_nothing_moves(loss, slope, name) -> None:
    x = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(NonFiniteError, match=name):
        trust_region_step(
            [x],
            lambda: (torch.tensor(loss), torch.full((2,), slope)),
            lambda: lambda v: 2 * v,
            lambda: (0.0, 0.0),
            max_kl=0.1,
        )
    assert torch.equal(x.detach(), torch.ones(2))


def test_the_clipped_loss_stops_paying_beyond_the_clip() -> None:
    policy = make_policy()
    batch = make_batch(policy, 0)
    steps = batch.stages[-1]
    inside = clipped_surrogate(policy, steps, clip=0.2)
    torch.testing.assert_close(inside, -steps.advantages.mean(-1))  # ratio one: not clipped
    shifted = type(steps)(steps.observations, steps.actions, steps.log_probs - 1.0, steps.advantages)  # ratio e
    ratio = torch.tensor(1.0, dtype=torch.float64).exp()
    expected = torch.where(steps.advantages > 0, 1.2 * steps.advantages, ratio * steps.advantages)
    torch.testing.assert_close(clipped_surrogate(policy, shifted, clip=0.2), -expected.mean(-1))
