"""The picture of an episode of suggestions."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from episodes import recorded

from mpsearch.errors import UsageError
from mpsearch.tasks import Taste
from mpsearch.view.applications import picture_of

USERS = np.array([[0.5, -0.5]])


@pytest.fixture
def picture():
    yield picture_of("taste")
    plt.close("all")


def to_the_taste(batch):
    return np.broadcast_to(batch.tasks[:, None], (*batch.shape, 2))


def test_the_dots_are_the_suggestions_and_the_star_is_the_taste(picture) -> None:
    rng = np.random.default_rng(0)
    result = recorded(Taste(), lambda batch: rng.uniform(-1, 1, (*batch.shape, 2)), USERS)
    axes = picture.plot(result, 0, 0)
    marks = {dots.get_label(): dots.get_offsets() for dots in axes.collections}
    np.testing.assert_allclose(marks["suggestion"], result.trajectories[0, 0, 1:])
    np.testing.assert_allclose(marks["taste"], USERS)
    assert [text.get_text() for text in axes.texts if text.get_text() in ("1", "2", "3", "20")] != []


def test_the_words_say_how_near_the_suggestions_are(picture) -> None:
    result = recorded(Taste(), to_the_taste, USERS)
    words = picture.describe(result, 0, 0)
    assert "a user whose taste is at (0.50, -0.50)" in words
    assert "from the taste is 0.00" in words
    assert "Two successive suggestions are 0.00 apart" in words


def test_suggestions_that_are_not_finite_are_refused(picture) -> None:
    result = recorded(Taste(), to_the_taste, USERS)
    result.trajectories[0, 0, 3] = np.inf
    with pytest.raises(UsageError, match="not finite in the recorded suggestions"):
        picture.describe(result, 0, 0)
