"""The checkers of lesson 02: right, right in other words, wrong in typical ways, and nothing."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.func import functional_call

from mpsearch.course.exercises import lesson_02, source
from mpsearch.maml.inner import higher, spread_over_tasks


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = {"np": np, "torch": torch, "higher": higher, "spread_over_tasks": spread_over_tasks, "exercises": lesson_02}
    cell = source.exercise_cell(lesson_02.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["take_step", "meta_loss"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_02, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"
    for nothing in (None, ...):
        assert exercise.verdict(nothing).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_02.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["take_step", "average", "meta_loss"]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_02, name).hints) == 3


def gradients_of(loss, parameters, graph=True):
    return torch.autograd.grad(loss(parameters), parameters, create_graph=graph)


def by_func(loss, parameters, rate):
    gradients = torch.func.grad(loss)(list(parameters))
    return [torch.sub(p, g, alpha=rate) for p, g in zip(parameters, gradients, strict=True)]


def one_at_a_time(loss, parameters, rate):
    return tuple(p - rate * torch.autograd.grad(loss(parameters), p, create_graph=True)[0] for p in parameters)


def by_backward(loss, parameters, rate):
    copies = [p.clone() for p in parameters]
    for p in copies:
        p.retain_grad()
    loss(copies).backward(create_graph=True, inputs=copies)
    return [p - rate * p.grad for p in copies]


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("right", [by_func, one_at_a_time, by_backward])
def test_take_step_may_be_written_in_many_ways(right):
    assert lesson_02.take_step.verdict(right).status == "right"


def in_place(loss, parameters, rate):
    gradients = gradients_of(loss, parameters)
    with torch.no_grad():
        for p, g in zip(parameters, gradients, strict=True):
            p -= rate * g
    return parameters


def without_graph(loss, parameters, rate):
    gradients = gradients_of(loss, parameters, graph=False)
    return [p - rate * g for p, g in zip(parameters, gradients, strict=True)]


def step(loss, parameters, rate):
    return [p - rate * g for p, g in zip(parameters, gradients_of(loss, parameters), strict=True)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (without_graph, "see create_graph"),
        (lambda f, p, r: step(f, p, -r), "uphill"),
        (lambda f, p, r: step(f, p, 1.0), "the rate is missing"),
        (lambda f, p, r: gradients_of(f, p), "only the gradient is returned"),
        (lambda f, p, r: [x.detach() for x in step(f, p, r)], "detached: they do not remember"),
        (lambda f, p, r: [x.detach().requires_grad_() for x in step(f, p, r)], "a change of the start"),
        (in_place, "the start itself is changed"),
        (lambda f, p, r: f(p), "the result is no list"),
        (lambda f, p, r: step(f, p, r)[:1] * 2, "must be a list with one tensor for each"),
        (lambda f, p, r: [x.item() for x in step(f, p, r)], "must be a list with one tensor for each"),
        (lambda f, p, r: step(f, p, r / 2), "the new parameters and of the derivatives"),
        (lambda f, p, r: p[5], "stops with IndexError"),
        (lambda f, p: p, "stops with TypeError"),
    ],
)
def test_take_step_says_what_is_wrong(wrong, said):
    verdict = lesson_02.take_step.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def error(predicted, y):
    return (predicted - y).square().mean()


def adapted(network, rates, x, y, **wrong):
    """The parameters of each task after its step, without ``higher``."""
    names, theta = zip(*network.named_parameters(), strict=True)
    found = []
    for task in range(len(x)):
        loss = error(functional_call(network, dict(zip(names, theta, strict=True)), (x[task],)), y[task])
        gradients = torch.autograd.grad(loss, theta, **{"create_graph": True, **wrong})
        found.append({n: p - r * g for n, p, r, g in zip(names, theta, rates, gradients, strict=True)})
    return found


def task_by_task(network, rates, practice, test, **wrong):
    stepped = adapted(network, rates, *practice, **wrong)
    losses = [error(functional_call(network, p, (x,)), y) for p, x, y in zip(stepped, *test, strict=True)]
    return sum(losses) / len(losses)


def mean_of_means(network, rates, practice, test):
    sgd = torch.optim.SGD([{"params": [p]} for p in network.parameters()], lr=1.0)
    with higher.innerloop_ctx(network, sgd, override={"lr": list(rates)}) as (functional, optimizer):
        functional.update_params(spread_over_tasks(network, len(practice[0])))
        optimizer.step(len(practice[0]) * error(functional(practice[0]), practice[1]))
        return torch.nn.functional.mse_loss(functional(test[0]), test[1])


@pytest.mark.parametrize("right", [task_by_task, mean_of_means])
def test_meta_loss_may_be_repaired_in_many_ways(right):
    assert lesson_02.meta_loss.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda n, r, p, t: error(n(t[0]), t[1]), "has not taken the step"),
        (lambda n, r, p, t: task_by_task(n, r, p, p), "measured on the practice points"),
        (lambda n, r, p, t: task_by_task(n, r, t, t), "the step is taken on the test points"),
        (lambda n, r, p, t: task_by_task(n, r, t, p), "swapped"),
        (lambda n, r, p, t: task_by_task(n, r, p, t, create_graph=False, retain_graph=True), "first order"),
        (lambda n, r, p, t: task_by_task(n, r, p, t).detach(), "no gradient in the start"),
        (lambda n, r, p, t: task_by_task(n, r, p, t).item(), "type float"),
        (lambda n, r, p, t: (n(t[0]) - t[1]).square().mean((1, 2)), "it must be one number"),
        (lambda n, r, p, t: len(p[0]) * task_by_task(n, r, p, t), "2 times as large"),
        (lambda n, r, p, t: -task_by_task(n, r, p, t), "opposite sign"),
        (lambda n, r, p, t: n(t[0], t[1]), "stops with TypeError"),
    ],
)
def test_meta_loss_says_what_is_wrong(wrong, said):
    verdict = lesson_02.meta_loss.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize("options", [{"track_higher_grads": False}, {"copy_initial_weights": True}])
def test_options_of_higher_that_cut_the_graph_are_told(options):
    """One task after the other, so that the start reaches the loss through ``higher`` alone."""

    def cut(network, rates, practice, test):
        sgd = torch.optim.SGD(network.parameters(), lr=0.05)
        settings = {"copy_initial_weights": False, **options}
        losses = []
        for x, y, x_test, y_test in zip(*practice, *test, strict=True):
            with higher.innerloop_ctx(network, sgd, **settings) as (functional, optimizer):
                optimizer.step(error(functional(x), y))
                losses.append(error(functional(x_test), y_test))
        return sum(losses) / len(losses)

    assert "no gradient in the start" in lesson_02.meta_loss.verdict(cut).words
    options.clear()
    assert lesson_02.meta_loss.verdict(cut).status == "right"


@pytest.fixture
def fresh():
    lesson_02.average.record(...)
    yield lesson_02.average
    lesson_02.average.record(...)


def test_the_wave_is_measured(fresh):
    wave = np.cos(np.linspace(-5, 5, 101))
    assert lesson_02.wave_outcome(0.3 * wave) == "flat"
    assert lesson_02.wave_outcome(2.55 * 2 / np.pi * wave) == "low wave"
    assert lesson_02.wave_outcome(-2.55 * wave) == "full wave"
    assert fresh.record("sine").status == "unclear"  # none of the choices
    assert fresh.record(" Low Wave ").status == "recorded"
    fresh.record(...)
    assert fresh.verdict(wave).status == "blank"
    for answer, status in (("flat", "otherwise"), ("full wave", "otherwise"), ("low wave", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(-1.6 * wave)
        assert verdict.status == status
        assert 'it was "low wave". At each x, the mean of all tasks' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("average")["prediction"] == "low wave"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("average", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")


def first_gradient_for_all(loss, parameters, rate):
    first, *_ = torch.autograd.grad(loss(parameters), parameters, create_graph=True)
    return [p - rate * first for p in parameters]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (first_gradient_for_all, "each has its own"),
        (lambda f, p, r: step(f, step(f, p, r), r), "two steps are taken"),
        (
            lambda f, p, r: [x.detach() - r * g for x, g in zip(p, gradients_of(f, p), strict=True)],
            "start itself is det",
        ),
        (lambda f, p, r: [r * g for g in gradients_of(f, p)], "times the rate, is returned"),
        (lambda f, p, r: p - r * gradients_of(f, p), "go through them one by one"),
        (lambda f, p, r: f(*p), "without a star"),
        (lambda f, p, r: torch.autograd.grad(f, p), "loss is a function"),
        (lambda f, p, r: [x.sub_(r) for x in p], "make new tensors"),
    ],
)
def test_take_step_explains_errors_and_names_slips(wrong, said):
    verdict = lesson_02.take_step.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def with_higher(network, rates, practice, test, *, steps=1, own=True, mean=False):
    sgd = torch.optim.SGD([{"params": [p]} for p in network.parameters()], lr=1.0)
    settings = {"copy_initial_weights": False, "override": {"lr": list(rates)}}
    with higher.innerloop_ctx(network, sgd, **settings) as (functional, optimizer):
        if own:
            functional.update_params(spread_over_tasks(network, len(practice[0])))
        for _ in range(steps):
            losses = (functional(practice[0]) - practice[1]).square().mean((1, 2))
            optimizer.step(losses.mean() if mean else losses.sum())
        return error(functional(test[0]), test[1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "after the step"),  # right
        ({"steps": 2}, "two steps are taken"),
        ({"own": False}, "share one set of parameters"),
        ({"mean": True}, "averaged over the tasks"),
    ],
)
def test_meta_loss_names_slips_of_the_inner_loop(options, said):
    verdict = lesson_02.meta_loss.verdict(partial(with_higher, **options))
    assert verdict.status == ("wrong" if options else "right")
    assert said in verdict.words


def test_meta_loss_must_not_add_the_loss_before_the_step():
    wrong = lambda n, r, p, t: with_higher(n, r, p, t) + error(n(t[0]), t[1])  # noqa: E731
    assert "the loss before the step is added" in lesson_02.meta_loss.verdict(wrong).words
