"""The checkers of lesson 04: right, right in other words, wrong in typical ways, and nothing."""

import pytest
import torch

from mpsearch.course.exercises import lesson_04, source


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = {"torch": torch, "exercises": lesson_04}
    cell = source.exercise_cell(lesson_04.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["hessian_times", "meta_loss"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_04, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_04.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["overshoot", "hessian_times", "meta_loss"]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_04, name).hints) == 3


def slope(loss, theta, graph=True):
    return torch.autograd.grad(loss(theta), theta, create_graph=graph)[0]


def whole(loss, theta, vector):
    return torch.autograd.functional.hessian(loss, theta) @ vector


def by_vjp(loss, theta, vector):
    return torch.autograd.grad(slope(loss, theta), theta, grad_outputs=vector)[0]


def by_func_twice(loss, theta, vector):
    return torch.func.grad(lambda x: torch.func.grad(loss)(x) @ vector)(theta)


def by_differences(loss, theta, vector):
    moved = [slope(loss, (theta + sign * 1e-5 * vector).detach().requires_grad_()) for sign in (1, -1)]
    return (moved[0] - moved[1]) / 2e-5


@pytest.mark.parametrize("right", [by_vjp, by_func_twice, by_differences])
def test_a_hessian_product_may_be_computed_in_many_ways(right):
    assert lesson_04.hessian_times.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda f, t, v: torch.autograd.grad(slope(f, t, False) @ v, t)[0], "create_graph=True"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t).detach() @ v, t)[0], "create_graph=True"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t) @ v, t), "take its [0]"),
        (lambda f, t, v: slope(f, t), "the gradient itself"),
        (lambda f, t, v: slope(f, t) * v, "nothing is differentiated a second time"),
        (lambda f, t, v: slope(f, t) @ v, "has shape (); it must be (2,)"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t).sum(), t)[0] * v, "summed before the vector"),
        (lambda f, t, v: torch.autograd.functional.hessian(f, t).diagonal() * v, "only the diagonal"),
        (lambda f, t, v: by_vjp(f, t, slope(f, t)), "along the gradient itself"),
        (lambda f, t, v: torch.autograd.functional.hessian(f, t), "has shape (2, 2); it must be (2,)"),
        (lambda f, t, v: -whole(f, t, v), "opposite sign"),
        (lambda f, t, v: t - whole(f, t, v), "the result"),
        (lambda f, t, v: f(t, v), "stops with TypeError"),
        (lambda f, t, v: slope(f, t) @ v.reshape(1, -1), "stops with RuntimeError"),
    ],
)
def test_hessian_times_says_what_is_wrong(wrong, said):
    verdict = lesson_04.hessian_times.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize("name", ["hessian_times", "meta_loss"])
def test_nothing(name):
    for nothing in (None, ...):
        assert getattr(lesson_04, name).verdict(nothing).status == "blank"


def test_a_function_that_returns_nothing_is_not_attempted():
    assert lesson_04.hessian_times.verdict(lambda loss, theta, vector: ...).status == "blank"


def by_backward_free(loss, new_loss, theta, alpha):
    value = loss(theta)
    (gradient,) = torch.autograd.grad(value, [theta], torch.ones_like(value), create_graph=True)
    return new_loss(torch.add(theta, gradient, alpha=-alpha))


def by_func(loss, new_loss, theta, alpha):
    return new_loss(theta - alpha * torch.func.grad(loss)(theta))


def by_formula(loss, new_loss, theta, alpha):
    """First order plus a number whose gradient is minus alpha H g'."""
    after = (theta - alpha * slope(loss, theta)).detach().requires_grad_()
    missing = slope(loss, theta) @ slope(new_loss, after).detach()
    return new_loss(theta + (after - theta).detach()) - alpha * (missing - missing.detach())


@pytest.mark.parametrize("right", [by_backward_free, by_func, by_formula])
def test_meta_loss_may_be_repaired_in_many_ways(right):
    assert lesson_04.meta_loss.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda f, n, t, a: n(t - a * slope(f, t).detach()), "still is first order"),
        (lambda f, n, t, a: n(t - a * slope(f, t, False)) + 0, "still is first order"),
        (lambda f, n, t, a: n(t - a * slope(f, t.detach().clone().requires_grad_())), "no path leads from theta"),
        (lambda f, n, t, a: n(t.detach() - a * slope(f, t, False)), "not even the first-order term"),
        (lambda f, n, t, a: n(t - a * slope(f, t)).detach(), "not even the first-order term"),
        (lambda f, n, t, a: n(t - a * slope(f, t)).item(), "type float"),
        (lambda f, n, t, a: n(t + a * slope(f, t)), "goes uphill"),
        (lambda f, n, t, a: f(t - a * slope(f, t)), "inner loss is used twice"),
        (lambda f, n, t, a: n(t), "no inner step is taken"),
        (lambda f, n, t, a: t - a * slope(f, t), "has shape (2,); it must be one number"),
        (lambda f, n, t, a: -by_func(f, n, t, a), "opposite sign"),
        (lambda f, n, t, a: n(t - 2 * a * slope(f, t)), "the gradient of the meta-loss"),
        (lambda f, n, t, a: n(t - a * f), "stops with TypeError"),
    ],
)
def test_meta_loss_says_what_is_wrong(wrong, said):
    verdict = lesson_04.meta_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_the_bug_leaves_the_loss_right_and_drops_the_term_of_the_hessian():
    """What the lesson says of it."""
    _, (loss, new_loss, theta, alpha) = lesson_04._meta_trials()[0]
    right, buggy = (code("meta_loss", solved)["meta_loss"](loss, new_loss, theta, alpha) for solved in (True, False))
    assert right.item() == buggy.item()
    exact, first_order = (torch.autograd.grad(value, theta)[0] for value in (right, buggy))
    torch.testing.assert_close(exact, first_order - alpha * whole(loss, theta, first_order))
    assert (exact - first_order).abs().max() > 0.1


@pytest.fixture
def fresh():
    lesson_04.overshoot.record(...)
    yield lesson_04.overshoot
    lesson_04.overshoot.record(...)


def test_the_overshoot_is_measured(fresh):
    assert lesson_04.overshoot_outcome(-2.0, -1.0) == "same"
    assert lesson_04.overshoot_outcome(-2.0, 1.0) == "opposite"
    assert lesson_04.overshoot_outcome(0.0, 1.0) == lesson_04.overshoot_outcome(1.0, 0.0) == "zero"
    assert fresh.record("minus").status == "unclear"  # none of the choices
    assert fresh.record(" Opposite ").status == "recorded"
    fresh.record(...)
    assert fresh.verdict(-0.3, 0.8).status == "blank"
    for answer, status in (("same", "otherwise"), ("zero", "otherwise"), ("opposite", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(-0.3, 0.8)
        assert verdict.status == status
        assert 'it was "opposite". Beyond the bottom' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("overshoot")["prediction"] == "opposite"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("overshoot", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")


def left_in_grad(loss, theta, vector):
    loss(theta).backward(create_graph=True)
    (theta.grad @ vector).backward()
    return theta.grad


def row_by_row(loss, theta, vector):
    gradient = slope(loss, theta)
    return torch.stack([torch.autograd.grad(entry, theta, retain_graph=True)[0] for entry in gradient]) @ vector


@pytest.mark.filterwarnings("ignore:Using backward")  # PyTorch's, that create_graph=True may leak
def test_a_gradient_left_in_grad_is_named():
    assert "theta.grad" in lesson_04.hessian_times.verdict(left_in_grad).words


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (whole, "the whole Hessian is built"),
        (row_by_row, "the whole Hessian is built"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t) @ v, v)[0], "not part of the graph; take both in theta"),
        (lambda f, t, v: torch.autograd.grad(f(v), t)[0], "take the loss at theta"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t).sum(), t)[0], "the gradient of g.sum()"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t) @ slope(f, t), t)[0], "g @ g is differentiated"),
        (lambda f, t, v: slope(f, t + v), "the gradient at theta + vector"),
        (lambda f, t, v: slope(f, t + v) - slope(f, t), "a whole vector apart"),
        (lambda f, t, v: torch.autograd.grad(f(t), t, create_graph=True) @ v, "take its [0]"),
        (lambda f, t, v: torch.autograd.grad(slope(f, t) * v, t)[0], "g * v is a vector"),
        (lambda f, t, v: torch.autograd.grad(f, t)[0], "loss is a function"),
    ],
)
def test_hessian_times_explains_errors_and_names_slips(wrong, said):
    verdict = lesson_04.hessian_times.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def two_steps(loss, new_loss, theta, alpha):
    once = theta - alpha * slope(loss, theta)
    return new_loss(once - alpha * slope(loss, once))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (two_steps, "two inner steps"),
        (lambda f, g, t, alpha: g(t - slope(f, t)), "alpha is not used"),
        (lambda f, g, t, alpha: g(t.detach() - alpha * slope(f, t)), "only the Hessian's term is left"),
        (lambda f, g, t, alpha: f(t - alpha * slope(g, t)), "the two losses are exchanged"),
        (lambda f, g, t, alpha: g(t - alpha * slope(g, t)), "the step is on new_loss"),
        (lambda f, g, t, alpha: g(t - alpha * slope(f, t)) + f(t), "the loss before the step is added"),
    ],
)
def test_meta_loss_names_slips(wrong, said):
    verdict = lesson_04.meta_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words
