"""The checkers of lesson 00: right, right in other words, wrong in typical ways, and nothing."""

import numpy as np
import pytest

from mpsearch.course.exercises import lesson_00, source


def code(name, solved=True):
    """What the cell of the exercise defines in the one notebook or the other."""
    space = {"np": np, "exercises": lesson_00}
    cell = source.exercise_cell(lesson_00.LESSON, name)
    exec(source.solved(cell) if solved else source.blank(cell), space)
    return space


@pytest.mark.parametrize("name", ["gains", "mean_speed"])
def test_the_solution_is_right_and_the_stub_is_not_attempted(name):
    exercise = getattr(lesson_00, name)
    assert exercise.verdict(code(name)[name]).status == "right"
    assert exercise.verdict(code(name, solved=False)[name]).status == "blank"


def test_every_exercise_of_the_source_is_here_with_three_hints():
    text = (source.lessons_folder() / "source" / f"{lesson_00.LESSON}.py").read_text(encoding="utf-8")
    assert source.exercise_names(text) == ["gains", "mean_speed", "steps"]
    for name in source.exercise_names(text):
        assert len(getattr(lesson_00, name).hints) == 3


@pytest.mark.parametrize(
    "right",
    [
        lambda r: r.mean(-1)[:, -1] - r.mean(-1)[:, 0],
        lambda r: (r[:, -1] - r[:, 0]).sum(-1) / r.shape[-1],
        lambda r: [np.mean(task[-1]) - np.mean(task[0]) for task in r],
    ],
)
def test_gains_may_be_written_in_many_ways(right):
    assert lesson_00.gains.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda r: r[:, 0].mean(-1) - r[:, -1].mean(-1), "opposite sign"),
        (lambda r: r[:, -1, 0] - r[:, 0, 0], "only the first episode"),
        (lambda r: r[:, 1].mean(-1) - r[:, 0].mean(-1), "the last stage has index -1"),
        (lambda r: r[:, -1].mean(-1), "not taken off"),
        (lambda r: r[:, -1].mean(0) - r[:, 0].mean(0), "over the tasks (axis 0)"),
        (lambda r: r[:, -1] - r[:, 0], "shape (2, 2)"),
        (lambda r: (r[:, -1] - r[:, 0]).mean(), "shape ()"),
        (lambda r: r[:, 3], "stops with IndexError"),
    ],
)
def test_gains_says_what_is_wrong(wrong, said):
    verdict = lesson_00.gains.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize(
    "right",
    [
        lambda x: np.diff(x)[len(x) // 2 :].mean() / 0.05,
        lambda x: (x[-1] - x[len(x) // 2]) * 20 / len(x[len(x) // 2 : -1]),
        lambda x: (
            sum((b - a) / 0.05 for a, b in zip(x[len(x) // 2 :], x[len(x) // 2 + 1 :], strict=False))
            / (len(x) - 1 - len(x) // 2)
        ),
    ],
)
def test_mean_speed_may_be_repaired_in_many_ways(right):
    assert lesson_00.mean_speed.verdict(right).status == "right"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: 1 * (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - 1)), "the time is still that of the whole"),
        (lambda x: (x[-1] - x[0]) / (0.05 * (len(x) - 1)), "over the whole episode"),
        (lambda x: (x[-1] - x[len(x) // 2]) / (len(x) - 1 - len(x) // 2), "a step takes 0.05 s"),
        (lambda x: (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - len(x) // 2)), "one step too long"),
        (lambda x: x[-1] / 0, "stops with|not finite|inf"),
    ],
)
def test_mean_speed_says_what_is_wrong(wrong, said):
    with np.errstate(divide="ignore"):
        verdict = lesson_00.mean_speed.verdict(wrong)
    assert verdict.status == "wrong"
    assert any(part in verdict.words for part in said.split("|"))


@pytest.mark.parametrize(
    ("means", "outcome"),
    [([0, 50, 70, 75], "the first"), ([0, 5, 70, 75], "a later one"), ([0, 10, 21, 30], "all alike")],
)
@pytest.mark.parametrize("answer", ["the first", "a later one", "all alike"])
def test_a_prediction_is_compared_with_what_was_measured(means, outcome, answer):
    returns = np.array(means, dtype=float)[None, :, None] + np.zeros((2, 4, 3))
    assert lesson_00.most_helpful_step(returns) == outcome
    assert lesson_00.steps.record(answer).status == "recorded"
    assert lesson_00.steps.verdict(returns).status == ("right" if answer == outcome else "otherwise")


def test_no_prediction_is_not_attempted_and_one_that_is_no_choice_is_unclear():
    assert lesson_00.steps.record(...).status == "blank"
    assert lesson_00.steps.verdict(np.zeros((2, 4, 3))).status == "blank"
    assert lesson_00.steps.record("the last").status == "unclear"
    assert lesson_00.steps.record(" The First ").status == "recorded"


@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_at_all_is_not_attempted(nothing):
    assert lesson_00.gains.verdict(nothing).status == "blank"
    assert lesson_00.mean_speed.verdict(nothing).status == "blank"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda r: r[:, -1, -1] - r[:, 0, -1], "only the last episode"),
        (lambda r: r[:, -1].max(-1) - r[:, 0].max(-1), "the highest returns"),
        (lambda r: np.median(r[:, -1], -1) - np.median(r[:, 0], -1), "medians"),
        (lambda r: r[:, -1].mean(-1) - r[:, -2].mean(-1), "the one before it"),
        (lambda r: r[:, 0].mean(-1), "before adaptation alone"),
        (lambda r: r[:, -1].mean(-1) - r.mean((1, 2)), "over all stages"),
        (lambda r: abs(r[:, -1].mean(-1) - r[:, 0].mean(-1)), "the sign of the gain is lost"),
        (lambda r: r[:, -1].mean(-1) / r[:, 0].mean(-1) - 1, "as a share of the return before"),
    ],
)
def test_gains_tells_similar_mistakes_apart(wrong, said):
    assert said in lesson_00.gains.verdict(wrong).words


def way(x):
    return x[-1] - x[len(x) // 2]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: abs(way(x)) / (0.05 * (len(x) - 1 - len(x) // 2)), "the direction is lost"),
        (lambda x: way(x) / (0.05 * (len(x) // 2)), "an even number, the time is half steps"),
        (lambda x: way(x) / (0.05 * (len(x) - 1) / 2), "an even number, half of the whole time"),
        (lambda x: way(x) / (0.05 * len(x) / 2), "half of the number of positions"),
        (lambda x: (x[len(x) // 2] - x[0]) / (0.05 * (len(x) // 2)), "over the first half"),
        (lambda x: x[len(x) // 2 :].mean() / 0.05, "the positions themselves are averaged"),
    ],
)
def test_mean_speed_is_tried_backward_and_with_an_even_number_of_positions(wrong, said):
    verdict = lesson_00.mean_speed.verdict(wrong)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize(
    ("exercise", "wrong", "said"),
    [
        (lesson_00.gains, lambda r: r[:, 5].mean(-1), "counted from 0"),
        (lesson_00.gains, lambda r: r[:, -1].mean(2), "with axes 0 and 1"),
        (lesson_00.gains, lambda r: r[:, -1][:, :, 0], "with two indices left"),
        (lesson_00.gains, lambda r: r[:, :, -1].mean(-1) - r[:, :, 0], "take the same axes of both"),
        (lesson_00.gains, lambda r: r.after - r.before, "not the result of adapt"),
        (lesson_00.mean_speed, lambda x: x[len(x)] - x[0], "len(x) - 1, or -1"),
        (lesson_00.mean_speed, lambda x: x[-1] - x[len(x) / 2], "`//` divides without a remainder"),
        (lesson_00.mean_speed, lambda x: x[-1, 0], "takes one index"),
    ],
)
def test_an_error_is_explained_after_its_message(exercise, wrong, said):
    verdict = exercise.verdict(wrong)
    assert f"{exercise.name} stops with" in verdict.words
    assert said in verdict.words.partition("That means:")[2]
