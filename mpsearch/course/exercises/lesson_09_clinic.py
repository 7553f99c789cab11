"""The trials of lesson 09's larger exercise: a distribution of patients of which some are rare."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mpsearch.course.exercises.exercise import Trial
from mpsearch.course.exercises.staged import Part
from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks.applications.dosing import Dosing

MANY = 4_000  # patients, of which shares and means are taken
SLACK = 0.04  # more than four standard errors of a share of so many


class Clinic(Dosing):
    """Patients of which a share ``rare`` is rare: one of their numbers lies in an outer quarter of its range."""

    id = "clinic"

    def __init__(self, rare: float = 0.1, **settings: Any) -> None:
        super().__init__(**settings)
        self.rare = rare

    @property
    def config(self) -> dict[str, Any]:
        return {**super().config, "rare": self.rare}

    def is_rare(self, tasks: Array) -> Array:
        """Return [K] which of ``tasks`` [K, 2] are rare."""
        place = np.log(tasks / self.low) / np.log(self.high / self.low)
        return np.asarray((np.abs(place - 0.5) > 0.25).any(axis=-1))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` patients [n, 2], each of them rare with the probability ``rare``."""
        wanted = rng.random(n) < self.rare
        tasks = super().sample(n, rng)
        while (wrong := self.is_rare(tasks) != wanted).any():
            tasks[wrong] = super().sample(int(wrong.sum()), rng)
        return tasks


def keeps_its_settings(kind: Any, rare: float) -> Array | None:
    """Return what ``kind(rare)`` has as its own setting and in its ``config``, after creating it from its config."""
    if kind.__init__ is Dosing.__init__:
        return None
    family: Any = kind(rare)
    if not isinstance(family, Dosing):
        raise Mistake("the class is no Dosing; begin with `class Clinic(Dosing):`")
    if family.id == Dosing.id:
        raise Mistake('the class has the id of Dosing; give it one of its own, `id = "clinic"`')
    config = family.config
    for name in ("rare", *Dosing().config):
        if name not in config:
            raise Mistake(
                say("config lacks {name!r}; a checkpoint could not create this distribution again", name=name)
            )
    again, shorter = kind(**config), kind(rare, horizon=12)
    return np.array([kind(rare).rare, config["rare"], again.rare, shorter.horizon])


def at(family: Dosing, places: Array) -> Array:
    """Return the tasks at ``places`` [K, 2] in the range, from 0 to 1 on a logarithmic scale."""
    return family.low * (family.high / family.low) ** places


def tells_rare_patients(kind: Any, rare: float) -> Array | None:
    """Return [K] which of some patients are rare."""
    if not hasattr(kind, "is_rare"):
        return None
    ends = [0.05, 0.24, 0.26, 0.5, 0.74, 0.76, 0.95]
    family = kind(rare)
    found = as_array(family.is_rare(at(family, np.stack(np.meshgrid(ends, ends), axis=-1).reshape(-1, 2))))
    right = Clinic().is_rare(at(family, np.stack(np.meshgrid(ends, ends), axis=-1).reshape(-1, 2)))
    if found.shape == right.shape and np.array_equal(found, 1 - right):
        raise Mistake("typical and rare are exchanged")
    return found


def draws_patients(kind: Any, rare: float) -> Array | None:
    """Return the shape of many drawn patients, after asking what can be told of any way to draw them."""
    if kind.sample is Dosing.sample:
        return None
    family, count = kind(rare), MANY
    tasks = as_array(family.sample(count, np.random.default_rng(0)))
    if tasks.shape != (count, 2):
        return np.array(tasks.shape)
    if not np.array_equal(tasks, as_array(family.sample(count, np.random.default_rng(0)))):
        raise Mistake("two calls with the same seed differ; draw everything from `rng`")
    if not all(family.contains(task) for task in tasks):
        raise Mistake("some patients lie outside the range")
    is_rare = Clinic().is_rare(tasks)
    if abs(is_rare.mean() - rare) > SLACK:
        raise Mistake(
            say("{found:.0%} of the patients are rare; it should be {rare:.0%}", found=is_rare.mean(), rare=rare)
        )
    if 0 < rare < 1 and np.diff(np.flatnonzero(is_rare)).max(initial=0) == 1:
        raise Mistake("all rare patients come one after the other; each should be rare by chance, whatever its place")
    _check_spread(family, tasks[~is_rare], "typical")
    _check_spread(family, tasks[is_rare], "rare")
    return np.array(tasks.shape)


def _check_spread(family: Dosing, tasks: Array, name: str) -> None:
    """Compare the mean and the spread of the places of ``tasks`` with those of uniform draws."""
    if len(tasks) < MANY // 20:
        return
    places = np.log(tasks / family.low) / np.log(family.high / family.low)
    uniform = np.random.default_rng(1).random((20_000, 2))
    uniform = uniform[Clinic().is_rare(at(family, uniform)) == (name == "rare")]
    for what, statistic in ((say("mean"), np.mean), (say("spread"), np.std)):
        if np.abs(statistic(places, axis=0) - statistic(uniform, axis=0)).max() > SLACK:
            raise Mistake(
                say(
                    "the {what} of the {name} patients is not that of uniform draws on the logarithmic scale",
                    what=what,
                    name=say("rare") if name == "rare" else say("typical"),
                )
            )


def part(use: Callable[..., Array | None], result: str, *shares: float) -> Part:
    """Return the stage of the exercise that does ``use`` with the learner's class and each of ``shares``."""
    trials: list[Trial] = [(f"rare={share}", (share,)) for share in shares]
    return Part(
        lesson="09_five_applications",
        name="Clinic",
        reference=partial(use, Clinic),
        trials=lambda: trials,
        use=use,
        result=result,
        hints=(),
        moral="",
    )


STAGES = {
    "the setting": part(keeps_its_settings, "the setting", 0.25, 0.1),
    "who is rare": part(tells_rare_patients, "the array of who is rare", 0.1),
    "the draws": part(draws_patients, "the array of patients", 0.1, 0.5, 0.0, 1.0),
}
