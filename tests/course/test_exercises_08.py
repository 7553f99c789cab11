"""The checkers of lesson 08: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest

from mpsearch import Evaluation
from mpsearch.course.exercises import lesson_08, source

NAMES = {"np": np, "exercises": lesson_08}
FUNCTIONS = ["bootstrap_interval", "recipe_interval", "evaluate_returns"]


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = dict(NAMES)
    cell = source.exercise_cell(lesson_08.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_08, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_not_attempted(name):
    for nothing in (None, ...):
        assert getattr(lesson_08, name).verdict(nothing).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_08.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == [
        "bootstrap_interval",
        "recipe_interval",
        "evaluate_returns",
        "beyond",
    ]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_08, name).hints) == 3


def means_of(runs, rng, count=2_000):
    return rng.choice(runs, size=(count, len(runs))).mean(axis=1)


def by_loop(runs, rng):
    means = []
    for _ in range(500):
        total = 0.0
        for _ in runs:
            total += runs[rng.integers(len(runs))]
        means.append(total / len(runs))
    return np.percentile(means, 2.5), np.percentile(means, 97.5)


def by_sorting(runs, rng):
    means = sorted(means_of(runs, rng))
    return [means[50], means[-51]]


def by_counts(runs, rng):
    """How often each run is drawn."""
    counts = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=10_000)
    return np.quantile(counts @ runs / len(runs), [0.025, 0.975])


@pytest.mark.parametrize("right", [by_loop, by_sorting, by_counts])
def test_an_interval_may_be_written_in_many_ways(right):
    assert lesson_08.bootstrap_interval.verdict(right).status == "right"


def ends(values, cut=(0.025, 0.975)):
    return np.quantile(values, cut)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x, rng: ends([rng.choice(x, len(x), replace=False).mean() for _ in range(99)]), "next to no width"),
        (lambda x, rng: ends(rng.choice(x, size=(2000, len(x))).mean(axis=0)), "next to no width"),
        (lambda x, rng: ends(rng.choice(x, size=(2000, len(x)))), "the spread of single runs"),
        (lambda x, rng: ends(x), "the spread of the runs you were given"),
        (lambda x, rng: ends(means_of(x, rng), (0.05, 0.95)), "it is a 90 % interval"),
        (lambda x, rng: means_of(x, rng).mean() + np.array([-1, 1]) * means_of(x, rng).std(), "a 68 % interval"),
        (lambda x, rng: x.mean() + np.array([-1.96, 1.96]) * x.std(ddof=1) / len(x) ** 0.5, "the formula with 1.96"),
        (lambda x, rng: ends(means_of(x, rng))[::-1], "return the low end first"),
        (lambda x, rng: ends(means_of(x, np.random.default_rng())), "draw with `rng`"),
        (lambda x, rng: means_of(x, rng), "has shape (2000,); it must be (2,)"),
        (lambda x, rng: means_of(x, rng).mean(), "has shape (); it must be (2,)"),
        (lambda x, rng: ends(means_of(x, rng)) + 20, "is off by the same number"),
    ],
)
@pytest.mark.slow
def test_an_interval_says_what_is_wrong(wrong, said):
    verdict = lesson_08.bootstrap_interval.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def by_training(returns, rng):
    return by_sorting(np.array([training.mean() for training in returns]), rng)


def two_levels(returns, rng):
    """Trainings anew, and within each its adaptations anew."""
    rows = rng.integers(len(returns), size=(2_000, len(returns)))
    columns = rng.integers(returns.shape[1], size=(*rows.shape, returns.shape[1]))
    return ends(returns[rows[..., None], columns].mean(axis=(1, 2)))


@pytest.mark.parametrize("right", [by_training, two_levels])
def test_a_recipe_may_be_judged_in_many_ways(right):
    assert lesson_08.recipe_interval.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x, rng: by_sorting(x.ravel(), rng), "each adaptation as a training of its own"),
        (lambda x, rng: by_sorting(x.mean(axis=0), rng), "the other way round"),
        (lambda x, rng: by_sorting(x[x.mean(axis=1).argmax()], rng), "the best training alone"),
        (lambda x, rng: by_sorting(x[0], rng), "the first training alone"),
        (lambda x, rng: ends(means_of(x.mean(axis=1), rng))[:1], "has shape (1,)"),
    ],
)
def test_a_recipe_says_what_is_wrong(wrong, said):
    verdict = lesson_08.recipe_interval.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def ending(*returns):
    """An evaluation of one seed on as many tasks as there are returns."""
    return Evaluation(np.zeros((len(returns), 1)), (0,), np.array(returns, dtype=float)[None, :, None], np.array([0]))


@pytest.fixture
def fresh():
    lesson_08.beyond.record(...)
    yield lesson_08.beyond
    lesson_08.beyond.record(...)


def test_who_is_clearly_higher_is_measured(fresh):
    low, middle, high = ending(-20, -10, -12), ending(-12, -16, -8), ending(0, 4, 1)
    assert lesson_08.clearly_higher(low, high) == "pearl"
    assert lesson_08.clearly_higher(high, low) == "maml"
    assert lesson_08.clearly_higher(low, middle) == "unclear"
    assert fresh.verdict(low, high).status == "blank"
    for answer, status in (("maml", "otherwise"), ("unclear", "otherwise"), ("pearl", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(low, high)
        assert verdict.status == status
        assert 'it was "pearl". Both lose' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("beyond")["prediction"] == "pearl"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("beyond", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x, rng: ends(rng.choice(x, size=(2000, len(x) - 1)).mean(axis=1)), "one run too few"),
        (lambda x, rng: ends(np.median(rng.choice(x, size=(2000, len(x))), axis=1)), "the interval of the median"),
        (lambda x, rng: x.mean() + np.array([-1.96, 1.96]) * x.std() / len(x) ** 0.5, "with ddof=0"),
        (
            lambda x, rng: means_of(x, rng).mean() + np.array([-2, 2]) * means_of(x, rng).std(),
            "two standard deviations",
        ),
    ],
)
def test_wrong_intervals_that_a_reading_found_accepted_or_misjudged(wrong, said):
    verdict = lesson_08.bootstrap_interval.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            lambda x, rng: ends(rng.choice(x.ravel(), size=(2000, len(x))).mean(axis=1)),
            "as many as there are trainings",
        ),
        (lambda x, rng: by_sorting(x[:, 0], rng), "only the first adaptation seed"),
    ],
)
def test_wrong_recipes_that_a_reading_found_accepted(wrong, said):
    verdict = lesson_08.recipe_interval.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def by_hand(ours, theirs, rng):
    """An evaluation in other words than the reference: loops, choice, percentiles."""
    x, y = ours.mean(-1), theirs.mean(-1)
    seeds, tasks, stages = x.shape
    fell = [np.mean([x[r, k, s] < x[r, k, 0] for r in range(seeds) for k in range(tasks)]) for s in range(stages)]
    intervals = [by_sorting(x[:, :, s].mean(1), rng) for s in range(stages)]
    gaps = (x[:, :, -1].mean(0) - y[:, :, -1].mean(0)).tolist()
    low, high = by_sorting(np.array(gaps), rng)
    return {
        "mean": x.mean((0, 1)),
        "worst": [x[:, :, s].min() for s in range(stages)],
        "fell": fell,
        "interval": intervals,
        "difference": (sum(gaps) / len(gaps), low, high),
    }


def with_part(name, part):
    def function(ours, theirs, rng):
        return by_hand(ours, theirs, rng) | {name: part(ours, theirs, rng)}

    return function


def over_tasks(x):
    return x[:, :, -1].mean((0, 2))


def over_seeds(x):
    return x[:, :, -1].mean((1, 2))


def test_an_evaluation_may_be_written_in_many_ways():
    assert lesson_08.evaluate_returns.verdict(by_hand).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x, y, rng: 3.0, "must be a dictionary"),
        (lambda x, y, rng: {}, "no 'mean' yet"),
        (lambda x, y, rng: {"mean": x.mean((0, 1, 3))}, "1 of 5 stages are done. Stage 2, 'worst': with"),
        (lambda x, y, rng: {"mean": x.mean((0, 1, 3))}, "no 'worst' yet"),
        (with_part("mean", lambda x, y, rng: x.mean((0, 3))), "it has shape (7, 3)"),
        (with_part("worst", lambda x, y, rng: x.min((0, 1, 3))), "worst single episode"),
        (with_part("worst", lambda x, y, rng: x.mean((0, 3)).min(0)), "a seed can hide"),
        (with_part("fell", lambda x, y, rng: (x < x[:, :, :1]).mean((0, 1, 3))), "counts single episodes"),
        (with_part("fell", lambda x, y, rng: (x.mean(3) > x.mean(3)[..., :1]).mean((0, 1))), "the share that rose"),
        (with_part("interval", lambda x, y, rng: by_hand(x, y, rng)["interval"][-1]), "has shape (2,)"),
        (
            with_part("interval", lambda x, y, rng: [by_sorting(x[:, :, s].mean((0, 2)), rng) for s in range(3)]),
            "it draws tasks anew",
        ),
        (
            with_part("interval", lambda x, y, rng: [by_sorting(x[:, :, s].mean(2).ravel(), rng) for s in range(3)]),
            "as if each task were another run",
        ),
        (
            with_part("interval", lambda x, y, rng: [ends(x[:, :, s].mean((1, 2))) for s in range(3)]),
            "spread of the runs",
        ),
        (with_part("difference", lambda x, y, rng: by_hand(y, x, rng)["difference"]), "opposite sign"),
        (
            with_part(
                "difference",
                lambda x, y, rng: (
                    (over_tasks(x) - over_tasks(y)).mean(),
                    *ends(means_of(over_tasks(x), rng) - means_of(over_tasks(y), rng)),
                ),
            ),
            "drawn apart",
        ),
        (
            with_part(
                "difference",
                lambda x, y, rng: (
                    (over_tasks(x) - over_tasks(y)).mean(),
                    *ends(means_of(over_seeds(x), rng) - means_of(over_seeds(y), rng)),
                ),
            ),
            "it draws seeds anew",
        ),
    ],
)
def test_an_evaluation_says_what_is_wrong(wrong, said):
    verdict = lesson_08.evaluate_returns.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words
