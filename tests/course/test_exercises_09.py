"""The checkers of lesson 09: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest

from mpsearch import Dosing
from mpsearch.course.exercises import lesson_09, source
from mpsearch.course.exercises.lesson_09_clinic import Clinic

NAMES = {"np": np, "exercises": lesson_09, "Dosing": Dosing}
CELLS = {"gap_closed": "gap_closed", "users": "users", "clinic": "Clinic"}


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = dict(NAMES)
    cell = source.exercise_cell(lesson_09.LESSON, CELLS.get(name, name))
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", CELLS)
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_09, name)
    assert exercise.verdict(code(name)[CELLS[name]]).status == "right"
    assert exercise.verdict(code(name, solved=False)[CELLS[name]]).status == "blank"


@pytest.mark.parametrize("name", CELLS)
def test_nothing_is_not_attempted(name):
    for nothing in (None, ...):
        assert getattr(lesson_09, name).verdict(nothing).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_09.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["users", "gap_closed", "Clinic", "breaks", "turned"]
    for name in ("users", "gap_closed", "clinic", "breaks", "turned"):
        assert len(getattr(lesson_09, name).hints) == 3


@pytest.mark.parametrize(
    "right",
    [
        lambda a, b, c: np.sum(a - b) / np.sum(c - b),
        lambda a, b, c: 1 - (c.mean() - a.mean()) / (c.mean() - b.mean()),
        lambda a, b, c: np.average((a - b) / (c - b), weights=c - b),
    ],
)
def test_a_share_may_be_written_in_many_ways(right):
    assert lesson_09.gap_closed.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda a, b, c: ((a - b) / (c - b)).mean(), "the mean of each task's share"),
        (lambda a, b, c: (c.mean() - a.mean()) / (c.mean() - b.mean()), "still open"),
        (lambda a, b, c: (b.mean() - a.mean()) / (c.mean() - b.mean()), "wrong sign"),
        (lambda a, b, c: a.mean() / c.mean(), "compares with 0"),
        (lambda a, b, c: (a.mean() - b.mean()) / c.mean(), "divides by the optimum"),
        (lambda a, b, c: a.mean() - b.mean(), "the gain alone"),
    ],
)
def test_a_share_says_what_is_wrong(wrong, said):
    verdict = lesson_09.gap_closed.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_users_may_be_repeated_in_many_ways():
    for right in (
        lambda t, e, rng: np.repeat(t[:, None], e, axis=1),
        lambda t, e, rng: np.broadcast_to(t[:, None], (len(t), e, 2)),
        lambda t, e, rng: [[list(row)] * e for row in t],
    ):
        assert lesson_09.users.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda t, e, rng: rng.uniform(-1, 1, (len(t), e, 2)) + 0, "still changes from episode to episode"),
        (lambda t, e, rng: np.repeat(rng.uniform(-1, 1, (len(t), 1, 2)), e, axis=1), "other users"),
        (lambda t, e, rng: np.repeat(t, e, axis=0), "has shape"),
    ],
)
def test_users_say_what_is_wrong(wrong, said):
    verdict = lesson_09.users.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


class ByIndex(Clinic):
    """Draws typical and rare patients apart, and puts them in their places."""

    id = "by-index"

    def sample(self, n, rng):
        pool = Dosing.sample(self, 40 * n, rng)
        rare = self.is_rare(pool)
        chosen = rng.random(n) < self.rare
        tasks = np.empty((n, 2))
        tasks[chosen], tasks[~chosen] = pool[rare][: chosen.sum()], pool[~rare][: (~chosen).sum()]
        return tasks


def test_patients_may_be_drawn_in_another_way():
    assert lesson_09.clinic.verdict(ByIndex).status == "right"


class NoConfig(Clinic):
    id = "no-config"

    def __init__(self, rare=0.1, **settings):
        super().__init__(rare, **settings)

    config = Dosing.config


class Exchanged(Clinic):
    id = "exchanged"

    def __init__(self, rare=0.1, **settings):
        super().__init__(rare, **settings)

    def is_rare(self, tasks):
        return ~super().is_rare(tasks)


class Linear(Exchanged):
    id = "linear"

    def is_rare(self, tasks):
        return (np.abs((tasks - self.low) / (self.high - self.low) - 0.5) > 0.25).any(-1)


class Both(Exchanged):
    id = "both"

    def is_rare(self, tasks):
        places = np.log(tasks / self.low) / np.log(self.high / self.low)
        return (np.abs(places - 0.5) > 0.25).all(-1)


class Sampling(Clinic):
    id = "sampling"

    def __init__(self, rare=0.1, **settings):
        super().__init__(rare, **settings)

    def is_rare(self, tasks):
        return super().is_rare(tasks)

    def sample(self, n, rng):
        return Dosing.sample(self, n, rng)


class Unseeded(Sampling):
    id = "unseeded"

    def sample(self, n, rng):
        return Clinic.sample(self, n, np.random.default_rng())


class InOrder(Sampling):
    id = "in-order"

    def sample(self, n, rng):
        tasks = Clinic.sample(self, n, rng)
        return tasks[np.argsort(self.is_rare(tasks))]


class Uniform(Sampling):
    """Not on the logarithmic scale."""

    id = "uniform"

    def sample(self, n, rng):
        pool = self.low + rng.random((60 * n, 2)) * (self.high - self.low)
        rare, chosen = self.is_rare(pool), rng.random(n) < self.rare
        tasks = np.empty((n, 2))
        tasks[chosen], tasks[~chosen] = pool[rare][: chosen.sum()], pool[~rare][: (~chosen).sum()]
        return tasks


@pytest.mark.parametrize(
    ("wrong", "done", "said"),
    [
        (Dosing, 0, "does not have this part"),
        (Clinic(), 0, "without calling it"),
        (NoConfig, 0, "config lacks 'rare'"),
        (Exchanged, 1, "typical and rare are exchanged"),
        (Linear, 1, "the array of who is rare"),
        (Both, 1, "the array of who is rare"),
        (Sampling, 2, "it should be 10%"),
        (Unseeded, 2, "draw everything from `rng`"),
        (InOrder, 2, "one after the other"),
        (Uniform, 2, "logarithmic scale"),
    ],
)
def test_a_clinic_says_what_is_wrong_and_which_stages_are_done(wrong, done, said):
    verdict = lesson_09.clinic.verdict(wrong)
    assert verdict.status in ("wrong", "blank")
    assert said in verdict.words
    assert (f"{done} of 3 stages are done" in verdict.words) == bool(done)


def test_who_is_worse_off_is_told_from_the_returns():
    wide, is_rare = -np.array([2.0, 2, 4, 4]), np.array([False, False, True, True])
    for rare, typical, truth in ((20, 2, "rare"), (20, 9, "rare"), (4.5, 2.5, "neither"), (4, 9, "typical")):
        narrow = -np.array([typical, typical, rare, rare])
        assert lesson_09.who_loses_most(narrow, wide, is_rare) == truth
    assert lesson_09.against_not_adapting(np.array([1.0]), np.array([2.0])) == "below"
    assert lesson_09.against_not_adapting(np.array([3.0]), np.array([2.0])) == "above"
