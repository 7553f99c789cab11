"""The checkers of lesson 03: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest
import torch

from mpsearch.course.exercises import lesson_03, source
from mpsearch.maml.inner import inner_step, spread_over_tasks, surrogate
from mpsearch.policies import with_parameters
from mpsearch.seeding import Streams

NAMES = {
    "np": np,
    "inner_step": inner_step,
    "spread_over_tasks": spread_over_tasks,
    "surrogate": surrogate,
    "with_parameters": with_parameters,
    "exercises": lesson_03,
}


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = dict(NAMES)
    cell = source.exercise_cell(lesson_03.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["meta_loss", "draw_goals"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_03, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


@pytest.mark.parametrize("name", ["meta_loss", "draw_goals"])
def test_nothing_is_not_attempted(name):
    for nothing in (None, ...):
        assert getattr(lesson_03, name).verdict(nothing).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_03.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["naive_gradient", "meta_loss", "draw_goals"]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_03, name).hints) == 3


def adapted(policy, rates, practice, order=2):
    start = spread_over_tasks(policy, len(practice.actions))
    return with_parameters(policy, inner_step(policy, start, rates, practice, order=order)[0])


def by_hand(policy, rates, practice, test):
    start = [p.expand(len(practice.actions), *p.shape) for p in policy.parameters()]
    loss = surrogate(with_parameters(policy, start), practice).sum()
    gradients = torch.autograd.grad(loss, start, create_graph=True)
    fast = [p - rate * g for p, rate, g in zip(start, rates, gradients, strict=True)]
    return surrogate(with_parameters(policy, fast), test).mean()


def by_sum(policy, rates, practice, test):
    return surrogate(adapted(policy, rates, practice), test).sum() / len(test.actions)


@pytest.mark.parametrize("right", [by_hand, by_sum])
def test_meta_loss_may_be_written_in_many_ways(right):
    assert lesson_03.meta_loss.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda p, r, a, b: surrogate(p, b).mean(), "the fast weights are not used"),
        (lambda p, r, a, b: by_hand(p, r, b, a), "practice and test are swapped"),
        (lambda p, r, a, b: by_hand(p, r, a, a), "the test is the practice once more"),
        (lambda p, r, a, b: by_hand(p, r, b, b), "made with the test itself"),
        (lambda p, r, a, b: surrogate(adapted(p, r, a, order=1), b).mean(), "order=1"),
        (lambda p, r, a, b: surrogate(adapted(p, r, a, order=0), b).mean(), "detached"),
        (lambda p, r, a, b: surrogate(adapted(p, r, a), b), "take the mean over the tasks"),
        (lambda p, r, a, b: surrogate(adapted(p, r, a), b).sum(), "2 times as large"),
        (lambda p, r, a, b: -by_hand(p, r, a, b), "opposite sign"),
        (lambda p, r, a, b: by_hand(p, r, a, b).item(), "type float"),
    ],
)
def test_meta_loss_says_what_is_wrong(wrong, said):
    verdict = lesson_03.meta_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def by_addition(family, n, seed, iteration):
    return family.sample(n, np.random.default_rng(1000 * seed + iteration))


def by_streams(family, n, seed, iteration):
    return family.sample(n, Streams(seed).numpy("tasks", iteration))


@pytest.mark.parametrize("right", [by_addition, by_streams])
def test_draw_goals_may_be_repaired_in_many_ways(right):
    assert lesson_03.draw_goals.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda f, n, s, i: f.sample(n, np.random.default_rng()), "not the same when the program is run again"),
        (lambda f, n, s, i: f.sample(n, np.random.default_rng(s + 1)), "two iterations still have the same goals"),
        (lambda f, n, s, i: f.sample(n, np.random.default_rng(i)), "runs with different seeds"),
        (lambda f, n, s, i: f.sample(2 * n, np.random.default_rng([s, i])), "the shape of the goals"),
    ],
)
def test_draw_goals_says_what_is_wrong(wrong, said):
    verdict = lesson_03.draw_goals.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.fixture
def fresh():
    lesson_03.naive_gradient.record(...)
    yield lesson_03.naive_gradient
    lesson_03.naive_gradient.record(...)


def test_the_gradients_are_measured(fresh):
    nothing = [None, None]
    assert lesson_03.gradient_outcome([torch.zeros(2), None]) == "zero"
    assert lesson_03.gradient_outcome([torch.zeros(2), torch.ones(1)]) == "number"
    assert fresh.record("nothing").status == "unclear"  # none of the choices
    assert fresh.record(" None ").status == "recorded"
    fresh.record(...)
    assert fresh.verdict(nothing).status == "blank"
    for answer, status in (("zero", "otherwise"), ("number", "otherwise"), ("none", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(nothing)
        assert verdict.status == status
        assert 'it was "none". backward() reached the loss itself' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("naive_gradient")["prediction"] == "none"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("naive_gradient", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")


def after_steps(policy, rates, practice, test, steps=1):
    fast = spread_over_tasks(policy, len(practice.actions))
    for _ in range(steps):
        fast, _ = inner_step(policy, fast, rates, practice)
    return surrogate(with_parameters(policy, fast), test)


def pair_not_unpacked(policy, rates, practice, test):
    fast = inner_step(policy, spread_over_tasks(policy, len(practice.actions)), rates, practice)
    return surrogate(with_parameters(policy, fast), test).mean()


def list_as_policy(policy, rates, practice, test):
    fast, _ = inner_step(policy, spread_over_tasks(policy, len(practice.actions)), rates, practice)
    return surrogate(fast, test).mean()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (pair_not_unpacked, "unpack both, and use the first"),
        (list_as_policy, "with_parameters makes one of the fast weights"),
        (lambda p, r, a, b: after_steps(p, r, a, b, 2).mean(), "two steps are taken"),
        (lambda p, r, a, b: after_steps(p, -r, a, b).mean(), "goes uphill"),
        (lambda p, r, a, b: after_steps(p, torch.ones_like(r), a, b).mean(), "the rates are not used"),
        (lambda p, r, a, b: after_steps(p, r, a, b)[0], "only the first task counts"),
        (lambda p, r, a, b: surrogate(p, a).mean(), "before the step are returned"),
        (
            lambda p, r, a, b: surrogate(p, a).mean() + after_steps(p, r, a, b).mean(),
            "the loss before the step is added",
        ),
    ],
)
def test_meta_loss_explains_errors_and_names_slips(wrong, said):
    verdict = lesson_03.meta_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda f, n, s, i: f.sample(n, np.random.default_rng(s + i)), "no independent runs"),
        (lambda f, n, s, i: np.tile(f.sample(1, np.random.default_rng([s, i])), (n, 1)), "more than once"),
        (lambda f, n, s, i: f.sample(n, np.random.default_rng(s)) + 1e-4 * i, "two iterations still have the same"),
        (lambda f, n, s, i: np.random.default_rng([s, i]).uniform(-5, 5, (n, 2)), "outside the family"),
        (lambda f, n, s, i: f.sample(n, np.random.default_rng([s, i]))[:, 0], "n goals are [n, 2]"),
    ],
)
def test_draw_goals_looks_at_other_runs_and_at_the_goals_themselves(wrong, said):
    verdict = lesson_03.draw_goals.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words
