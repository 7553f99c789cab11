"""The exercises of lesson 05, MAML on HalfCheetah."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.lesson_05_loop import LESSON
from mpsearch.course.exercises.lesson_05_loop import inner_loop as inner_loop
from mpsearch.maml.trust_region import BACKTRACK, BACKTRACKS, conjugate_gradient

Product = Callable[[Tensor], Tensor]
Evaluate = Callable[[Tensor], tuple[float, float]]


def times_outcome(wide: float, narrow: float) -> str:
    """Return the ratio of the divergence ``narrow`` to the divergence ``wide``, rounded to one of the choices."""
    return min(("1", "10", "100"), key=lambda choice: abs(narrow / wide - float(choice)))


same_step = Predict(
    lesson=LESSON,
    name="same_step",
    choices=("1", "10", "100"),
    outcome=times_outcome,
    also={"the same": "1", "one": "1", "ten": "10", "hundred": "100"},
    hints=(
        "The two standard deviations do not change. Which terms of the formula are left?",
        "Only the last term: the squared step, divided by twice the variance.",
        "The variance is the square of the standard deviation. How many times smaller is the narrow policy's variance?",
    ),
    moral="A mean is moved far if its step is large compared with the standard deviation. KL squares this ratio.",
)


def _times(matrix: Tensor) -> Product:
    def product(vector: Tensor) -> Tensor:
        return matrix @ vector

    return product


def _step_trials() -> list[Trial]:
    generator = torch.Generator().manual_seed(5)
    root = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    slope = torch.randn(5, generator=generator, dtype=torch.float64)
    metric = root @ root.T + torch.eye(5, dtype=torch.float64)
    small = torch.tensor([[2.0, 0.0], [0.0, 8.0]], dtype=torch.float64)
    return [
        (
            "M = [[2, 0], [0, 8]], slope (4, 8) and max_kl 0.5",
            (torch.tensor([4.0, 8.0], dtype=torch.float64), _times(small), 0.5),
        ),
        ("five parameters and max_kl 0.03", (slope, _times(metric), 0.03)),
    ]


def _solution(slope: Tensor, product: Product) -> Tensor:
    return conjugate_gradient(product, -slope, iterations=10)


def _scaled(direction: Tensor, product: Product, max_kl: float) -> Tensor:
    return direction * (2 * max_kl / (direction @ product(direction))).sqrt()


def _right_step(slope: Tensor, product: Product, max_kl: float) -> Tensor:
    return _scaled(_solution(slope, product), product, max_kl)


def _parameter_length(slope: Tensor, product: Product, max_kl: float) -> Tensor:
    x = _solution(slope, product)
    return x * (2 * max_kl / (x @ x)).sqrt()


def _without_root(slope: Tensor, product: Product, max_kl: float) -> Tensor:
    x = _solution(slope, product)
    return x * 2 * max_kl / (x @ product(x))


natural_step = FillIn(
    lesson=LESSON,
    name="natural_step",
    reference=_right_step,
    trials=_step_trials,
    result="the step",
    stops={
        "must be Tensor, not float": "torch.sqrt takes a tensor; a plain number has ** 0.5",
        "unsupported operand type(s) for @": "product is a function: product(x) is M x",
        "'function' object is not": "product is a function: product(x) is M x",
        "object is not callable": "conjugate_gradient needs the function product itself, not one of its results",
        "missing 1 required positional argument: 'iterations'": "say how many: iterations=10",
    },
    mistakes={
        "the step goes uphill: the right-hand side of M x = -g has a minus": lambda s, p, k: -_right_step(s, p, k),
        "the direction is that of the plain gradient; solve M x = -slope first": lambda s, p, k: _scaled(-s, p, k),
        "the slope is multiplied by M but should be divided by it: solve M x = -slope": lambda s, p, k: _scaled(
            -p(s), p, k
        ),
        "the direction is right, but the step was not brought to its length": lambda s, p, k: _solution(s, p),
        "the step is too short by the factor sqrt(2): the one half of the quadratic model is missing": lambda s, p, k: (
            _right_step(s, p, k / 2)
        ),
        "the length is measured among the parameters (x @ x); measure it with M: x @ product(x)": _parameter_length,
        "the square root is missing: KL grows with the square of the length": _without_root,
    },
    hints=(
        "Two lines are enough: a direction from the plain slope, then the length that makes the KL max_kl.",
        "For the direction x, M x = -slope: conjugate_gradient solves this. For the length, the number x M x is needed;"
        " M x is product(x).",
        "The last line of the derivation is the length. torch.sqrt takes the root of a tensor of one number.",
    ),
    moral="the step ends where the quadratic model of the KL equals max_kl, whatever the scale of the parameters is."
    " The first lines of the library's `trust_region_step` do the same.",
)

START = torch.tensor([1.0, -1.0], dtype=torch.float64)
STEP = torch.tensor([2.0, 1.0], dtype=torch.float64)


def _moved(theta: Tensor) -> float:
    """Return the fraction of ``STEP`` by which ``theta`` has moved from ``START``."""
    return float((theta - START) @ STEP / (STEP @ STEP))


def _looks_ever_better(theta: Tensor) -> tuple[float, float]:
    return 1.0 - _moved(theta), _moved(theta) ** 2


def _good_nearby(theta: Tensor) -> tuple[float, float]:
    return _moved(theta) * (_moved(theta) - 0.3), 0.1 * _moved(theta) ** 2


def _worse_everywhere(theta: Tensor) -> tuple[float, float]:
    return _moved(theta), _moved(theta) ** 2


def _search_trials() -> list[Trial]:
    return [
        (
            "a loss that falls all along the step, and max_kl 0.1 reached at 0.32 of it",
            (START, STEP, _looks_ever_better, 0.1),
        ),
        (
            "a loss that is lower only within 0.3 of the step, and KL below max_kl all along",
            (START, STEP, _good_nearby, 0.2),
        ),
        ("a full step that is good at once", (START, STEP, _looks_ever_better, 2.0)),
        ("a loss that rises all along the step", (START, STEP, _worse_everywhere, 2.0)),
    ]


def _search(start: Tensor, full_step: Tensor, evaluate: Evaluate, max_kl: float, *, loss_counts: bool = True) -> Tensor:
    """Do the right line search, or one that ignores the loss."""
    start_loss, _ = evaluate(start)
    for attempt in range(BACKTRACKS):
        theta = start + BACKTRACK**attempt * full_step
        loss, kl = evaluate(theta)
        if (loss < start_loss or not loss_counts) and kl <= max_kl:
            return theta
    return start


def _blind(start: Tensor, full_step: Tensor, evaluate: Evaluate, max_kl: float) -> Tensor:
    return _search(start, full_step, evaluate, max_kl, loss_counts=False)


def _not_restored(start: Tensor, full_step: Tensor, evaluate: Evaluate, max_kl: float) -> Tensor:
    found = _search(start, full_step, evaluate, max_kl)
    return start + BACKTRACK ** (BACKTRACKS - 1) * full_step if found is start else found


line_search = FindTheBug(
    lesson=LESSON,
    name="line_search",
    reference=_search,
    trials=_search_trials,
    result="the vector of parameters",
    stops={"'function' object is not": "evaluate is a function: evaluate(theta) gives the loss and the KL"},
    mistakes={
        "the step is taken although it leaves the trust region: its KL is above max_kl": lambda s, f, e, k: _search(
            s, f, e, float("inf")
        ),
        "the step is taken although the loss is not lower there: both conditions must hold": _blind,
        "no step was good, but the parameters moved: in this case it must give back the start": _not_restored,
    },
    hints=(
        "Your friend's step looks much better than it is. Which number from `evaluate` would have warned of this?",
        "A trust region has two conditions: the loss is lower, and the policies are close. Find both in the code.",
        "kl is computed but never used. Accept a step only if kl <= max_kl as well.",
    ),
    moral="the surrogate is now used only where it is accurate. Without the condition on the KL, the search accepts the"
    " longest step for which the surrogate looks better.",
)
