"""The checkers of lesson 05: right, right in other words, wrong in typical ways, and nothing."""

import math

import pytest
import torch

from mpsearch.course.exercises import lesson_05, source
from mpsearch.maml.trust_region import conjugate_gradient
from mpsearch.policies import with_parameters


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    names = {"torch": torch, "conjugate_gradient": conjugate_gradient, "with_parameters": with_parameters}
    space = {**names, "exercises": lesson_05}
    cell = source.exercise_cell(lesson_05.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["natural_step", "line_search", "inner_loop"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_05, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_05.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["same_step", "natural_step", "line_search", "inner_loop"]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_05, name).hints) == 3


def matrix_of(slope, product):
    return torch.stack([product(row) for row in torch.eye(len(slope), dtype=slope.dtype)])


def by_matrix(slope, product, max_kl):
    x = -torch.linalg.solve(matrix_of(slope, product), slope)
    return x * (2 * max_kl / (x @ -slope)).sqrt()  # M x is -slope


def by_numpy(slope, product, max_kl):
    x = -torch.linalg.inv(matrix_of(slope, product)).numpy() @ slope.numpy()
    return (2 * max_kl) ** 0.5 * x / (-x @ slope.numpy()) ** 0.5


def by_uphill_solution(slope, product, max_kl):
    x = conjugate_gradient(product, slope, 20)
    return -x / torch.sqrt(x @ product(x) / 2 / max_kl)


@pytest.mark.parametrize("right", [by_matrix, by_numpy, by_uphill_solution])
def test_natural_step_may_be_written_in_many_ways(right):
    assert lesson_05.natural_step.verdict(right).status == "right"


def solve(slope, product):
    return conjugate_gradient(product, -slope, 10)


def plain(slope, product, max_kl):
    return -slope * (2 * max_kl / (slope @ product(slope))).sqrt()


def in_parameters(slope, product, max_kl):
    x = solve(slope, product)
    return x / x.norm() * (2 * max_kl) ** 0.5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda s, p, k: -by_matrix(s, p, k), "goes uphill"),
        (plain, "direction is that of the plain gradient"),
        (lambda s, p, k: -p(s) * (2 * k / (p(s) @ p(p(s)))).sqrt(), "should be divided by it"),
        (lambda s, p, k: solve(s, p), "not brought to its length"),
        (lambda s, p, k: by_matrix(s, p, k) / 2**0.5, "the one half of the quadratic model"),
        (in_parameters, "measured among the parameters"),
        (lambda s, p, k: solve(s, p) * 2 * k / (solve(s, p) @ -s), "the square root is missing"),
        (lambda s, p, k: 3 * by_matrix(s, p, k), "3 times as large"),
        (lambda s, p, k: by_matrix(s, p, k).norm(), "shape (); it must be (2,)"),
        (lambda s, p, k: solve(s, p @ s), "product is a function: product(x) is M x"),
        (lambda s, p, k: -s * math.sqrt(2 * k / (s @ p)), "product is a function: product(x) is M x"),
        (lambda s, p, k: torch.sqrt(2 * k), "a plain number has ** 0.5"),
        (lambda s, p, k: conjugate_gradient(p(s), -s, 10), "conjugate_gradient needs the function product itself"),
        (lambda s, p, k: conjugate_gradient(p, -s), "say how many: iterations=10"),
    ],
)
def test_natural_step_says_what_is_wrong(wrong, said):
    verdict = lesson_05.natural_step.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize("name", ["natural_step", "line_search"])
def test_nothing(name):
    for nothing in (None, ...):
        assert getattr(lesson_05, name).verdict(nothing).status == "blank"


def test_a_function_that_returns_nothing_is_not_attempted():
    assert lesson_05.natural_step.verdict(lambda slope, product, max_kl: ...).status == "blank"


def by_continue(start, full_step, evaluate, max_kl):
    before, _ = evaluate(start)
    for attempt in range(15):
        theta = start + 0.8**attempt * full_step
        loss, kl = evaluate(theta)
        if kl > max_kl or loss >= before:
            continue
        return theta
    return start


def by_fraction(start, full_step, evaluate, max_kl):
    fraction, before = 1.0, evaluate(start)[0]
    while fraction > 0.04:
        loss, kl = evaluate(start + fraction * full_step)
        if loss < before and not kl > max_kl:
            break
        fraction *= 0.8
    else:
        fraction = 0.0
    return start + fraction * full_step


def by_next(start, full_step, evaluate, max_kl):
    before = evaluate(start)[0]
    tried = (start + 0.8**k * full_step for k in range(15))
    return next((t for t in tried if evaluate(t)[0] < before and evaluate(t)[1] <= max_kl), start)


@pytest.mark.parametrize("right", [by_continue, by_fraction, by_next])
def test_line_search_may_be_repaired_in_many_ways(right):
    assert lesson_05.line_search.verdict(right).status == "right"


def not_restored(start, full_step, evaluate, max_kl):
    found = by_continue(start, full_step, evaluate, max_kl)
    return start + 0.8**14 * full_step if torch.equal(found, start) else found


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda s, f, e, k: by_continue(s, f, e, 1e9), "its KL is above max_kl"),
        (lambda s, f, e, k: code("line_search", solved=False)["line_search"](s, f, e, k), "its KL is above max_kl"),
        (lambda s, f, e, k: by_continue(s, f, lambda t: (-e(t)[1], e(t)[1]), k), "the loss is not lower there"),
        (not_restored, "it must give back the start"),
        (lambda s, f, e, k: s + f, "its KL is above max_kl"),
        (lambda s, f, e, k: s, "the vector of parameters is 1 at [0]"),
        (lambda s, f, e, k: by_continue(s, f, e, k) - s, "the vector of parameters"),
        (lambda s, f, e, k: e(by_continue(s, f, e, k)), "the vector of parameters"),
        (lambda s, f, e, k: by_continue(s, f, e(s), k), "stops with TypeError"),
        (lambda s, f, e, k: [loss for loss, kl in e], "evaluate is a function"),
    ],
)
def test_line_search_says_what_is_wrong(wrong, said):
    verdict = lesson_05.line_search.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_the_bug_leaves_the_trust_region_and_the_repair_does_not():
    """What the lesson says of it."""
    _, arguments = lesson_05._search_trials()[0]
    *_, evaluate, max_kl = arguments
    buggy, right = (evaluate(code("line_search", solved)["line_search"](*arguments)) for solved in (False, True))
    assert buggy[0] < right[0] < evaluate(lesson_05.START)[0]  # it looks better
    assert right[1] <= max_kl < buggy[1]


@pytest.fixture
def fresh():
    lesson_05.same_step.record(...)
    yield lesson_05.same_step
    lesson_05.same_step.record(...)


def test_the_divergences_are_compared(fresh):
    assert lesson_05.times_outcome(0.02, 0.02) == "1"
    assert lesson_05.times_outcome(0.02, 0.2) == "10"
    assert lesson_05.times_outcome(0.02, 2.0) == "100"
    assert fresh.verdict(0.02, 2.0).status == "blank"
    for answer, status in (("1", "otherwise"), (10, "otherwise"), (100, "right"), ("100 times", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(0.02, 2.0)
        assert verdict.status == status
        assert 'it was "100". A mean is moved far' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("same_step")["prediction"] == "100"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("same_step", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")
