"""The picture of a day of dosing."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from episodes import recorded

from mpsearch.errors import UsageError
from mpsearch.tasks import Dosing
from mpsearch.view.applications import picture_of
from mpsearch.view.plots.style import check_finite

PATIENTS = np.array([[2.5, 0.5], [1.0, 1.0]])


@pytest.fixture
def picture():
    yield picture_of("dosing")
    plt.close("all")


def test_the_lines_are_the_level_and_the_effect_and_the_bars_are_the_doses(picture) -> None:
    family = Dosing()
    result = recorded(family, family.standard, PATIENTS)
    axes = picture.plot(result, 0, 0)
    lines = {line.get_label(): check_finite("line", line.get_ydata()) for line in axes.lines}
    dose, level, effect = result.trajectories[0, 0].T
    np.testing.assert_allclose(lines["level"], level)
    np.testing.assert_allclose(lines["effect"], effect)
    (doses,) = [other for other in axes.figure.axes if other is not axes]
    np.testing.assert_allclose([bar.get_height() for bar in doses.patches], dose[1:])
    assert "(mg/L)" in axes.get_ylabel()
    assert "(mg/kg" in doses.get_ylabel()


def test_the_words_tell_of_an_overdose_only_where_there_is_one(picture) -> None:
    family = Dosing()
    result = recorded(family, family.standard, PATIENTS)
    assert "sensitivity 2.5 and clearance 0.5" in picture.describe(result, 0, 0)
    assert "above the toxic 20 mg/L in 100% of the hours" in picture.describe(result, 0, 0)
    assert "above the toxic 20 mg/L in 0% of the hours" in picture.describe(result, 1, 0)


def test_a_day_that_is_not_finite_is_refused(picture) -> None:
    family = Dosing()
    result = recorded(family, family.standard, PATIENTS)
    result.trajectories[0, 0, 3, 1] = np.nan
    with pytest.raises(UsageError, match="not finite in the recorded day"):
        picture.plot(result, 0, 0)
