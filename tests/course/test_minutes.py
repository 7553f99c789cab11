"""How long a lesson takes is computed by a formula, and the lessons say it."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted((FOLDER / "source").glob("*.py"))
LONGEST = 60  # minutes of a sitting
CLOSE = 0.15  # a lesson's own words may differ from the formula by this share


@pytest.fixture
def minutes(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("minutes")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_lesson_says_how_long_it_takes_and_no_sitting_is_longer_than_an_hour(minutes, source):
    stated = minutes.stated(source)
    assert stated
    assert max(stated) <= LONGEST
    found = minutes.minutes(minutes.counts(source))
    assert abs(sum(stated) - found) <= CLOSE * found


TEXT = r"""# A heading

Two words, and $a + b$.

$$
\begin{aligned}
a &= b \\
&= c
\end{aligned}
$$

<details><summary>Folded</summary>

Not counted. $$x = y$$

</details>

- a list
"""


def test_words_and_formulas_that_are_folded_away_do_not_count(minutes):
    assert minutes.words(TEXT) == 2 + 4 + 2
    assert minutes.formula_lines(TEXT) == 2
    assert minutes.formula_lines("$$x = y$$") == 1


def test_imports_and_empty_lines_are_no_code_to_read(minutes):
    assert minutes.code_lines("import numpy\nfrom torch import nn\n\nx = 1\n    importance = 2\n") == 2


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("# **Time:** about 40 minutes. **Builds on:** 07", [40]),
        (
            "# **Time:** two sittings: about 50 minutes for all\n# but section 7, and 20 for that. **Builds on:**",
            [50, 20],
        ),
        ("# **Time:** three sittings: about 40 minutes for sections 1 to 5, 35 for 6 and 7. **You", [40, 35]),
        ("# nothing", []),
    ],
)
def test_the_minutes_of_each_sitting_are_read(minutes, text, stated, tmp_path):
    (tmp_path / "07_toy.py").write_text(text)
    assert minutes.stated(tmp_path / "07_toy.py") == stated


def test_each_kind_of_exercise_has_its_minutes(minutes):
    exercises = [exercise for source in SOURCES for exercise in minutes.exercises(source)]
    kinds = {exercise.name: minutes.kind(exercise) for exercise in exercises}
    assert kinds["rewards_to_go"] == "to write"
    assert kinds["policy_loss"] == "bugs"
    assert kinds["baselines"] == "predictions"
    larger = {name for name, kind in kinds.items() if kind == "larger"}
    assert larger == {"inner_loop", "MyEncoder", "sample_contexts", "evaluate_returns", "Clinic", "fault"}
    assert set(kinds.values()) < set(minutes.RATES)
