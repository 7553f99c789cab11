"""The larger exercise of lesson 05: the whole inner loop of MAML, which adapts a policy to one task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from mpsearch.course.exercises.exercise import FillIn, Trial
from mpsearch.course.exercises.staged import Staged
from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say
from mpsearch.policies import PolicyNet, with_parameters

LESSON, NAME = "05_maml_on_halfcheetah", "inner_loop"
EPISODES, HORIZON, STATE, ACTION = 6, 5, 3, 2  # of the small task on which the exercise is checked
SPREAD_ALIKE = 0.05  # a standard deviation may be taken with N or N - 1 numbers, and have a small number added
Loop = Callable[..., Any]
Weigh = Callable[[Tensor, float], Tensor]


class Recorder:
    """A small task: ``explore(parameters)`` returns random episodes, and what it was called with is kept."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(5)
        self.visits: list[Tensor] = []  # the parameters of each call, as one vector
        self.data: list[tuple[Tensor, Tensor, Tensor]] = []

    def __call__(self, parameters: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        if len(self.visits) > 20:
            raise Mistake("explore is called over and over; call it once before each step, and once after the last")
        self.visits.append(_vector(parameters, say("what explore was called with")))
        shape, draw = (EPISODES, HORIZON), self.generator
        episodes = [torch.randn(*shape, *more, generator=draw) for more in ((STATE,), (ACTION,), ())]
        self.data.append((episodes[0], episodes[1], episodes[2] + 1 + torch.arange(HORIZON)))
        return self.data[-1]


def _vector(parameters: Any, what: str) -> Tensor:
    if not isinstance(parameters, (list, tuple)) or not all(isinstance(p, Tensor) for p in parameters):
        raise Mistake(say("{what} must be a list of tensors, one for each parameter of the policy", what=what))
    return parameters_to_vector([p.detach() for p in parameters]).clone()


def to_go(rewards: Tensor, discount: float) -> Tensor:
    """[E, T] the discounted sum of the rewards [E, T] from each step on."""
    steps = torch.arange(rewards.shape[1])
    ahead = steps[:, None] - steps  # [T, T] how many steps the reward of a row comes after the step of a column
    return rewards @ torch.where(ahead >= 0, torch.tensor(discount) ** ahead.clamp_min(0), 0.0)


def advantages_by(sums: Weigh = to_go, baseline: Any = lambda sums: sums.mean(0), scaled: bool = True) -> Weigh:
    """Return the function that gives the advantages [E, T] of rewards [E, T], with one deviation, if any."""

    def weigh(rewards: Tensor, discount: float) -> Tensor:
        values = sums(rewards, discount)
        centred = values - baseline(values)
        return centred / centred.std() if scaled else centred

    return weigh


ADVANTAGES = advantages_by()


def _loop(weigh: Weigh = ADVANTAGES, sign: float = -1.0, reduce: str = "mean", restart: bool = False) -> Loop:
    """Return the inner loop with these advantages, and with one deviation from what is right, if any."""

    def loop(policy: PolicyNet, rates: Tensor, explore: Any, steps: int, discount: float) -> tuple[list[Tensor], Any]:
        start = [p.detach().clone().requires_grad_() for p in policy.parameters()]
        parameters, returns = start, []
        for stage in range(steps + 1):
            observations, actions, rewards = explore(parameters)
            returns.append(rewards.sum(-1).mean())
            if stage < steps:
                log_probs = with_parameters(policy, parameters)(observations).log_prob(actions).sum(-1)
                loss = sign * getattr(log_probs * weigh(rewards, discount), reduce)()
                slopes = torch.autograd.grad(loss, parameters)
                begin = start if restart else parameters
                moved = [p - alpha * g for p, alpha, g in zip(begin, rates[stage], slopes, strict=True)]
                parameters = [p.detach().requires_grad_() for p in moved]
        return parameters, torch.stack(returns)

    return loop


def _trial(words: str, steps: int, discount: float, rates: Tensor) -> list[Trial]:
    policy = PolicyNet(STATE, ACTION, hidden=(4,)).initialise(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for p in policy.parameters():
            p.add_(0.3)
    return [(words, (policy, rates, Recorder(), steps, discount))]


def _run(function: Loop, arguments: tuple[Any, ...]) -> tuple[Tensor, Any]:
    """The parameters and the returns that ``function`` gives back, after checking what it did on the way."""
    policy, _, explore, steps, _ = arguments
    start = _vector(list(policy.parameters()), "the start")
    found = function(*arguments)
    if not isinstance(found, (list, tuple)) or len(found) != 2:
        raise Mistake("the result must be two things: the last parameters, and the list of mean returns")
    last = _vector(found[0], say("the first result"))
    if not torch.equal(start, _vector(list(policy.parameters()), "the start")):
        raise Mistake("the policy itself was changed; work on copies, as the next task needs the same start")
    if len(explore.visits) != steps + 1:
        raise Mistake(
            say(
                "explore was called {calls} times; {steps} steps need {needed} sets of episodes",
                calls=len(explore.visits),
                steps=steps,
                needed=steps + 1,
            )
        )
    if not torch.allclose(explore.visits[0], start):
        raise Mistake("the first episodes must be those of the start, the policy's own parameters")
    if not torch.allclose(explore.visits[-1], last):
        raise Mistake("the last episodes must be those of the parameters that are returned")
    return last - start, found[1]


def returns_found(function: Loop, arguments: tuple[Any, ...]) -> Any:
    """Return the mean returns of all stages.

    Raises:
        Mistake: the result has another form, or the wrong policies explored.
    """
    returns = _run(function, arguments)[1]
    if isinstance(returns, (list, tuple)):
        return [r.detach() if isinstance(r, Tensor) else r for r in returns]
    return returns


def change_found(function: Loop, arguments: tuple[Any, ...]) -> Tensor:
    """Return the change of the parameters, as one vector; a spread taken with N - 1 numbers or with N is the same.

    Raises:
        Mistake: as :func:`returns_found`.
    """
    change = _run(function, arguments)[0]
    policy, rates, _, steps, discount = arguments
    right = _run(RIGHT, (policy, rates, Recorder(), steps, discount))[0]
    return right if bool((change - right).norm() < SPREAD_ALIKE * right.norm()) else change


RIGHT = _loop()
STOPS = {
    "does not require grad": "nothing leads from the loss back to the parameters: copy each parameter by"
    " .detach().clone().requires_grad_(), and compute the log-probabilities from these copies",
    "not have been used in the graph": "the loss does not depend on the parameters: the distribution must be"
    " with_parameters(policy, parameters)(observations), as policy(observations) uses the policy's own",
    "only for scalar outputs": "the gradient is taken of one number: take the mean over all steps",
    "a second time": "the new parameters still hang on the last step's graph: .detach().requires_grad_() them",
    "Can't call numpy()": "a tensor with a graph is no NumPy array; compute with torch, or .detach() it first",
    "multiply sequence": "parameters and gradients are lists: go through them tensor by tensor, with zip",
    "single element can be converted": "parameters and gradients are lists: go through them tensor by tensor, with zip",
    "for -: 'list'": "parameters and gradients are lists: go through them tensor by tensor, with zip",
    "must match the size": "two arrays have different axes: rewards are [E, T], actions [E, T, A], and the"
    " log-probability of an action is the sum over its A numbers",
    "leaf Variable": "do not change parameters in place; make new ones",
}


EQUAL = torch.full((2, 5), 0.1)
OWN = torch.tensor([[0.1, 0.2, 0.3, 0.15, 0.25], [0.05, 0.3, 0.1, 0.2, 0.4]])


def _reporting(summary: Callable[[Tensor, float], Tensor]) -> Loop:
    """The right loop, which reports ``summary(rewards, discount)`` of the first episodes in the place of returns."""

    def loop(policy: PolicyNet, rates: Tensor, explore: Any, steps: int, discount: float) -> tuple[Any, Any]:
        parameters, _ = RIGHT(policy, rates, explore, steps, discount)
        return parameters, [summary(explore.data[0][2], discount)]

    return loop


def _with_rates(change: Callable[[Tensor], Tensor]) -> Loop:
    return lambda policy, rates, *rest: RIGHT(policy, change(rates).expand_as(rates), *rest)


def _stage(trial: tuple[str, int, float, Tensor], mistakes: dict[str, Loop]) -> FillIn:
    reports = trial[1] == 0  # without a step there is nothing to see but the returns
    return FillIn(
        lesson=LESSON,
        name=NAME,
        hints=(),
        moral="",
        reference=RIGHT,
        trials=lambda: _trial(*trial),
        probe=returns_found if reports else change_found,
        result="the list of mean returns" if reports else "the change of the parameters",
        stops=STOPS,
        mistakes=mistakes,
    )


UNDISCOUNTED = {
    "the discount is not used, and later rewards count in full": _loop(advantages_by(lambda r, d: to_go(r, 1.0))),
}
STAGES = {
    "the episodes": _stage(
        ("no step at all", 0, 0.9, EQUAL),
        {
            "the mean reward of a step is returned; a return is the sum over an episode's steps": _reporting(
                lambda r, d: r.mean()
            ),
            "the rewards of all episodes are added up; take the mean over episodes": _reporting(lambda r, d: r.sum()),
            "the returns are discounted; report the plain sum, and discount for the advantages only": _reporting(
                lambda r, d: to_go(r, d)[:, 0].mean()
            ),
        },
    ),
    "one step": _stage(
        ("discount 0, where only a step's own reward counts", 1, 0.0, EQUAL),
        {
            "the step goes uphill on the loss: actions that paid off become less likely; mind the minus": _loop(
                sign=1.0
            ),
            "all steps of an episode get its total return; with discount 0, each gets its own reward": _loop(
                advantages_by(lambda r, d: r.sum(1, keepdim=True).expand_as(r))
            ),
            "no baseline is subtracted: take the mean over the episodes at each step": _loop(
                advantages_by(baseline=lambda v: 0 * v)
            ),
            "one baseline is taken for all steps; each step has its own, the mean over the episodes": _loop(
                advantages_by(baseline=lambda v: v.mean())
            ),
            "the baseline is the mean over an episode's own steps; take it over the episodes, the first axis": _loop(
                advantages_by(baseline=lambda v: v.mean(1, keepdim=True))
            ),
            "the advantages are not divided by their standard deviation": _loop(advantages_by(scaled=False)),
            "the loss is the sum over all steps; take the mean": _loop(reduce="sum"),
            **UNDISCOUNTED,
        },
    ),
    "rewards that come later": _stage(
        ("discount 0.9", 1, 0.9, EQUAL),
        {
            "only a step's own reward counts; add discount times what follows": _loop(
                advantages_by(lambda r, d: to_go(r, 0.0))
            ),
            "the sums hold what came before the action; go through the steps in reverse": _loop(
                advantages_by(lambda r, d: to_go(r.flip(1), d).flip(1))
            ),
            "only the next reward is added; the sum goes on to the end of the episode": _loop(
                advantages_by(lambda r, d: r + d * torch.cat([r[:, 1:], 0 * r[:, :1]], dim=1))
            ),
            **UNDISCOUNTED,
        },
    ),
    "several steps": _stage(
        ("two steps, and a rate for each step and tensor", 2, 0.9, OWN),
        {
            "every step begins at the start; the second begins where the first ended": _loop(restart=True),
            "all steps take the rates of the first; step number `stage` has rates[stage]": _with_rates(
                lambda rates: rates[:1]
            ),
            "all tensors take the same rate; each has its own": _with_rates(lambda rates: rates[:, :1]),
            "the mean of the rates is taken; each step and tensor has its own": _with_rates(lambda rates: rates.mean()),
        },
    ),
}


inner_loop = Staged(
    lesson=LESSON,
    name=NAME,
    stages=STAGES,
    hints=(
        "Write it in the order of the stages. With no steps it only calls explore with copies of the policy's"
        " parameters and takes the mean return. Run the check after each stage.",
        "The advantages: go through the steps in reverse, as in lesson 01, subtract the mean over the episodes, and"
        " divide by .std(). The loss is minus the mean of log-probability times advantage.",
        "torch.autograd.grad(loss, parameters) gives a gradient for each tensor. The next parameters are p minus its"
        " rate times its gradient, and must be detached and require a gradient again.",
    ),
    moral="This is all that happens when MAML adapts. The library's loop differs in its baseline, and works on many"
    " tasks at once.",
)
