"""The checkers of lesson 01: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from mpsearch.course.exercises import lesson_01, source
from mpsearch.policies import log_prob
from mpsearch.returns import discounted_sums


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = {"np": np, "torch": torch, "log_prob": log_prob, "exercises": lesson_01}
    cell = source.exercise_cell(lesson_01.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["rewards_to_go", "policy_loss"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_01, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_01.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["rewards_to_go", "baselines", "policy_loss"]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_01, name).hints) == 3


def loops(rewards, discount):
    return [[sum(discount**k * r for k, r in enumerate(row[t:])) for t in range(len(row))] for row in rewards]


def matrix(rewards, discount):
    t = np.arange(rewards.shape[1])
    return rewards @ np.tril(discount ** np.abs(t[:, None] - t))


def filtered(rewards, discount):
    return lfilter([1], [1, -discount], rewards[:, ::-1])[:, ::-1]


@pytest.mark.parametrize("right", [loops, matrix, filtered])
def test_rewards_to_go_may_be_written_in_many_ways(right):
    assert lesson_01.rewards_to_go.verdict(right).status == "right"


def into_the_input(rewards, discount):
    for t in reversed(range(rewards.shape[1] - 1)):
        rewards[:, t] += discount * rewards[:, t + 1]
    return rewards


def whole_numbers(rewards, discount):
    sums = np.zeros(rewards.shape, dtype=int)
    sums[:] = np.floor(loops(rewards, discount))
    return sums


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda r, d: r.sum(1), "an axis was summed"),
        (lambda r, d: np.full(r.shape, 1.0) * (r * d ** np.arange(r.shape[1])).sum(1, keepdims=True), "whole return"),
        (lambda r, d: loops(r, 1.0), "the discount is missing"),
        (lambda r, d: loops(r * d ** np.arange(r.shape[1]), 1.0), "counts from the start"),
        (lambda r, d: lfilter([1], [1, -d], r), "the wrong way"),
        (lambda r, d: matrix(r, d) - r, "reward of step t itself"),
        (lambda r, d: r, "its own reward alone"),
        (lambda r, d: matrix(r.T, d).T, "over the episodes (axis 0)"),
        (lambda r, d: -matrix(r, d), "opposite sign"),
        (lambda r, d: (1 - d) ** 2 * matrix(r, d), "0.25 times as large"),
        (lambda r, d: matrix(r, d)[:, ::-1], "reverse order"),
        (lambda r, d: matrix(r, d).T, "shape (3, 2); it must be (2, 3): two axes are swapped"),
        (lambda r, d: matrix(r, d) + 1, "off by the same number"),
        (into_the_input, "is changed too"),
        (whole_numbers, "cut the fractions off"),
        (lambda r: r, "stops with TypeError"),
    ],
)
def test_rewards_to_go_says_what_is_wrong(wrong, said):
    verdict = lesson_01.rewards_to_go.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_rewards_to_go_of_nothing():
    for nothing in (None, ..., lambda rewards, discount: ...):
        assert lesson_01.rewards_to_go.verdict(nothing).status == "blank"


def by_keepdim(policy, observations, actions, advantages):
    return -(policy(observations).log_prob(actions).sum(-1, keepdim=True) * advantages).mean()


def by_product(policy, observations, actions, advantages):
    return -log_prob(policy(observations), actions) @ advantages[:, 0] / len(actions)


def by_ratio(policy, observations, actions, advantages):
    log_probs = log_prob(policy(observations), actions)
    return -((log_probs - log_probs.detach()).exp() * advantages.flatten()).mean()


@pytest.mark.parametrize("right", [by_keepdim, by_product, by_ratio])
def test_policy_loss_may_be_repaired_in_many_ways(right):
    assert lesson_01.policy_loss.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda p, o, a, w: -by_keepdim(p, o, a, w), "opposite sign"),
        (lambda p, o, a, w: by_keepdim(p, o, a, w) * len(a), "5 times as large"),
        (lambda p, o, a, w: by_keepdim(p, o, a, w).detach(), "detached"),
        (lambda p, o, a, w: by_keepdim(p, o, a, w).item(), "type float"),
        (lambda p, o, a, w: -log_prob(p(o), a) * w.squeeze(-1), "shape (5,); it must be one number"),
        (
            lambda p, o, a, w: -(log_prob(p(o), a)[:, None] * w.T).mean(),
            "every log-probability still meets every advantage",
        ),
        (lambda p, o, a, w: -(p(o).log_prob(a) * w).mean(), "sum over the numbers of an action is missing"),
        (lambda p, o, a, w: -log_prob(p(o), a).mean(), "the advantages have no effect"),
        (lambda p, o, a, w: -(log_prob(p(o), a) * w.reshape(2, 2)).mean(), "stops with RuntimeError"),
    ],
)
def test_policy_loss_says_what_is_wrong(wrong, said):
    verdict = lesson_01.policy_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_policy_loss_of_nothing():
    for nothing in (None, ...):
        assert lesson_01.policy_loss.verdict(nothing).status == "blank"


def test_with_advantages_of_mean_zero_the_bug_leaves_no_gradient():
    """What the lesson says of it."""
    _, (policy, observations, actions, advantages) = lesson_01._loss_trials()[0]
    arguments = (policy, observations, actions, advantages - advantages.mean())
    buggy = lesson_01.loss_gradient(code("policy_loss", solved=False)["policy_loss"], arguments)
    assert buggy.abs().max() < 1e-6
    assert lesson_01.loss_gradient(by_keepdim, arguments).abs().max() > 0.01


@pytest.fixture
def fresh():
    lesson_01.baselines.record(...)
    yield lesson_01.baselines
    lesson_01.baselines.record(...)


def test_the_baselines_are_measured(fresh):
    noise = np.random.default_rng(0).normal(size=200)
    assert lesson_01.estimates_outcome({"a": 10 + noise, "b": 10 + 5 * noise}) == "spread"
    assert lesson_01.estimates_outcome({"a": 10 + noise, "b": 10 - noise}) == "neither"
    assert lesson_01.estimates_outcome({"a": 10 + noise, "b": 12 + noise[::-1]}) == "mean"
    assert lesson_01.estimates_outcome({"a": 10 + noise, "b": 20 + 5 * noise}) == "both"
    estimates = {"none": noise, "silly": 9 * noise}
    assert fresh.record("bias").status == "unclear"  # none of the choices
    assert fresh.record(" Spread ").status == "recorded"
    fresh.record(...)
    assert fresh.verdict(estimates).status == "blank"
    for answer, status in (("mean", "otherwise"), ("both", "otherwise"), ("neither", "otherwise"), ("spread", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(estimates)
        assert verdict.status == status
        assert 'it was "spread". Any baseline leaves the mean alone' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("baselines")["prediction"] == "spread"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("baselines", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")


def one_step_ahead(rewards, discount):
    sums = rewards.copy()
    sums[:, :-1] += discount * rewards[:, 1:]
    return sums


def last_left_out(rewards, discount):
    sums = np.zeros(rewards.shape)
    for t in range(rewards.shape[1] - 2, -1, -1):
        sums[:, t] = rewards[:, t] + discount * sums[:, t + 1]
    return sums


def carried_over(rewards, discount):
    sums, following = np.zeros(rewards.shape), 0.0
    for episode, row in enumerate(rewards):
        for t in reversed(range(len(row))):
            following = row[t] + discount * following
            sums[episode, t] = following
    return sums


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (one_step_ahead, "only one step ahead"),
        (last_left_out, "the last step is left out"),
        (carried_over, "goes on into the next"),
        (lambda r, d: d * discounted_sums(r, d), "is discounted too"),
        (lambda r, d: discounted_sums(r, d) / r.shape[1], "a sum, not a mean"),
    ],
)
def test_rewards_to_go_names_the_slips_of_a_loop(wrong, said):
    verdict = lesson_01.rewards_to_go.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def weighed(policy, observations, actions, weights):
    return -(log_prob(policy(observations), actions) * weights[:, 0]).mean()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda p, o, a, w: weighed(p, o, a, w - w.mean()), "moved to mean 0 once more"),
        (lambda p, o, a, w: weighed(p, o, a, (w - w.mean()) / w.std()), "scaled once more"),
        (lambda p, o, a, w: weighed(p, o, a, w.abs()), "the sign of the advantages is lost"),
        (lambda p, o, a, w: -(log_prob(p(o), a).exp() * w[:, 0]).mean(), "and not its logarithm"),
    ],
)
def test_policy_loss_names_what_was_done_to_the_advantages(wrong, said):
    verdict = lesson_01.policy_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def over_episodes(rewards, discount):
    sums, following = np.zeros(rewards.shape), 0.0
    for t in reversed(range(rewards.shape[1])):
        following = sums[t] = rewards[t] + discount * following
    return sums


def one_step_too_far(rewards, discount):
    sums = np.zeros(rewards.shape)
    for t in reversed(range(rewards.shape[1])):
        sums[:, t] = rewards[:, t] + discount * sums[:, t + 1]
    return sums


def one_row(rewards, discount):
    sums = np.zeros(rewards.shape[1])
    sums[:, 0] = rewards[:, 0]
    return sums


@pytest.mark.parametrize(
    ("exercise", "wrong", "said"),
    [
        (lesson_01.rewards_to_go, over_episodes, "is rewards[:, t]"),
        (lesson_01.rewards_to_go, one_step_too_far, "step t + 1 does not exist"),
        (lesson_01.rewards_to_go, one_row, "np.zeros(rewards.shape)"),
        (lesson_01.rewards_to_go, lambda r, d: r * d ** np.arange(len(r)), "so T is rewards.shape[1]"),
        (lesson_01.policy_loss, lambda p, o, a, w: log_prob(p(o), a).mean(1), "there is no such axis"),
        (lesson_01.policy_loss, lambda p, o, a, w: log_prob(p(o), a) @ w.T, "number by number"),
        (lesson_01.policy_loss, lambda p, o, a, w: (p(o).log_prob(a) * w[:, 0]).mean(), "is one number, [N]"),
        (lesson_01.policy_loss, lambda p, o, a, w: w[:, 1].mean(), "the second axis holds one number"),
    ],
)
def test_an_error_is_explained_after_its_message(exercise, wrong, said):
    verdict = exercise.verdict(wrong)
    assert f"{exercise.name} stops with" in verdict.words
    assert said in verdict.words.partition("That means:")[2]
