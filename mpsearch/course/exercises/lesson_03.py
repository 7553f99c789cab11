"""The exercises of lesson 03, four steps and a listing that cannot learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.losses import check_loss, gradient_vector
from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.language import say
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks, surrogate
from mpsearch.policies import PolicyNet, with_parameters
from mpsearch.records import Array
from mpsearch.tasks import PointNavigation, TaskDistribution

LESSON = "03_four_steps"
ITERATIONS = 4  # the number of iterations of a run for which goals are drawn


def gradient_outcome(gradients: Sequence[Tensor | None]) -> str:
    """Say what the ``.grad`` of the policy's parameters holds: nothing, zeros, or numbers."""
    there = [g for g in gradients if g is not None]
    if not there:
        return "none"
    return "number" if any(bool(g.any()) for g in there) else "zero"


naive_gradient = Predict(
    lesson=LESSON,
    name="naive_gradient",
    choices=("none", "zero", "number"),
    outcome=gradient_outcome,
    also={"0": "zero"},
    hints=(
        "Follow theta. Through which objects does it reach the loss? Which of them are tensors?",
        "The loss is a new tensor made from a Python number. Does PyTorch know how that number was computed?",
        "It does not. backward() fills .grad only for tensors in the graph of the loss; any other .grad is unchanged.",
    ),
    moral="backward() reached the loss itself and nothing else. Without requires_grad=True on the loss, an error would"
    " have told you so. The optimiser skips parameters that have no gradient.",
)


def _steps(generator: torch.Generator, tasks: int, count: int) -> Steps:
    observations, actions = torch.randn(2, tasks, count, 2, generator=generator)
    log_probs, advantages = torch.randn(2, tasks, count, generator=generator)
    return Steps(observations, actions, log_probs * 0.1 - 2.0, advantages)


def _loss_trials() -> list[Trial]:
    generator = torch.Generator().manual_seed(3)
    trials: list[Trial] = []
    for tasks, count in ((2, 4), (3, 5)):
        policy = PolicyNet(2, 2, hidden=(6,)).initialise(generator)
        rates = torch.full((len(list(policy.parameters())),), 0.3)
        data = [_steps(generator, tasks, count) for _ in range(2)]
        trials.append((f"{tasks} tasks of {count} steps", (policy, rates, *data)))
    return trials


def loss_and_gradient(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Tensor:
    """Return the loss ``function(policy, ...)`` and its gradient with respect to the parameters, as one vector.

    Raises:
        Mistake: the loss is not a number in a tensor, or it has no gradient.
    """
    loss = check_loss(function(*arguments), say("take the mean over the tasks"))
    if not loss.requires_grad:
        raise Mistake("the loss carries no gradient: something on the way to it was detached (order=0 or .detach())")
    gradient = gradient_vector(loss, arguments[0])
    if not gradient.any():
        raise Mistake("the loss carries no gradient in theta: the fast weights were detached (order=0 or .detach())")
    return torch.cat([loss.detach().reshape(1), gradient])


def _task_losses(
    policy: PolicyNet, rates: Tensor, practice: Steps, test: Steps, order: int = 2, steps: int = 1
) -> Tensor:
    fast = spread_over_tasks(policy, len(practice.actions))
    for _ in range(steps):
        fast, _ = inner_step(policy, fast, rates, practice, order=order)
    return surrogate(with_parameters(policy, fast), test)


def _after_one_step(
    policy: PolicyNet, rates: Tensor, practice: Steps, test: Steps, order: int = 2, steps: int = 1
) -> Tensor:
    return _task_losses(policy, rates, practice, test, order, steps).mean()


meta_loss = FillIn(
    lesson=LESSON,
    name="meta_loss",
    reference=_after_one_step,
    trials=_loss_trials,
    probe=loss_and_gradient,
    result="the vector of loss and gradient",
    stops={
        "zip() argument 2": "inner_step returns two things, fast weights and losses; unpack both, and use the first",
        "'list' object is not callable": "surrogate takes a policy; with_parameters makes one of the fast weights",
    },
    mistakes={
        "the losses of `practice` before the step are returned; judge the fast weights on `test`": lambda p, r, a, b: (
            surrogate(p, a).mean()
        ),
        "the step goes uphill; inner_step takes the rates as they are": lambda p, r, a, b: _after_one_step(p, -r, a, b),
        "the rates are not used; give them to inner_step": lambda p, r, a, b: _after_one_step(
            p, torch.ones_like(r), a, b
        ),
        "the loss before the step is added; only that of the fast weights was asked for": lambda p, r, a, b: (
            _after_one_step(p, r, a, b) + surrogate(p, a).mean()
        ),
        "two steps are taken; one was asked for": lambda p, r, a, b: _after_one_step(p, r, a, b, steps=2),
        "only the first task counts; take the mean over all": lambda p, r, a, b: _task_losses(p, r, a, b)[0],
        "the fast weights are not used: the loss is that of theta itself": lambda p, r, a, b: surrogate(p, b).mean(),
        "practice and test are swapped": lambda p, r, a, b: _after_one_step(p, r, b, a),
        "the test is the practice once more: compute the loss of the fast weights on `test`": lambda p, r, a, b: (
            _after_one_step(p, r, a, a)
        ),
        "the inner step is made with the test itself: adapt with the steps of `practice`": lambda p, r, a, b: (
            _after_one_step(p, r, b, b)
        ),
        "the gradient treats the inner gradient as a constant (order=1); use order=2, the default": lambda p, r, a, b: (
            _after_one_step(p, r, a, b, 1)
        ),
    },
    hints=(
        "Two lines are enough. The first adapts; the second computes the loss after adaptation.",
        "inner_step(policy, start, rates, practice) returns two things; the first is the fast weights.",
        "surrogate takes a policy and steps; the policy is with_parameters(policy, fast). Take the mean over tasks.",
    ),
    moral="the loss is that of the adapted policy, and its gradient goes back through the inner step to theta.",
)


def _goal_trials() -> list[Trial]:
    family = PointNavigation()
    return [(f"{n} goals and seed {seed}", (family, n, seed)) for n, seed in ((3, 0), (5, 7))]


def goals_differ(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Array:
    """Check that the goals can be repeated and differ between iterations and runs, and return their shape.

    Raises:
        Mistake: the goals cannot be repeated, or two iterations or two runs have the same goals.
    """
    family, n, seed = arguments
    first, again, next_run = (
        [as_array(function(family, n, its_seed, i)) for i in range(ITERATIONS)] for its_seed in (seed, seed, seed + 1)
    )
    if not all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        raise Mistake("the goals are not the same when the program is run again: a generator needs a seed")
    for goals in first:
        _check_drawn(family, goals)
    if any(_moved(a, b) for i, a in enumerate(first) for b in first[:i]):
        raise Mistake("two iterations still have the same goals: the iteration must be part of the generator's seed")
    if any(_moved(a, b) for a, b in zip(first, next_run, strict=True)):
        raise Mistake("runs with different seeds have the same goals: the seed must be part of the generator's seed")
    if any(_moved(a, b) for a in first for b in next_run):
        raise Mistake(
            "the run with the next seed has the goals of this one, some iterations earlier or later, so several seeds"
            " are no independent runs: seed and iteration must not be added up, give the generator both"
        )
    return np.array(np.shape(first))


def _moved(a: Array, b: Array) -> bool:
    """Whether ``a`` and ``b`` are the same goals, or all moved alike."""
    return a.shape == b.shape and bool(np.ptp(a - b, axis=0).max(initial=0) < 1e-9)


def _check_drawn(family: TaskDistribution, goals: Array) -> None:
    if goals.ndim != 2 or goals.shape[1] != len(family.low):
        raise Mistake(
            say(
                "the goals of an iteration have shape {found}; n goals are [n, {size}]",
                found=goals.shape,
                size=family.low.size,
            )
        )
    if len(np.unique(goals, axis=0)) < len(goals):
        raise Mistake("a goal comes more than once in an iteration: let family.sample draw all n of them")
    if (goals < family.low).any() or (goals > family.high).any():
        raise Mistake("some goals lie outside the family: let family.sample draw them")


def _new_goals(family: TaskDistribution, n: int, seed: int, iteration: int) -> Array:
    return family.sample(n, np.random.default_rng([seed, iteration]))


draw_goals = FindTheBug(
    lesson=LESSON,
    name="draw_goals",
    reference=_new_goals,
    trials=_goal_trials,
    probe=goals_differ,
    result="the shape of the goals of all iterations",
    hints=(
        "Call the function for iteration 0 and for iteration 1, and print both results.",
        "A generator with the same seed draws the same numbers. Which argument is not part of the seed?",
        "np.random.default_rng also takes a list of numbers as its seed. Put every number in it that must matter.",
    ),
    moral="each iteration now has its own goals, and each run can be repeated. Before, the policy was trained on the"
    " same few goals, however long the training was.",
)
