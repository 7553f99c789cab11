"""The checkers of lesson 06: right, right in other words, wrong in typical ways, and nothing."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, TanhTransform, TransformedDistribution
from torch.nn.functional import softplus

from mpsearch.course.exercises import lesson_06, source
from mpsearch.pearl.encoder import Encoder


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = {"math": math, "torch": torch, "softplus": softplus, "exercises": lesson_06}
    cell = source.exercise_cell(lesson_06.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["posterior", "squashed_log_prob"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_06, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_06.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["posterior", "squashed_log_prob", "MyEncoder", "contexts"]
    for exercise in (lesson_06.posterior, lesson_06.squashed_log_prob, lesson_06.encoder, lesson_06.contexts):
        assert exercise.name in source.exercise_names(text)
        assert len(exercise.hints) == 3


def test_the_reference_is_what_the_encoder_does():
    encoder = Encoder(3, 2, (8,), np.ones(3))
    encoder.layers.initialise(torch.Generator().manual_seed(0))
    context = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        mean, precision = encoder.factors(context)
        belief = encoder(context)
    expected = torch.cat([belief.mean, belief.stddev])
    torch.testing.assert_close(lesson_06._posterior(mean[0], 1 / precision[0]), expected)


def one_by_one(means, variances):
    mean, variance = torch.zeros(means.shape[1]), torch.ones(means.shape[1])
    for m, v in zip(means, variances, strict=True):
        mean, variance = (mean * v + m * variance) / (variance + v), variance * v / (variance + v)
    return mean, variance**0.5


def in_numpy(means, variances):
    m, p = np.vstack([0 * means[:1] if len(means) else np.zeros((1, 3)), means]), np.asarray(1 / variances)
    p = np.vstack([np.ones((1, p.shape[1])), p])
    return (m * p).sum(0) / p.sum(0), p.sum(0) ** -0.5


def as_precisions(means, variances):
    total = sum(variances.reciprocal()) + 1
    return [
        sum(means / variances) / total if len(means) else torch.zeros(3),
        1 / total**0.5 * torch.ones(means.shape[1]),
    ]


@pytest.mark.parametrize("right", [one_by_one, in_numpy, as_precisions])
def test_the_posterior_may_be_computed_in_many_ways(right):
    assert lesson_06.posterior.verdict(right).status == "right"


def total(v):
    return 1 + (1 / v).sum(0)


def mean_of(m, v):
    return (m / v).sum(0) / total(v)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda m, v: ((m / v).sum(0) / (1 / v).sum(0), (1 / v).sum(0) ** -0.5), "the prior is missing"),
        (lambda m, v: (m.mean(0), total(v) ** -0.5), "each must weigh by its precision"),
        (lambda m, v: ((m * v).sum(0) / (1 + v.sum(0)), total(v) ** -0.5), "the least certain one counts most"),
        (lambda m, v: (mean_of(m, v**0.5), total(v**0.5) ** -0.5), "it is 1 / variance"),
        (lambda m, v: (mean_of(m, v), (1 / v).mean(0) ** -0.5), "they add up"),
        (lambda m, v: (mean_of(m, v), 1 / total(v)), "the second result is the variance"),
        (lambda m, v: (mean_of(m, v), total(v)), "the total precision"),
        (lambda m, v: ((m / v).sum(0), total(v) ** -0.5), "divided by nothing"),
        (lambda m, v: mean_of(m, v), "has shape (1,); it must be (2, 1)"),
        (lambda m, v: (mean_of(m, v), total(v) ** -0.5 + 0.1), "the pair of mean and standard deviation"),
        (lambda m, v: (total(v) ** -0.5, mean_of(m, v)), "the two results are swapped"),
        (lambda m, v: ((m / v).sum(0) / (1 / v).sum(0), total(v) ** -0.5), "the prior is missing in the mean"),
        (lambda m, v: (mean_of(m, v), (1 / v).sum(0) ** -0.5), "the prior is missing in the standard deviation"),
        (lambda m, v: m @ v, "@ is the product of matrices"),
    ],
)
def test_posterior_says_what_is_wrong(wrong, said):
    verdict = lesson_06.posterior.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize("name", ["posterior", "squashed_log_prob"])
def test_nothing(name):
    for nothing in (None, ...):
        assert getattr(lesson_06, name).verdict(nothing).status == "blank"


def by_torch(mean, log_std, noise):
    std = log_std.exp()
    squashed = TransformedDistribution(Normal(mean, std), TanhTransform(cache_size=1))
    return squashed.log_prob(torch.tanh(mean + std * noise)).sum(-1)


def by_the_action(mean, log_std, noise):
    action = torch.tanh(mean + log_std.exp() * noise)
    before = Normal(mean, log_std.exp()).log_prob(mean + log_std.exp() * noise)
    return before.sum(-1) - torch.log((1 - action) * (1 + action)).sum(-1)


def by_cosh(mean, log_std, noise):
    u = mean + log_std.exp() * noise
    return (Normal(mean, log_std.exp()).log_prob(u) + 2 * torch.log(torch.cosh(u))).sum(-1)


@pytest.mark.parametrize("right", [by_torch, by_the_action, by_cosh])
def test_the_density_may_be_repaired_in_many_ways(right):
    assert lesson_06.squashed_log_prob.verdict(right).status == "right"


def gaussian(mean, log_std, noise):
    return Normal(mean, log_std.exp()).log_prob(mean + log_std.exp() * noise)


def slope(mean, log_std, noise):
    return torch.log(1 - torch.tanh(mean + log_std.exp() * noise) ** 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda *x: (slope(*x) + gaussian(*x)).sum(-1), "still has the wrong sign"),
        (lambda *x: gaussian(*x).sum(-1), "the correction is missing"),
        (lambda *x: (gaussian(*x) - slope(*x)).sum(-1) + x[1].sum(-1), "the Gaussian's own - log_std is gone"),
        (lambda *x: (gaussian(*x) - slope(*x)).mean(-1), "they add up"),
        (lambda *x: gaussian(*x) - slope(*x), "has shape (1, 1); it must be (1,)"),
        (lambda *x: (slope(*x) - gaussian(*x)).sum(-1), "opposite sign"),
        (lambda *x: x[0] @ x[1] @ None, "stops with TypeError"),
    ],
)
def test_squashed_log_prob_says_what_is_wrong(wrong, said):
    verdict = lesson_06.squashed_log_prob.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_the_bug_makes_the_borders_look_rare():
    """What the lesson says of it."""
    right, buggy = (code("squashed_log_prob", solved)["squashed_log_prob"] for solved in (True, False))
    middle, border = torch.zeros(1, 1), torch.full((1, 1), 3.0)
    zero = torch.zeros(1, 1)
    assert right(border, zero, zero) > right(middle, zero, zero)
    assert buggy(border, zero, zero) < buggy(middle, zero, zero)
    assert right(middle, zero, zero) == buggy(middle, zero, zero)


@pytest.fixture
def fresh():
    lesson_06.contexts.record(...)
    yield lesson_06.contexts
    lesson_06.contexts.record(...)


def test_the_contexts_are_measured(fresh):
    assert lesson_06.contexts_outcome(0.3, 0.4) == "better"
    assert lesson_06.contexts_outcome(0.4, 0.4) == "same"
    assert fresh.verdict(0.6, 0.4).status == "blank"
    for answer, status in (("same", "otherwise"), ("better", "otherwise"), ("worse", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(0.6, 0.4)
        assert verdict.status == status
        assert 'it was "worse". The first encoder learned to read' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("contexts")["prediction"] == "worse"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("contexts", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")
