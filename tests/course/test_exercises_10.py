"""The checkers of lesson 10: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest
from thermostat import Thermostat, ThermostatBatch

from mpsearch import MAML, MAMLConfig, PointNavigation, TaskDistribution
from mpsearch.course.exercises import lesson_10, source
from mpsearch.course.exercises.lesson_10_curves import FAULTS, SILENT, fault_of, maml, pearl
from mpsearch.tasks import Batch

NAMES = {"np": np, "exercises": lesson_10}
CELLS = ("comfort", "fault", "seconds")
SMALL = {"tasks_per_iteration": 10, "episodes": 6, "discount": 0.9, "hidden": (8,)}


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = dict(NAMES)
    cell = source.exercise_cell(lesson_10.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space[name]


@pytest.mark.parametrize("name", CELLS)
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_10, name)
    assert exercise.verdict(code(name)).status == "right"
    assert exercise.verdict(code(name, solved=False)).status == "blank"


@pytest.mark.parametrize("name", [*CELLS, "capstone"])
def test_nothing_is_not_attempted(name):
    for nothing in (None, ...):
        assert getattr(lesson_10, name).verdict(nothing).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_10.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["comfort", "fault", "seconds", "hundred", "MyTasks"]
    for name in (*CELLS, "hundred", "capstone"):
        assert len(getattr(lesson_10, name).hints) == 3


@pytest.mark.parametrize(
    "right",
    [
        lambda warmth, tasks: -abs(warmth - tasks) / 4,
        lambda warmth, tasks: -np.abs(warmth - tasks[:, 0][:, None]) / 4,
        lambda warmth, tasks: -np.abs(warmth.T - tasks[:, 0]).T / 4,
        lambda warmth, tasks: [[-abs(w - t[0]) / 4 for w in row] for row, t in zip(warmth, tasks, strict=True)],
    ],
)
def test_comfort_may_be_written_in_many_ways(right):
    assert lesson_10.comfort.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda w, t: -np.abs(w - t.T) / 4, "guest k is asked about episode k"),
        (lambda w, t: -np.abs(w - t.mean()) / 4, "the mean guest"),
        (lambda w, t: -np.abs(w - t[0]) / 4, "the first guest"),
        (lambda w, t: -np.abs(w - t).mean(1) / 4, "one number for each guest"),
        (lambda w, t: np.abs(w - t) / 4, "opposite sign"),
        (lambda w, t: -np.abs(w - t), "4 times as large"),
    ],
)
def test_comfort_says_what_is_wrong(wrong, said):
    verdict = lesson_10.comfort.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize(
    "right",
    [
        lambda n, k, s, a, m: s / k * -(-k // n) + a + (n - 1) * m,
        lambda n, k, s, a, m: np.array(a) + s * np.ceil(k / n) / k + m * n - m,
    ],
)
def test_seconds_may_be_written_in_many_ways(right):
    assert lesson_10.seconds.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda n, k, s, a, m: s / n + a + m * (n - 1), "divides the work evenly"),
        (lambda n, k, s, a, m: (s + a) * np.ceil(k / n) / k + m * (n - 1), "alone is divided, too"),
        (lambda n, k, s, a, m: s * np.ceil(k / n) / k + a, "messages cost nothing"),
        (lambda n, k, s, a, m: s * np.ceil(k / n) / k + a + m * n, "after the first"),
        (lambda n, k, s, a, m: s * np.ceil(k / n) / k + a + m * min(n - 1, 1), "the ring grows"),
        (lambda n, k, s, a, m: s * (k // n) / k + a + m * (n - 1), "fewest tasks"),
        (lambda n, k, s, a, m: s * np.ceil(k / n) + a + m * (n - 1), "for all tasks together"),
    ],
)
def test_seconds_say_what_is_wrong(wrong, said):
    verdict = lesson_10.seconds.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def test_a_hundred_machines_are_told_from_the_speed_up():
    assert [lesson_10.how_much_faster(x) for x in (0.5, 20, 48, 97)] == [
        "at most 20",
        "at most 20",
        "about 50",
        "nearly 100",
    ]


def test_each_fault_has_its_sign():
    curves = (maml(**SILENT), maml(1) + maml(before=-30.0), pearl(kl=[0.01, 0.01]), maml(after=-12.0), maml())
    assert [fault_of(curve) for curve in curves] == list(FAULTS)
    assert fault_of(pearl()) == "healthy"


def in_other_words(records):
    last = records[-5:]
    if "critic_loss" in last[0]:
        if sum(sum(record["kl"]) for record in last) / 5 < 0.1:
            return "dead belief"
    elif all(record["loss_improvement"] == 0 for record in last):
        return "dead gradient"
    elif sum(record["before"] for record in last) / 5 < 1.5 * records[0]["before"] < 0:
        return "exploding ratio"
    before, after = (sum(record[name] for record in last) for name in ("before", "after"))
    return "healthy" if after - before >= abs(before) / 10 else "no gain"


def test_a_reader_of_curves_may_be_written_in_other_words():
    assert lesson_10.fault.verdict(in_other_words).status == "right"


@pytest.mark.parametrize(
    ("wrong", "done", "said"),
    [
        (lambda records: "sick", 0, "the answers are 'dead gradient'"),
        (lambda records: "healthy", 0, "the sign is that of 'dead gradient'"),
        (lambda records: "dead gradient", 1, "it says 'dead gradient'"),
        (lambda records: in_other_words(records[:5]), 0, "began well, and then stopped"),
        (lambda records: records["kl"], 0, "stops with TypeError"),
        (lambda records: fault_of([{**r, "kl": np.max(r["kl"])} for r in records]), 2, "but not in their sum"),
        (
            lambda records: "healthy" if in_other_words(records) == "no gain" else in_other_words(records),
            3,
            "it says 'healthy'",
        ),
    ],
)
def test_a_reader_of_curves_is_told_what_is_wrong_and_which_stages_are_done(wrong, done, said):
    verdict = lesson_10.fault.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words
    assert (f"{done} of 4 stages are done" in verdict.words) == bool(done)


class MyTasks(Thermostat):
    """A thermostat. Task: the temperature to hold. Observation: the temperature. Action: heat. Reward: minus error."""

    id = "my-thermostat"
    horizon = 60


class Borrowed(MyTasks):
    id = "taste"


class Wordless(MyTasks):
    id = "wordless"


class Terse(Wordless):
    """K 位射手。"""


class Forgetful(MyTasks):
    id = "forgetful"

    def __init__(self, horizon=60):
        self.horizon = horizon

    config = property(lambda self: {"horizon": 59})


class Needy(MyTasks):
    id = "needy"

    def __init__(self, horizon):
        self.horizon = horizon


class Leaking(MyTasks):
    id = "leaking"

    def make_batch(self, tasks, episodes, *, threads=0):
        class Rooms(ThermostatBatch):
            def _step(self, actions):
                return super()._step(actions) - self.tasks.mean()

        return Rooms(self.check(tasks), episodes, action_dim=1)


class Nothing(TaskDistribution):
    """The stub has no methods yet."""


Nothing.__name__ = "MyTasks"


def test_the_rubric_says_without_an_agent_what_is_met_and_what_is_open():
    verdict = lesson_10.capstone.verdict(MyTasks)
    assert verdict.status == "wrong"
    assert verdict.words.startswith("5 of 7 points")
    assert "there is no agent yet" in verdict.words


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (PointNavigation, "the course has this family already"),
        (Borrowed, "the course has this family already"),
        (Wordless, "the docstring has 0 words"),
        (Terse, "the docstring has 5 words"),
        (Forgetful, "made from its config, it is another family"),
        (Needy, "give every argument of __init__ a default"),
        (Leaking, "rows: task 0, episode 0 changes"),
        (MyTasks(), "the class itself"),
        (Batch, "the class itself"),
        (7, "the class itself"),
    ],
)
def test_the_rubric_says_what_is_wrong(kind, said):
    verdict = lesson_10.capstone.verdict(kind)
    assert verdict.status == "wrong"
    assert said in " ".join(verdict.words.split())


def test_the_stub_of_the_capstone_is_not_attempted():
    assert lesson_10.capstone.verdict(Nothing).status == "blank"


@pytest.fixture(scope="module")
def trained():
    agents = []
    for settings in ({}, {"inner_steps": 0, "shared_scale": True}):
        agents.append(MAML(MyTasks(), MAMLConfig(**{**SMALL, **settings})))
        agents[-1].train(4, seed=0, progress=False)
    return agents


@pytest.mark.slow
def test_the_rubric_is_met_by_a_family_that_was_trained_and_compared(trained):
    verdict = lesson_10.capstone.verdict(MyTasks, *trained)
    assert verdict.status == "right", verdict.words
    assert verdict.words.startswith("7 of 7 points")


@pytest.mark.slow
def test_the_rubric_refuses_agents_that_do_not_adapt_or_belong_to_another_family(trained):
    agent, average = trained
    for given, said in (
        ((average, average), "train longer"),
        ((agent, agent.__class__(MyTasks())), "has not been trained"),
        ((MAML(PointNavigation()), average), "trained on another family"),
    ):
        verdict = lesson_10.capstone.verdict(MyTasks, *given)
        assert verdict.status == "wrong"
        assert said in " ".join(verdict.words.split())
