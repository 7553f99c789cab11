"""The encoder's belief: a product of Gaussians, whatever the order and the number of the transitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import product_of_gaussians
from torch.distributions import Normal, kl_divergence

from mpsearch.errors import UsageError
from mpsearch.pearl.encoder import LEAST_VARIANCE, Encoder, kl_from_prior

WIDTH, LATENT = 5, 2
counts = st.integers(0, 8)
seeds = st.integers(0, 1000)


def make(scale=(1.0,) * WIDTH) -> Encoder:
    encoder = Encoder(WIDTH, LATENT, (8,), scale)
    encoder.layers.initialise(torch.Generator().manual_seed(0))
    return encoder


def transparent() -> Encoder:
    """Its transitions are their own Gaussians: a row is (mean, raw variance)."""
    encoder = Encoder(2, 1, (), np.ones(2))
    encoder.layers.weights[0].data = torch.eye(2)
    return encoder


def draw(count, seed=0, tasks=2):
    return 2 * torch.randn(tasks, count, WIDTH, generator=torch.Generator().manual_seed(seed))


def assert_same(a: Normal, b: Normal, **tolerance) -> None:
    torch.testing.assert_close(a.mean, b.mean, **tolerance)
    torch.testing.assert_close(a.stddev, b.stddev, **tolerance)


@settings(deadline=None, max_examples=30)
@given(counts, seeds)
def test_the_order_of_the_transitions_does_not_matter(count, seed) -> None:
    context, order = draw(count, seed), np.random.default_rng(seed).permutation(count)
    assert_same(make()(context[:, order]), make()(context))


def test_a_transition_is_more_than_its_entries_in_any_order() -> None:
    context = draw(3)
    assert (make()(context.flip(-1)).mean - make()(context).mean).abs().min() > 1e-3


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 10)), max_size=6))
def test_the_belief_is_the_product_of_the_prior_and_all_factors(factors) -> None:
    rows = torch.tensor([[mean, math.log(math.expm1(variance))] for mean, variance in factors])
    belief = transparent()(rows.reshape(1, -1, 2))
    mean, std = product_of_gaussians([(0.0, 1.0), *factors])
    assert belief.mean.item() == pytest.approx(mean, abs=1e-4)
    assert belief.stddev.item() == pytest.approx(std, abs=1e-4)


def test_without_the_prior_it_would_be_another_belief() -> None:
    belief = transparent()(torch.tensor([[[2.0, math.log(math.expm1(1.0))]]]))
    assert product_of_gaussians([(2.0, 1.0)]) == pytest.approx((2, 1), abs=1e-4)
    assert (belief.mean.item(), belief.stddev.item()) == pytest.approx((1, 0.5**0.5), abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(counts, counts, seeds)
def test_precisions_add_and_the_prior_counts_once(first, second, seed) -> None:
    context = draw(first + second, seed)
    both, a, b = (make()(part) for part in (context, context[:, :first], context[:, first:]))
    precision, of_a, of_b = (belief.stddev**-2 for belief in (both, a, b))
    torch.testing.assert_close(precision, of_a + of_b - 1, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(precision * both.mean, of_a * a.mean + of_b * b.mean, rtol=1e-4, atol=1e-4)


def test_no_transition_at_all_leaves_exactly_the_prior_and_one_does_not() -> None:
    belief = make()(torch.zeros(3, 0, WIDTH))
    assert torch.equal(belief.mean, torch.zeros(3, LATENT))
    assert torch.equal(belief.stddev, torch.ones(3, LATENT))
    assert make()(torch.zeros(3, 1, WIDTH)).stddev.max() < 1


def test_tasks_do_not_mix() -> None:
    context = draw(6)
    other = context.clone()
    other[1] = float("nan")
    before, after = make()(context), make()(other)
    assert torch.equal(before.mean[0], after.mean[0])
    assert torch.equal(before.stddev[0], after.stddev[0])
    assert after.mean[1].isnan().all()  # nor is what is not finite hidden
    assert after.stddev[1].isnan().all()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 8), seeds)
def test_more_transitions_never_widen_the_belief(count, seed) -> None:
    context = draw(count, seed)
    widths = torch.stack([make()(context[:, :n]).stddev for n in range(count + 1)])
    assert (widths.diff(dim=0) < 0).all()  # they even narrow it, as no factor here is vague enough to vanish


def test_a_vague_transition_says_nothing_and_none_is_infinitely_certain() -> None:
    belief = transparent()(torch.tensor([[[3.0, 1e30]], [[3.0, -1e30]]]))
    torch.testing.assert_close(belief.mean[:, 0], torch.tensor([0.0, 3.0]))
    torch.testing.assert_close(belief.stddev[:, 0], torch.tensor([1.0, LEAST_VARIANCE**0.5]))


def test_transitions_are_divided_by_the_scale_inside() -> None:
    scale = torch.tensor([1.0, 2.0, 10.0, 0.5, 3.0])
    context = draw(4)
    assert_same(make(scale)(context * scale), make()(context))
    assert (make(scale)(context).mean - make()(context).mean).abs().max() > 1e-3
    assert "scale" in make(scale).state_dict()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(1e-3, 5)), min_size=1, max_size=6))
def test_the_divergence_is_that_of_torch(beliefs) -> None:
    mean, std = torch.tensor(beliefs, dtype=torch.float64).T
    expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_from_prior(Normal(mean, std)), expected, rtol=1e-9, atol=1e-12)


def test_the_divergence_is_zero_at_the_prior_and_nowhere_else() -> None:
    kl = kl_from_prior(Normal(torch.tensor([[0.0, 0.1, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.9, 1.1]])))
    assert kl.shape == (1, 4)
    assert kl[0, 0] == 0
    assert (kl[0, 1:] > 1e-3).all()


@pytest.mark.parametrize("shape", [(2, 3, WIDTH - 1), (2, 3, WIDTH + 1), (3, WIDTH), (1, 2, 3, WIDTH), (WIDTH,)])
def test_a_context_of_another_shape_gets_a_sentence(shape) -> None:
    with pytest.raises(UsageError) as caught:
        make()(torch.zeros(shape))
    allowed = "a context must have shape [K, N, 5], one row (s, a, r, s') for each transition"
    assert str(caught.value) == f"{allowed}, not {list(shape)}"


def test_many_and_extreme_transitions_stay_finite() -> None:
    rows = torch.tensor([[1e4, 1e4], [-1e4, -1e4], [1e4, -1e4], [0.0, 0.0]])
    encoder = transparent()
    for context in (rows[:, None], rows[:, None].expand(-1, 100_000, -1), rows.repeat(25_000, 1)[None]):
        belief = encoder(context)
        kl = kl_from_prior(belief)
        kl.sum().backward()
        assert belief.mean.isfinite().all()
        assert (belief.stddev > 0).all()
        assert (kl > -1e-6).all()
        assert kl.isfinite().all()
    assert all(p.grad.isfinite().all() for p in encoder.parameters())


def test_a_hundred_thousand_transitions_lose_no_precision() -> None:
    context = draw(100_000, tasks=1)
    belief, exact = make()(context), make().double()(context.double())
    assert_same(belief, Normal(exact.mean.float(), exact.stddev.float()), rtol=1e-4, atol=1e-4)
