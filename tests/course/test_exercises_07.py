"""The checkers of lesson 07: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest
import torch

from mpsearch.course.exercises import lesson_07, source
from mpsearch.pearl.losses import Transitions


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = {"np": np, "exercises": lesson_07}
    cell = source.exercise_cell(lesson_07.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["read_velocity", "forged_reward", "context_rows", "sample_contexts"])
@pytest.mark.slow
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_07, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_07.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == [
        "read_velocity",
        "forged_reward",
        "other_context",
        "context_rows",
        "sample_contexts",
    ]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_07, name).hints) == 3


@pytest.mark.parametrize("name", ["read_velocity", "forged_reward", "context_rows", "sample_contexts"])
def test_nothing(name):
    for nothing in (None, ...):
        assert getattr(lesson_07, name).verdict(nothing).status == "blank"
    assert getattr(lesson_07, name).verdict(lambda a, b, c: 0).status == "wrong"


def by_pinv(means, velocities, new):
    return np.c_[new, np.ones(len(new))] @ np.linalg.pinv(np.c_[means, np.ones(len(means))]) @ velocities


def by_centring(means, velocities, new):
    weights = np.linalg.lstsq(means - means.mean(0), velocities - velocities.mean(), rcond=None)[0]
    return velocities.mean() + (new - means.mean(0)) @ weights


def by_torch(means, velocities, new):
    def inputs(x):
        return torch.cat([torch.ones(len(x), 1), torch.tensor(x)], dim=1).double()

    return (inputs(new) @ torch.linalg.lstsq(inputs(means), torch.tensor(velocities)[:, None]).solution)[:, 0]


@pytest.mark.parametrize("right", [by_pinv, by_centring, by_torch])
def test_a_line_may_be_fitted_in_many_ways(right):
    assert lesson_07.read_velocity.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda m, v, n: n @ np.linalg.lstsq(m, v, rcond=None)[0], "column of ones"),
        (lambda m, v, n: by_pinv(m, v, m), "at the known means"),
        (lambda m, v, n: np.full(len(n), v.mean()), "z is not used"),
        (lambda m, v, n: by_pinv(m[:, :1], v, n[:, :1]), "only the first dimension"),
        (lambda m, v, n: v[np.linalg.norm(n[:, None] - m, axis=-1).argmin(1)], "nearest neighbour"),
        (lambda m, v, n: by_pinv(m, v, n)[:, None], "axis too many"),
        (lambda m, v, n: -by_pinv(m, v, n), "opposite sign"),
        (lambda m, v, n: by_pinv(m, v, n).astype(int), "whole numbers"),
        (lambda m, v, n: m @ n, "stops with ValueError"),
    ],
)
def test_read_velocity_says_what_is_wrong(wrong, said):
    verdict = lesson_07.read_velocity.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def by_library(s, a, r):
    return Transitions(*(torch.tensor(x) for x in (s[:-1], a, r, s[1:]))).rows()


def by_loop(s, a, r):
    return [[*s[t], *a[t], r[t], *s[t + 1]] for t in range(len(r))]


def by_columns(s, a, r):
    return np.c_[s[:-1], a, r, s[1:]]


@pytest.mark.parametrize("right", [by_library, by_loop, by_columns])
def test_rows_may_be_made_in_many_ways_and_are_those_of_the_library(right):
    assert lesson_07.context_rows.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda s, a, r: by_columns(s, a, (r - r.mean()) / r.std()), "mean 0 and standard deviation 1"),
        (lambda s, a, r: by_columns(s, a, r - r.mean()), "lose their mean"),
        (lambda s, a, r: by_columns(s, a, r / r.std()), "differs from episode to episode"),
        (lambda s, a, r: by_columns(s, a, 0 * r), "the rewards are 0"),
        (lambda s, a, r: np.c_[s[:-1], a, r, s[:-1]], "s' is the same as s"),
        (lambda s, a, r: np.c_[s[:-1], a, r], "has shape (3, 4); it must be (3, 6)"),
        (lambda s, a, r: by_columns(s, a, r).T, "two axes are swapped"),
        (lambda s, a, r: np.c_[s, a, r], "stops with ValueError"),
    ],
)
def test_context_rows_says_what_is_wrong(wrong, said):
    verdict = lesson_07.context_rows.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.fixture
def fresh():
    lesson_07.other_context.record(...)
    yield lesson_07.other_context
    lesson_07.other_context.record(...)


def test_what_speed_was_run_is_measured(fresh):
    wanted, context = np.array([0.75, 2.25]), np.array([2.25, 0.75])
    assert lesson_07.shuffle_outcome(np.array([0.7, 2.2]), wanted, context) == "its own"
    assert lesson_07.shuffle_outcome(np.array([1.5, 1.5]), wanted, context) == "between"
    assert fresh.verdict(context, wanted, context).status == "blank"
    for answer, status in (("its own", "otherwise"), ("between", "otherwise"), ("the other's", "right")):
        fresh.record(answer)
        verdict = fresh.verdict(context - 0.05, wanted, context)
        assert verdict.status == status
        assert 'it was "the other\'s". The actor sees' in verdict.words


def test_the_stored_prediction_is_the_one_that_comes_true(fresh, capsys):
    assert code("other_context")["prediction"] == "the other's"
    assert capsys.readouterr().out.startswith("Recorded")
    assert code("other_context", solved=False)["prediction"] is ...
    assert capsys.readouterr().out.startswith("Not attempted yet")


def test_a_step_at_reading_without_the_column_of_ones_is_explained():
    def forgotten(means, velocities, new):
        return new @ np.linalg.lstsq(np.c_[means, np.ones(len(means))], velocities, rcond=None)[0]

    assert "the column of ones is needed at reading, too" in lesson_07.read_velocity.verdict(forgotten).words


def test_rewards_that_are_no_column_are_explained():
    verdict = lesson_07.context_rows.verdict(lambda s, a, r: np.hstack([s[:-1], a, r, s[1:]]))
    assert "rewards[:, None] does it" in verdict.words


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda v, a, w: -abs(v - w), "control cost is missing"),
        (lambda v, a, w: -abs(v - w) - 0.1 * (a**2).sum(), "0.1 of gymnasium"),
        (lambda v, a, w: -abs(v - w) - 0.05 * (a**2).mean(), "their sum"),
        (lambda v, a, w: -(w - v) * 2 - 0.05 * (a**2).sum(), "where"),
    ],
)
def test_a_forged_reward_says_what_is_wrong(wrong, said):
    verdict = lesson_07.forged_reward.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


def drawn(
    observations,
    actions,
    rewards,
    explored,
    tasks,
    recent,
    episodes,
    least,
    most,
    rng,
    *,
    task=lambda tasks, m: tasks[m],
    kept=lambda n, slots, recent: min(n, slots, recent),
    slot=lambda n, slots: n % slots,
    window=lambda kept, episodes: min(kept, episodes),
    steps=lambda t: t,
    after=1,
    size=lambda least, most, rng: rng.integers(least, most, endpoint=True),
    each=True,
    generator=None,
):
    """A context sampler in loops, one row after another, with a place for each mistake."""
    rng, slots, contexts = generator or rng, rewards.shape[1], []
    count = size(least, most, rng)
    for m in range(len(tasks)):
        k = task(tasks, m)
        n = kept(explored[k], slots, recent)
        w = window(n, episodes)
        first, rows = explored[k] - n + rng.integers(n - w + 1), []
        which = rng.integers(w)
        for _ in range(count):
            number = first + (rng.integers(w) if each else which)
            s, t = slot(number, slots), rng.integers(steps(rewards.shape[2]))
            row = [observations[k, s, t], actions[k, s, t], [rewards[k, s, t]], observations[k, s, t + after]]
            rows.append(np.concatenate(row))
        contexts.append(rows)
    return np.array(contexts)


@pytest.mark.slow
def test_contexts_may_be_drawn_row_by_row():
    assert lesson_07.sample_contexts.verdict(drawn).status == "right"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": lambda tasks, m: m}, "use `tasks[m]`, not m"),
        ({"after": 0}, "s' is of another step"),
        ({"kept": lambda n, slots, recent: min(slots, recent)}, "holds no exploration yet"),
        ({"size": lambda least, most, rng: most}, "1 of 6 stages are done. Stage 2, the size of a context"),
        ({"size": lambda least, most, rng: most}, "among the sizes is never 2"),
        ({"size": lambda least, most, rng: rng.integers(least, most)}, "nothing is left to draw from"),
        ({"steps": lambda t: t - 1}, "among the steps is never 4"),
        ({"kept": lambda n, slots, recent: min(n, slots)}, "allowed are"),
        ({"slot": lambda n, slots: n % slots - 1}, "holds no exploration yet"),
        ({"window": lambda kept, episodes: kept}, "farther apart than 2"),
        ({"window": lambda kept, episodes: 1}, "draw the exploration for each row"),
        ({"each": False}, "draw the exploration for each row"),
        ({"generator": np.random.default_rng(3)}, "draw with `rng`"),
    ],
)
@pytest.mark.slow
def test_a_sampler_says_what_is_wrong(change, said):
    verdict = lesson_07.sample_contexts.verdict(lambda *arguments: drawn(*arguments, **change))
    assert verdict.status == "wrong"
    assert said in verdict.words, verdict.words
