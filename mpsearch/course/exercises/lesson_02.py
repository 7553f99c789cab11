"""The exercises of lesson 02, learning to learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.losses import check_loss, gradient_vector
from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say
from mpsearch.maml.inner import higher, spread_over_tasks
from mpsearch.policies import TaskLinear
from mpsearch.records import Array

LESSON = "02_learning_to_learn"
FLAT, LOW = 0.5, 2.0  # a wave lower than FLAT is flat, one higher than LOW is full; the mean amplitude is 2.55

Loss = Callable[[Sequence[Tensor]], Tensor]
Points = tuple[Tensor, Tensor]  # x, y, each [K, N, 1]


def _bowl(parameters: Sequence[Tensor]) -> Tensor:
    return 3 * (parameters[0] - 2).square().sum()


def _valley(parameters: Sequence[Tensor]) -> Tensor:
    weight, bias = parameters
    x = torch.linspace(-1, 1, 5, dtype=weight.dtype)
    return (torch.tanh(weight * x + bias) - x.sin()).square().sum() + (weight * bias).square()


def _step_trials() -> list[Trial]:
    one, two = ([torch.tensor(v, dtype=torch.float64).requires_grad_() for v in vs] for vs in ([1.0], [1.5, -0.5]))
    return [
        ("the loss 3 (theta - 2)^2 at theta = 1 and rate 0.1", (_bowl, one, 0.1)),
        ("a loss of two parameters and rate 0.2", (_valley, two, 0.2)),
    ]


def step_and_derivative(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Tensor:
    """Return two results of a step in one vector: the new parameters, and the derivative through the step.

    The derivative is the gradient of the loss after the step with respect to the parameters before it.

    Raises:
        Mistake: the result is not a list of new tensors, or no derivative can go through the step.
    """
    loss, parameters, _ = arguments
    result = function(*arguments)
    try:
        after = list(result)
    except TypeError:
        raise Mistake("the result is no list: return one tensor for each parameter") from None
    if len(after) != len(parameters) or not all(isinstance(p, Tensor) for p in after):
        raise Mistake("the result must be a list with one tensor for each parameter, and nothing else")
    if any(new is old for new, old in zip(after, parameters, strict=True)):
        raise Mistake("the start itself is changed; make new tensors, because the outer loop still needs the start")
    outer = loss(after)
    if not outer.requires_grad:
        raise Mistake(
            "the new parameters are detached: they do not remember that they were computed from the start"
            " (because of .detach(), .data or torch.no_grad())"
        )
    gradients = torch.autograd.grad(outer, parameters, allow_unused=True, materialize_grads=True)
    if not any(g.any() for g in gradients):
        raise Mistake("the new parameters are detached: for PyTorch, a change of the start does not change them")
    return torch.cat([parameters_to_vector(after), parameters_to_vector(gradients)])


def _right_step(loss: Loss, parameters: Sequence[Tensor], rate: float) -> list[Tensor]:
    gradients = torch.autograd.grad(loss(parameters), parameters, create_graph=True)
    return [p - rate * g for p, g in zip(parameters, gradients, strict=True)]


def _no_graph(loss: Loss, parameters: Sequence[Tensor], rate: float) -> list[Tensor]:
    gradients = torch.autograd.grad(loss(parameters), parameters)
    return [p - rate * g for p, g in zip(parameters, gradients, strict=True)]


def _one_gradient_for_all(loss: Loss, parameters: Sequence[Tensor], rate: float) -> list[Tensor]:
    (first, *_) = torch.autograd.grad(loss(parameters), parameters, create_graph=True)
    return [p - rate * first for p in parameters]


def _start_cut_off(loss: Loss, parameters: Sequence[Tensor], rate: float) -> list[Tensor]:
    gradients = torch.autograd.grad(loss(parameters), parameters, create_graph=True)
    return [p.detach() - rate * g for p, g in zip(parameters, gradients, strict=True)]


def _two_steps(loss: Loss, parameters: Sequence[Tensor], rate: float) -> list[Tensor]:
    return _right_step(loss, _right_step(loss, parameters, rate), rate)


def _without_rate(loss: Loss, parameters: Sequence[Tensor], rate: float) -> list[Tensor]:
    return _right_step(loss, parameters, 1.0)


take_step = FillIn(
    lesson=LESSON,
    name="take_step",
    reference=_right_step,
    trials=_step_trials,
    probe=step_and_derivative,
    result="the list of the new parameters and of the derivatives through the step",
    stops={
        "'function' object is not iterable": "loss is a function; differentiate what it returns, loss(parameters)",
        "can't multiply sequence": "there is a list of gradients, one for each parameter; go through them one by one",
        "0-dim tensor": "loss takes the whole list: loss(parameters), without a star",
        "leaf Variable": "the start itself would be changed; make new tensors",
    },
    mistakes={
        "the first parameter's gradient is used for all of them; each has its own": _one_gradient_for_all,
        "the start itself is detached in the step (by .detach() or .data)": _start_cut_off,
        "two steps are taken; one was asked for": _two_steps,
        "only the gradient, times the rate, is returned: take it away from the parameters": lambda f, p, r: [
            a - b for a, b in zip(p, _right_step(f, p, r), strict=True)
        ],
        "the new parameters are right, but the derivative through the step is not: the gradient counts as a constant,"
        " because it was computed without its graph; see create_graph": _no_graph,
        "the step goes uphill: subtract the gradient from the parameters": lambda f, p, r: _right_step(f, p, -r),
        "the rate is missing": _without_rate,
        "only the gradient is returned: multiply it by the rate and subtract it from the parameters": lambda f, p, r: [
            a - b for a, b in zip(p, _right_step(f, p, 1.0), strict=True)
        ],
    },
    hints=(
        "torch.autograd.grad(loss(parameters), parameters) gives one gradient for each parameter.",
        "The gradient depends on the start too. PyTorch keeps this dependence only with create_graph=True.",
        "Make a list of new tensors, one for each pair of a parameter and its gradient. The start is left as it was.",
    ),
    moral="the step is now part of the graph, so a derivative can go through it, back to the start.",
)


def wave_outcome(prediction: Array) -> str:
    """Say what a network's ``prediction`` over the whole range of x looks like."""
    height = float(np.abs(prediction).max())
    return "flat" if height < FLAT else "low wave" if height < LOW else "full wave"


average = Predict(
    lesson=LESSON,
    name="average",
    choices=("flat", "low wave", "full wave"),
    outcome=wave_outcome,
    hints=(
        "At each x, the network sees the values of many tasks. Which single number has the smallest squared error?",
        "The mean has. So what is the mean over all tasks, for example at x = 0 and at x = pi?",
        "At x = 0 a task has the value -A sin(phi), and phi is between 0 and pi. Can this value be positive?",
    ),
    moral="At each x, the mean of all tasks has the smallest squared error. If the phases covered a full circle, the"
    " waves would cancel and the mean would be 0. Here they cover only half a circle.",
)


class _Net(nn.Sequential):
    def __init__(self, generator: torch.Generator) -> None:
        super().__init__(TaskLinear(1, 6), nn.Tanh(), TaskLinear(6, 1))
        self.double()
        for p in self.parameters():
            nn.init.normal_(p, generator=generator)


def _loss_trials() -> list[Trial]:
    generator = torch.Generator().manual_seed(3)
    trials = []
    for tasks, count in ((2, 5), (3, 4)):
        network = _Net(generator)
        rates = torch.full((4,), 0.05, dtype=torch.float64)
        data = [torch.randn(tasks, count, 1, generator=generator, dtype=torch.float64) for _ in range(4)]
        words = f"{tasks} tasks of {count} practice points and {count} test points"
        trials.append((words, (network, rates, (data[0], data[1]), (data[2], data[3]))))
    return trials


def loss_gradient(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Tensor:
    """Return the gradient of the loss ``function(network, ...)`` with respect to the network's start, as a vector.

    Raises:
        Mistake: the loss is not a number in a tensor, or it has no gradient.
    """
    loss = check_loss(function(*arguments), say("take the mean"))
    gradient = gradient_vector(loss, arguments[0]) if loss.requires_grad else None
    if gradient is None or not gradient.any():
        raise Mistake(
            "the loss has no gradient in the start: something between the start and the loss is detached"
            " (by .detach(), .item(), torch.no_grad(), or track_higher_grads=False)"
        )
    return gradient


def _meta_loss(
    network: nn.Module,
    rates: Tensor,
    step_on: Points,
    measured_on: Points,
    *,
    order: int = 2,
    adapted: bool = True,
    steps: int = 1,
    scale: float = 1.0,
    own: bool = True,
) -> Tensor:
    """Compute the right loss, or with other arguments one that a typical mistake gives."""
    sgd = torch.optim.SGD([{"params": [p]} for p in network.parameters()], lr=1.0)
    context = higher.innerloop_ctx(network, sgd, copy_initial_weights=False, override={"lr": list(rates)})
    with context as (functional, optimizer):
        if own:
            functional.update_params(spread_over_tasks(network, len(step_on[0])))
        for _ in range(steps):
            inner = scale * (functional(step_on[0]) - step_on[1]).square().mean((1, 2)).sum()
            optimizer.step(inner, grad_callback=(lambda gs: [g.detach() for g in gs]) if order == 1 else None)
        predicted = (functional if adapted else network)(measured_on[0])
        return (predicted - measured_on[1]).square().mean()


meta_loss = FindTheBug(
    lesson=LESSON,
    name="meta_loss",
    reference=_meta_loss,
    trials=_loss_trials,
    probe=loss_gradient,
    result="the gradient of the loss",
    mistakes={
        "two steps are taken; one was asked for": lambda n, r, p, t: _meta_loss(n, r, p, t, steps=2),
        "the inner losses are averaged over the tasks, which makes each step too short; sum them": lambda n, r, p, t: (
            _meta_loss(n, r, p, t, scale=1 / len(p[0]))
        ),
        "all tasks share one set of parameters and take one step together; each needs its own": lambda n, r, p, t: (
            _meta_loss(n, r, p, t, own=False)
        ),
        "the loss before the step is added; only that after it was asked for": lambda n, r, p, t: (
            _meta_loss(n, r, p, t) + _meta_loss(n, r, p, t, adapted=False)
        ),
        "the loss is still that of the start, which has not taken the step": lambda n, r, p, t: _meta_loss(
            n, r, p, t, adapted=False
        ),
        "the loss is measured on the practice points, which the step used; use the test points": lambda n, r, p, t: (
            _meta_loss(n, r, p, p)
        ),
        "the step is taken on the test points, which must not be used for learning": lambda n, r, p, t: _meta_loss(
            n, r, t, t
        ),
        "practice and test points are swapped": lambda n, r, p, t: _meta_loss(n, r, t, p),
        "the inner gradient is detached, so it is a constant (lesson 04 calls this first order)": lambda n, r, p, t: (
            _meta_loss(n, r, p, t, order=1)
        ),
    },
    hints=(
        "It learned the same as the network that was trained on the average. What do the two losses have in common?",
        "Follow the step. Which object holds the parameters after the step, and which line uses them?",
        "network has the start, functional has the adapted parameters. Test the adapted ones on the test points.",
    ),
    moral="now the loss is that of the network after the step. Before, the result of the step was not used, so the"
    " network was trained on the average of the tasks.",
)
