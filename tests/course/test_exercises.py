"""Exercises in general: not attempted is told from wrong, wrong is said in words, and solutions are written once."""

import importlib
import json

import numpy as np
import pytest
import torch

from mpsearch.course.exercises import source, words
from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict
from mpsearch.errors import MpsearchError
from mpsearch.language import speak

CELL = """def double(x):
    # a comment that stays
    # begin solution: double
    for _ in range(1):
        y = 2 * x
    return y
    # end solution
"""
BUG = """def double(x):
    # begin solution: double
    y = 2 * x
    # stub
    # for _ in x:
    #     y = 3 * x
    # end solution
    return y
"""
COMMON = {"lesson": "07_toy", "name": "double", "hints": ("think", "think harder"), "moral": "it doubles."}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A folder of lessons with one source, whose exercise can be chosen."""
    (tmp_path / "source").mkdir()
    monkeypatch.setattr(source, "lessons_folder", lambda: tmp_path)
    path = tmp_path / "source" / "07_toy.py"
    path.write_text(f"# %% [markdown]\n# Hello\n\n# %%\nprint(1)\n\n# %% tags=['exercise']\n{CELL}\n# %%\nprint(2)\n")
    return path


def double(**options):
    def trials():
        return [("x = 1, 2", (np.array([1.0, 2.0]),)), ("x = 3", (np.array([3.0]),))]

    kind = options.pop("kind", FillIn)
    return kind(**COMMON, reference=lambda x: 2 * x, trials=trials, **options)


def test_a_stub_is_the_solution_with_its_marked_lines_replaced():
    assert source.blank(CELL) == "def double(x):\n    # a comment that stays\n    ...  # your code here"
    assert source.solved(CELL).splitlines()[2:] == ["    for _ in range(1):", "        y = 2 * x", "    return y"]
    assert source.blank(BUG) == "def double(x):\n    for _ in x:\n        y = 3 * x\n    return y"
    assert source.solved(BUG) == "def double(x):\n    y = 2 * x\n    return y"
    assert source.exercise_names(CELL + BUG) == ["double", "double"]
    assert source.blank("x = 1\n") == source.solved("x = 1\n") == "x = 1"


def test_the_last_line_of_a_cell_may_have_no_line_end():
    cell = CELL.rstrip("\n")
    assert source.blank(cell) == source.blank(CELL)
    assert source.solved(cell) == source.solved(CELL)


def test_solution_prints_what_the_solutions_notebook_has(toy, capsys):
    double().solution()
    assert capsys.readouterr().out == source.solved(CELL) + "\n"


def test_a_solution_that_is_not_there_is_an_error_in_words(toy):
    with pytest.raises(MpsearchError, match="exercise triple of the lesson 07_toy"):
        source.exercise_cell("07_toy", "triple")
    with pytest.raises(MpsearchError, match="lesson 08_none"):
        source.exercise_cell("08_none", "double")


def test_hints_come_one_by_one_and_the_last_one_stays(capsys):
    exercise = double()
    for _ in range(3):
        exercise.hint()
    first, second, end, again, _ = capsys.readouterr().out.splitlines()
    assert (first, second) == ("Hint 1 of 2: think", "Hint 2 of 2: think harder")
    assert ".solution()" in end
    assert again == second


def test_check_prints_one_sentence(capsys):
    double().check(lambda x: x + x)
    assert capsys.readouterr().out == "Right: it doubles.\n"


@pytest.mark.parametrize("nothing", [None, ..., lambda x: None, lambda x: ...])
def test_nothing_is_not_attempted(nothing):
    assert double().verdict(nothing).status == "blank"
    assert str(double().verdict(nothing)).startswith("Not attempted yet: ")


def changing(x):
    x *= 2
    return x


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.array([2.0, 4.0]), "the function itself"),
        (lambda x: x[7], "stops with IndexError: index 7"),
        (lambda x, y: x, "stops with TypeError"),
        (lambda x: -2 * x, "with x = 1, 2, the result has the opposite sign"),
        (lambda x: x.sum(), "shape (); it must be (2,)"),
        (lambda x: "four", "type str"),
        (changing, "is changed too"),
        (lambda x: 2 * x if len(x) > 1 else x, "with x = 3, the result is 0.5 times"),
        (lambda x: x**3, "it cubes"),
    ],
)
def test_wrong_is_said_in_words(answer, said):
    verdict = double(mistakes={"it cubes": lambda x: x**3}).verdict(answer)
    assert verdict.status == "wrong"
    assert said in verdict.words


@pytest.mark.parametrize("right", [lambda x: [2 * v for v in x], lambda x: torch.tensor(x).float() * 2])
def test_lists_arrays_and_tensors_stand_for_each_other(right):
    assert double().verdict(right).status == "right"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (np.ones((3, 2)), "two axes are swapped"),
        (np.ones(2), "an axis was summed"),
        (np.ones((1, 2, 3)), "an axis too many"),
        (np.ones((2, 4)), "shape (2, 4); it must be (2, 3)"),
        (np.full((2, 3), np.nan), "has numbers that are not finite"),
        ([[1.5, 2.5, np.inf], [4.5, 5.5, 7.0]], "1 of 6 numbers that are not finite"),
        ([[1, 2, 4], [4, 5, 7]], "whole numbers (dtype int)"),
        ([[1.5, 2.5], [1.0]], "lists of different lengths"),
        ([[4.0, 2.5, 1.5], [7.0, 5.5, 4.5]], "reverse order"),
        ([[0.0, 1.5, 2.5], [0.0, 4.5, 5.5]], "off by one along the last axis"),
        ([[2.5, 3.5, 5.0], [5.5, 6.5, 8.0]], "off by the same number everywhere: +1"),
        ([[-3.0, -5.0, -8.0], [-9.0, -11.0, -14.0]], "2 times as large as it should be and of the opposite sign"),
        (np.zeros((2, 3)), "is 0 everywhere"),
        ([[1.5, 2.5, 4.0], [4.5, 9.0, 7.0]], "is 9 at [1, 1], where 5.5 is right (1 of 6 numbers differ)"),
    ],
)
def test_differences_in_words(found, said):
    right = np.array([[1.5, 2.5, 4.0], [4.5, 5.5, 7.0]])
    assert said in words.difference(found, right)
    assert words.difference(right.astype(np.float32), right) is None


def test_a_bug_left_alone_is_not_attempted_and_another_one_is_wrong(toy):
    toy.write_text(f"# %%\n{BUG}")
    exercise = double(kind=FindTheBug)
    answers = {}
    for name, code in {
        "untouched": source.blank(BUG),
        "commented": source.blank(BUG).replace("3 * x", "3 * x  # hm"),
        "other": source.blank(BUG).replace("3 * x", "4 * x"),
        "repaired": source.solved(BUG),
    }.items():
        space = {}
        exec(code, space)
        answers[name] = exercise.verdict(space["double"])
    assert [verdict.status for verdict in answers.values()] == ["blank", "blank", "wrong", "right"]
    assert "still is the code with the bug" in answers["untouched"].words
    assert exercise.verdict(np.negative).status == "wrong"  # a function without Python code


@pytest.fixture
def coin():
    return Predict(**COMMON, choices=("heads", "tails"), outcome=lambda side: side)


def test_a_prediction_is_recorded_before_and_compared_after(coin):
    assert coin.verdict("tails").status == "blank"
    assert coin.record(...).status == "blank"
    assert coin.record("edge").status == "unclear"
    assert '"heads", "tails"' in coin.record(3).words
    assert coin.verdict("tails").status == "blank"
    assert coin.record(" Heads ").status == "recorded"
    assert coin.verdict("heads").status == "right"
    otherwise = coin.verdict("tails")
    assert str(otherwise).startswith('It came out otherwise: you predicted "heads", and it was "tails"')
    coin.record(...)
    assert coin.verdict("tails").status == "blank"


@pytest.mark.parametrize("answer", ["tail end", "heads or tails", "not heads", "the", "", "h"])
def test_a_prediction_that_could_mean_several_choices_or_none_is_not_recorded(coin, answer):
    assert coin.record(answer).status == "unclear"
    assert coin.predicted is None


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        ("first", "the first"),
        ("The first step.", "the first"),
        ("'later'", "a later one"),
        ("alike", "all alike"),
        ("ALL-ALIKE", "all alike"),
        (None, "none"),
        (0, "zero"),
    ],
)
def test_a_prediction_may_be_spelt_in_reasonable_ways(answer, meant):
    choices = ("the first", "a later one", "all alike", "none", "zero")
    exercise = Predict(**COMMON, choices=choices, outcome=str, also={"0": "zero"})
    assert exercise.record(answer).status == "recorded"
    assert exercise.predicted == meant


def test_an_error_that_is_known_is_explained_after_its_message():
    exercise = FillIn(
        **COMMON, reference=np.negative, trials=lambda: [("two numbers", (np.ones(2),))], stops={"axis 1": "use axis 0"}
    )
    verdict = exercise.verdict(lambda x: x.sum(1))
    assert "stops with AxisError: axis 1 is out of bounds" in verdict.words
    assert verdict.words.endswith("That means: use axis 0.")
    assert "That means" not in exercise.verdict(lambda x: 1 / 0).words


@pytest.mark.parametrize(
    ("lesson", "name", "said", "meant"),
    [
        ("00", "steps", "First step", "the first"),
        ("00", "steps", 1, "the first"),
        ("00", "steps", "all the same", "all alike"),
        ("01", "baselines", "Variance", "spread"),
        ("01", "baselines", "mean and spread", "both"),
        ("01", "baselines", "nothing", "neither"),
        ("04", "overshoot", 0, "zero"),
        ("04", "overshoot", "opposite sign", "opposite"),
        ("07", "other_context", "others", "the other's"),
        ("07", "other_context", "The other", "the other's"),
        ("07", "other_context", "own", "its own"),
        ("07", "other_context", "in between", "between"),
        ("08", "beyond", "PEARL.", "pearl"),
        ("08", "beyond", "no difference", "unclear"),
        ("08", "beyond", "neither", "unclear"),
    ],
)
def test_predictions_may_be_spelled_in_many_ways(lesson, name, said, meant):
    exercise = getattr(importlib.import_module(f"mpsearch.course.exercises.lesson_{lesson}"), name)
    assert exercise.record(said).words.startswith(f'you predict "{meant}"')
    exercise.record(...)


@pytest.fixture
def chinese():
    speak("zh")
    yield
    speak("en")


def test_the_solution_is_in_the_learners_language_if_the_lesson_is(toy, chinese, capsys):
    exercise = double()
    exercise.solution()
    assert "# a comment that stays" in capsys.readouterr().out
    cells = [
        {"metadata": {}, "source": ["print(1)"]},
        {"metadata": {"tags": ["exercise"]}, "source": ["def double(x):\n", "    return 2 * x  # 两倍"]},
    ]
    path = toy.parents[1] / "zh" / "solutions" / "07_toy.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    exercise.solution()
    assert capsys.readouterr().out == "def double(x):\n    return 2 * x  # 两倍\n"
    speak("en")
    exercise.solution()
    assert "# a comment that stays" in capsys.readouterr().out


def test_the_bug_with_a_translated_docstring_is_still_the_bug(toy):
    code = BUG.replace("def double(x):\n", 'def double(x):\n    """Twice x."""\n')
    toy.write_text(f"# %% tags=['exercise']\n{code}\n", encoding="utf-8")
    written = {}
    exec(source.blank(code).replace("Twice x.", "x 的两倍"), written)
    assert double(kind=FindTheBug).verdict(written["double"]).status == "blank"
    exec(source.solved(code).replace("Twice x.", "x 的两倍"), written)
    assert double(kind=FindTheBug).verdict(written["double"]).status == "right"
