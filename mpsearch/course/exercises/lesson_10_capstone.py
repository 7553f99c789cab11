"""The capstone of lesson 10: a rubric for a learner's own family, which a program checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.course.exercises.exercise import Exercise, Verdict
from mpsearch.diagnosis import check_family
from mpsearch.errors import MpsearchError
from mpsearch.evaluation import difference, evaluate, held_out
from mpsearch.findings import Finding, table
from mpsearch.language import say
from mpsearch.tasks import TaskDistribution
from mpsearch.tasks.registry import BUILT_IN

SEEDS = range(5)
TASKS = 12  # held-out tasks of the evaluation
LEAST_WORDS = 15  # of the docstring
WORD = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+")  # Chinese has no spaces: each character counts
TAKEN = {*BUILT_IN, "shower"}  # ids of families that are in the course


class Open(Exception):
    """A point of the rubric is not met. Its arguments are what was found, and what to do."""


@dataclass(kw_only=True)
class Capstone(Exercise):
    """An exercise in which the learner writes a family of her own choice, and a rubric says which points are met."""

    def check(self, family: Any, agent: Any = None, average: Any = None) -> None:
        """Print which points of the rubric are met.

        Args:
            family: the learner's class.
            agent: her trained MAML or PEARL, or ``None`` as long as there is none.
            average: her policy that was trained on all tasks and does not adapt, ``MAML`` with ``inner_steps=0``.
        """
        print(self.verdict(family, agent, average))

    def verdict(self, family: Any, agent: Any = None, average: Any = None) -> Verdict:
        """Return what :meth:`check` prints."""
        if family in (None, ...) or (isinstance(family, type) and family.__name__ == "MyTasks" and _is_empty(family)):
            return Verdict("blank", say("write the class {name}, and run its cell and this one again.", name=self.name))
        if not (isinstance(family, type) and issubclass(family, TaskDistribution)):
            words = say("check needs the class itself, a subclass of TaskDistribution: {name}.", name=self.name)
            return Verdict("wrong", words)
        points = list(rubric(family, agent, average))
        met = sum(point.ok for point in points)
        words = say("{met} of {count} points of the rubric are met. ", met=met, count=len(points))
        words += say(self.moral) if met == len(points) else ""
        return Verdict("right" if met == len(points) else "wrong", "\n".join([words.rstrip(), *table(points)]))


def _is_empty(family: type) -> bool:
    return not {"make_batch", "id"} & set(vars(family))


def rubric(kind: type[TaskDistribution], agent: Any, average: Any) -> Iterator[Finding]:
    """Yield a finding for each of the seven points. Those that need a family that works come only if it does."""
    yield _point("own", lambda: _is_own(kind))
    try:
        family = kind()
    except Exception as error:
        what = say("{name}() fails: {error}", name=kind.__name__, error=f"{type(error).__name__}: {error}")
        yield Finding("contract", False, what, say("give every argument of __init__ a default"))
        return
    findings = check_family(family)
    yield _point("contract", lambda: _no_notes([one for one in findings if one.needed], say("the contract holds")))
    if any(one.needed and not one.ok for one in findings):
        return
    others = [one for one in findings if not one.needed]
    yield _point("diagnosis", lambda: _no_notes(others, say("the diagnosis finds nothing else")))
    yield _point("described", lambda: _is_described(kind))
    yield _point("made again", lambda: _is_made_again(family))
    yield _point("adapting pays", lambda: _pays(family, agent))
    yield _point("needed", lambda: _beats_average(family, agent, average))


def _point(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Open as problem:
        return Finding(name, False, *problem.args)
    except MpsearchError as error:
        return Finding(name, False, str(error), say("mend what this sentence names"))


def _is_own(kind: type[TaskDistribution]) -> str:
    if kind.__module__.startswith("mpsearch.") or getattr(kind, "id", "") in TAKEN:
        raise Open(say("the course has this family already"), say("take a task that you know, with an id of its own"))
    return say("{id} is a family of your own", id=kind.id)


def _no_notes(findings: list[Finding], words: str) -> str:
    """Return ``words``, unless one of ``findings`` did not pass."""
    for one in findings:
        if not one.ok:
            raise Open(f"{one.name}: {one.detail}", one.advice)
    return words


def _is_described(kind: type[TaskDistribution]) -> str:
    count = len(WORD.findall(vars(kind).get("__doc__") or ""))
    if count < LEAST_WORDS:
        advice = say(
            "say in {least} or more what varies, what is seen, what an action does, and the reward, with units",
            least=LEAST_WORDS,
        )
        raise Open(say("the docstring has {count} words", count=count), advice)
    return say("its docstring has {count} words", count=count)


def _is_made_again(family: TaskDistribution) -> str:
    """Check that ``config`` is all that is needed to make the family again."""
    try:
        again = type(family)(**family.config)
    except TypeError as error:
        words = say("it cannot be made from its config: {error}", error=error)
        raise Open(words, say("let config hold the arguments of __init__")) from None
    first, second = (one.sample(5, np.random.default_rng(0)) for one in (family, again))
    if not np.array_equal(first, second) or family.horizon != again.horizon:
        words = say("made from its config, it is another family")
        raise Open(words, say("let config hold every argument of __init__"))
    return say("a checkpoint can make it again from its config")


def _pays(family: TaskDistribution, agent: Any) -> str:
    """Check that the interval of the gain lies above 0."""
    if agent is None:
        raise Open(say("there is no agent yet"), say("train a MAML or a PEARL on it: check(MyTasks, agent)"))
    _trained_on(family, agent)
    gain, low, high = evaluate(agent, held_out(family, TASKS), SEEDS).gain()
    words = say(
        "adapting gains {gain:.3g} [{low:.3g}, {high:.3g}] on {tasks} held-out tasks, {seeds} seeds",
        gain=gain,
        low=low,
        high=high,
        tasks=TASKS,
        seeds=len(SEEDS),
    )
    if low <= 0:
        raise Open(words, say("train longer, or read the curves as in section 4"))
    return words


def _beats_average(family: TaskDistribution, agent: Any, average: Any) -> str:
    """Check that the agent ends above a policy that does not adapt."""
    if agent is None or average is None:
        raise Open(
            say("there is no policy to compare with"),
            say("train MAML(MyTasks(), MAMLConfig(inner_steps=0, shared_scale=True)): check(MyTasks, agent, average)"),
        )
    _trained_on(family, average)
    tasks = held_out(family, TASKS)
    gap, low, high = difference(evaluate(agent, tasks, SEEDS), evaluate(average, tasks, SEEDS, steps=0))
    words = say(
        "it ends {gap:.3g} [{low:.3g}, {high:.3g}] above the average policy, over tasks", gap=gap, low=low, high=high
    )
    if low <= 0:
        raise Open(words, say("one policy may do for all: spread the tasks, or train the agent longer"))
    return words


def _trained_on(family: TaskDistribution, agent: Any) -> None:
    if getattr(getattr(agent, "tasks", None), "id", None) != family.id:
        raise Open(say("the agent was trained on another family"), say("train it on {id}", id=family.id))
    if not agent.iteration:
        raise Open(say("the agent has not been trained"), say("call its train"))
