"""The exercises of lesson 04, MAML term by term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.losses import check_loss
from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say
from mpsearch.maml.trust_region import hessian_product

LESSON = "04_maml"
MANY = 20  # parameters of a loss whose whole Hessian would take as many gradients
Loss = Callable[[Tensor], Tensor]


def _slope(loss: Loss, theta: Tensor, create_graph: bool = False) -> Tensor:
    (gradient,) = torch.autograd.grad(loss(theta), theta, create_graph=create_graph)
    return gradient


def _product(x: Tensor) -> Tensor:
    return x[0] ** 2 * x[1]


def _coupled(x: Tensor) -> Tensor:
    return (x[:-1] * x[1:]).sin().sum() + x.pow(4).sum() / 4


def _vectors(*sizes: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def _start(values: Tensor | list[float]) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64).clone().requires_grad_()


def _product_trials() -> list[Trial]:
    theta, vector = _vectors(5, 5)
    small = torch.tensor([3.0, -1.0], dtype=torch.float64)
    many, long_vector = _vectors(MANY, MANY)
    return [
        ("the loss x*x*y at (x, y) = (1, 2) and the vector (3, -1)", (_product, _start([1.0, 2.0]), small)),
        ("a loss of five parameters", (_coupled, _start(theta), vector)),
        (f"a loss of {MANY} parameters", (_coupled, _start(many), long_vector)),
    ]


def _right_product(loss: Loss, theta: Tensor, vector: Tensor) -> Tensor:
    return hessian_product(loss(theta), [theta], damping=0.0)(vector)


def _whole_hessian(loss: Loss, theta: Tensor) -> Tensor:
    hessian: Tensor = torch.autograd.functional.hessian(loss, theta)
    return hessian


def _row_sums(loss: Loss, theta: Tensor, vector: Tensor) -> Tensor:
    return _whole_hessian(loss, theta).sum(1) * vector


def product_found(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return the result of ``function(loss, theta, vector)``.

    Raises:
        Mistake: the first gradient has no graph, the result is the tuple that ``torch.autograd.grad`` returns, or the
            whole matrix was built.
    """
    loss, theta, vector = arguments
    gradients: list[Tensor] = []

    def counted(x: Tensor) -> Tensor:
        x = x * 1
        if x.requires_grad:
            x.register_hook(gradients.append)
        return loss(x)

    try:
        found = function(counted, theta, vector)
    except RuntimeError as error:
        raise _graph_mistake(error) from None
    if len(gradients) >= MANY:
        raise Mistake(
            say(
                "the whole Hessian is built, row by row, by {count} gradients; two are enough for H v, however many"
                " parameters there are",
                count=len(gradients),
            )
        )
    if isinstance(found, tuple):
        raise Mistake("the result is a tuple: torch.autograd.grad returns one even for a single tensor; take its [0]")
    return found


def _graph_mistake(error: RuntimeError) -> Exception:
    """What PyTorch's complaint about a missing graph means; ``error`` itself if it is about something else."""
    if "differentiated Tensors" in str(error) or "not have been used" in str(error):
        return Mistake("the derivative is taken in a tensor that is not part of the graph; take both in theta")
    if "does not require grad" in str(error):
        return Mistake(
            "what is to be differentiated has no graph: take the loss at theta, and the first gradient with"
            " create_graph=True"
        )
    return error


def _first_gradient_added(loss: Loss, theta: Tensor, vector: Tensor) -> Tensor:
    return _right_product(loss, theta, vector) + _slope(loss, theta)


hessian_times = FillIn(
    lesson=LESSON,
    name="hessian_times",
    reference=_right_product,
    trials=_product_trials,
    probe=product_found,
    stops={
        "for @: 'tuple'": "torch.autograd.grad returns a tuple, even of a single tensor; take its [0]",
        "only for scalar outputs": "the gradient is taken of one number; g @ v is one, g * v is a vector",
        "'function' object is not iterable": "loss is a function; differentiate what it returns, loss(theta)",
    },
    mistakes={
        "the vector is not used: it is the gradient of g.sum(); take that of g @ v": lambda loss, theta, vector: (
            _whole_hessian(loss, theta).sum(0)
        ),
        "g @ g is differentiated; g @ v was asked for": lambda loss, theta, vector: (
            2 * _whole_hessian(loss, theta) @ _slope(loss, theta)
        ),
        "two gradients a whole vector apart are compared; H v is the derivative at theta": lambda loss, theta, vector: (
            _slope(loss, (theta + vector).detach().requires_grad_()) - _slope(loss, theta)
        ),
        "it is the gradient at theta + vector; differentiate g @ v at theta": lambda loss, theta, vector: _slope(
            loss, (theta + vector).detach().requires_grad_()
        ),
        "H v is added to the first gradient in theta.grad; use torch.autograd.grad": _first_gradient_added,
        "it is the gradient itself; multiply it by the vector and differentiate again": lambda loss, theta, vector: (
            _slope(loss, theta)
        ),
        "gradient and vector are multiplied, but nothing is differentiated a second time": lambda loss, theta, vector: (
            _slope(loss, theta) * vector
        ),
        "the gradient is summed before the vector is used; compute g @ v, then its gradient": _row_sums,
        "only the diagonal of the Hessian is used; its other entries count too": lambda loss, theta, vector: (
            _whole_hessian(loss, theta).diagonal() * vector
        ),
        "the vector has no effect: the Hessian is multiplied along the gradient itself": lambda loss, theta, vector: (
            _whole_hessian(loss, theta) @ _slope(loss, theta)
        ),
    },
    hints=(
        "Entry i of H v is the sum over j of (d g_i / d theta_j) v_j. H is symmetric, so i and j may be swapped.",
        "So H v is the gradient of one number, g @ v, where v is a constant.",
        "Call torch.autograd.grad twice. The first call needs create_graph=True. Each returns a tuple: take [0].",
    ),
    moral="two gradients are enough; the matrix is never built. The library's `hessian_product` does the same.",
)


def overshoot_outcome(exact: float, first_order: float) -> str:
    """Say how the slope without the Hessian's term compares with the exact slope: same sign, opposite, or zero."""
    if abs(exact) < 1e-9 or abs(first_order) < 1e-9:
        return "zero"
    return "same" if exact * first_order > 0 else "opposite"


overshoot = Predict(
    lesson=LESSON,
    name="overshoot",
    choices=("same", "opposite", "zero"),
    outcome=overshoot_outcome,
    also={"0": "zero", "equal": "same", "other": "opposite"},
    hints=(
        "Where does the inner step end: before the task, on it, or beyond it?",
        "It ends beyond the task. First order uses the slope at that point. Which direction is downhill from there?",
        "For the exact slope: is a start nearer to the task better or worse? Look at the sign of 1 - alpha h.",
    ),
    moral="Beyond the bottom, where the step ends, downhill is back to the left. But the end of the step moves left"
    " when the start moves right. Only the factor 1 - alpha h, which is negative here, accounts for that.",
)


def _task_loss(theta: Tensor) -> Tensor:
    return (theta[0] - 1) ** 2 + theta[0] * theta[1] + 2 * (theta[1] + 1) ** 2


def _loss_after(theta: Tensor) -> Tensor:
    return theta.pow(2).sum() + _coupled(theta)


def _meta_trials() -> list[Trial]:
    theta = _start([0.5, -0.5])
    return [
        ("alpha 0.2 and losses of two parameters", (_task_loss, _loss_after, theta, 0.2)),
        ("alpha 0.05", (_coupled, _loss_after, _start(_vectors(4)[0]), 0.05)),
    ]


def meta_gradient_found(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Tensor:
    """Return the gradient of the meta-loss ``function(loss, new_loss, theta, alpha)`` with respect to ``theta``.

    Raises:
        Mistake: the meta-loss is not a number in a tensor, or it has no gradient with respect to ``theta``.
    """
    theta = arguments[2]
    value = check_loss(function(*arguments), say("return new_loss at theta'"), name=say("meta-loss"))
    gradient = None
    if value.requires_grad:
        (gradient,) = torch.autograd.grad(value, theta, allow_unused=True)
    if gradient is None:
        raise Mistake(
            "the meta-loss carries no gradient to theta: theta was detached or copied,"
            " so that not even the first-order term is left"
        )
    return gradient


def _right_meta_loss(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    return new_loss(theta - alpha * _slope(loss, theta, create_graph=True))


def _first_order(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    return new_loss(theta - alpha * _slope(loss, theta))


def _uphill(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    return _right_meta_loss(loss, new_loss, theta, -alpha)


def _same_loss(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    return _right_meta_loss(loss, loss, theta, alpha)


def _two_inner_steps(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    once = theta - alpha * _slope(loss, theta, create_graph=True)
    return new_loss(once - alpha * _slope(loss, once, create_graph=True))


def _start_cut_off(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    return new_loss(theta.detach() - alpha * _slope(loss, theta, create_graph=True))


def _no_step(loss: Loss, new_loss: Loss, theta: Tensor, alpha: float) -> Tensor:
    return new_loss(theta)


meta_loss = FindTheBug(
    lesson=LESSON,
    name="meta_loss",
    reference=_right_meta_loss,
    trials=_meta_trials,
    probe=meta_gradient_found,
    result="the gradient of the meta-loss",
    mistakes={
        "alpha is not used; the step is alpha times the gradient": lambda loss, new_loss, theta, alpha: (
            _right_meta_loss(loss, new_loss, theta, 1.0)
        ),
        "two inner steps are taken; one was asked for": _two_inner_steps,
        "the start is detached in the step, so that only the Hessian's term is left, without g' itself": _start_cut_off,
        "the two losses are exchanged; the step is on loss, and new_loss counts after it": (
            lambda loss, new_loss, theta, alpha: _right_meta_loss(new_loss, loss, theta, alpha)
        ),
        "the step is on new_loss, which must only judge; step on loss": lambda loss, new_loss, theta, alpha: (
            _right_meta_loss(new_loss, new_loss, theta, alpha)
        ),
        "the loss before the step is added; only that after it was asked for": lambda loss, new_loss, theta, alpha: (
            _right_meta_loss(loss, new_loss, theta, alpha) + loss(theta)
        ),
        "it still is first order: no path leads from theta to the inner gradient, so the Hessian is missing": (
            _first_order
        ),
        "the inner step goes uphill: it must subtract the gradient": _uphill,
        "the inner loss is used twice; use new_loss after the step": _same_loss,
        "no inner step is taken: new_loss is computed at theta; compute it at theta'": _no_step,
    },
    hints=(
        "The value of the meta-loss is right, but its gradient is not. Which path from theta to the result is cut?",
        "theta is used twice: directly, and through the gradient. The gradient keeps its graph: where does that lead?",
        "It leads to `fast`, and ends there, since a copy by detach is a new start. Is a copy needed at all?",
    ),
    moral="now theta affects the result directly and through the inner gradient. The second path gives the Hessian. No"
    " copy was needed: `theta - alpha * gradient` is a new tensor.",
)
