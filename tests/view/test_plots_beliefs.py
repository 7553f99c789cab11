"""Pictures of PEARL's beliefs: ellipses, contraction and the space of z, in words too."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Ellipse

from mpsearch.errors import UsageError
from mpsearch.view import plots

pytestmark = pytest.mark.usefixtures("no_window")

COUNTS = np.array([0, 1, 3, 99, 399])


@pytest.fixture
def pearl(result):
    """Z = 3; the two tasks end at z = (0, 2, -4) and (0.1, -2, 4), with a belief in z[1] of a tenth of its prior."""
    mean, std = np.zeros((2, 3, 3)), np.ones((2, 3, 3))
    mean[:, 1], mean[:, 2] = [[0, 1, -2], [0, -1, 2]], [[0, 2, -4], [0.1, -2, 4]]
    std[:, 1], std[:, 2] = [1, 0.5, 0.5], [1, 0.1, 0.5]
    return replace(result, beliefs=np.stack([mean, std]), stage_names=("prior", "posterior 1", "posterior mean"))


def test_the_informative_dimensions_spread_most():
    means = np.array([[0.0, 5.0, -1.0, 2.0], [0.0, 5.1, 1.0, -2.0]])
    assert plots.informative_dims(means) == (2, 3)
    assert plots.informative_dims(means[:, ::-1]) == (0, 1)
    assert plots.informative_dims(np.zeros((4, 3))) == (0, 1)
    assert plots.informative_dims(means + 100) == (2, 3)


@pytest.mark.parametrize("means", [np.zeros((4, 1)), np.zeros(4), np.zeros((0, 3)), np.full((4, 3), np.nan)])
def test_dimensions_of_nothing_are_refused(means):
    with pytest.raises(UsageError, match=r"Z of at least 2|nothing to plot|not finite"):
        plots.informative_dims(means)


def test_posterior_has_an_ellipse_of_one_and_of_two_sigma_for_each_stage(pearl):
    axes = plots.plot_posterior(pearl, 0)
    drawn = [(tuple(e.center), e.width, e.height) for e in axes.patches if isinstance(e, Ellipse)]
    assert drawn == [
        ((0, 0), 2, 2), ((0, 0), 4, 4),
        ((1, -2), 1, 1), ((1, -2), 2, 2),
        ((2, -4), pytest.approx(0.2), 1), ((2, -4), pytest.approx(0.4), 2),
    ]  # fmt: skip
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["other tasks, at the end", "prior", "posterior 1", "posterior mean"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("z[1]", "z[2]")
    assert axes.get_aspect() == 1
    low, high = axes.get_ylim()
    assert low <= -5
    assert high >= 2


def test_stages_differ_in_more_than_colour(pearl):
    patches = plots.plot_posterior(pearl, 0).patches[::2]
    assert len({patch.get_linestyle() for patch in patches}) == 3
    assert len({patch.get_edgecolor() for patch in patches}) == 3


def test_posterior_in_the_dimensions_asked_for_shows_where_the_other_tasks_ended(pearl):
    axes = plots.plot_posterior(pearl, 1, (2, 0))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("z[2]", "z[0]")
    assert axes.lines[0].get_xydata().tolist() == [[-4, 0]]


def test_posterior_in_words(pearl):
    words = plots.describe_posterior(pearl, 1)
    assert "z[1] and z[2] while adapting to task -1" in words
    assert "prior: mean (0, 0), standard deviation (1, 1)" in words
    assert "posterior mean: mean (-2, 4), standard deviation (0.1, 0.5)" in words
    assert "has 5 % of the first one's area" in words


@pytest.mark.slow
def test_one_task_alone_is_drawn_where_it_moved(pearl):
    alone = replace(pearl, tasks=pearl.tasks[:1], beliefs=pearl.beliefs[:, :1], stage_names=None)
    axes = plots.plot_posterior(alone, 0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("z[1]", "z[2]")
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["stage 0", "stage 1", "stage 2"]


@pytest.mark.parametrize("draw", [plots.plot_posterior, plots.describe_posterior])
def test_a_posterior_that_is_not_there_is_refused(pearl, draw):
    with pytest.raises(UsageError, match="only PEARL infers z"):
        draw(replace(pearl, beliefs=None), 0)
    with pytest.raises(UsageError, match="from 0 to 1, not 2"):
        draw(pearl, 2)
    for dims in ((0, 3), (1, 1), (-1, 0), (0, 1, 2)):
        with pytest.raises(UsageError, match="two different numbers from 0 to 2"):
            draw(pearl, 0, dims)
    with pytest.raises(UsageError, match="above 0"):
        draw(replace(pearl, beliefs=np.zeros((2, 2, 3, 3))), 0)
    with pytest.raises(UsageError, match="not finite"):
        draw(replace(pearl, beliefs=np.full((2, 2, 3, 3), np.nan)), 0)
    with pytest.raises(UsageError, match=r"\[2, K, S, Z\]"):
        draw(replace(pearl, beliefs=np.ones((2, 3, 3))), 0)


def test_contraction_has_a_line_a_dimension_and_the_guide():
    std = np.stack([1 / np.sqrt(1 + COUNTS), np.linspace(1, 0.5, 5)], axis=1)
    axes = plots.plot_contraction(COUNTS, std)
    first, second, guide = axes.lines
    np.testing.assert_allclose(first.get_xydata(), np.stack([COUNTS, std[:, 0]], axis=1))
    np.testing.assert_allclose(second.get_ydata(), std[:, 1])
    x, y = guide.get_data()
    np.testing.assert_allclose(y, (1 + x) ** -0.5)
    assert (x[0], x[-1]) == (0, pytest.approx(399))
    assert first.get_marker() != second.get_marker()
    assert (axes.get_xscale(), axes.get_yscale()) == ("symlog", "log")
    assert axes.get_xlim()[0] <= 0


def test_contraction_in_words():
    std = np.stack([1 / np.sqrt(1 + COUNTS), np.linspace(1, 0.5, 5)], axis=1)
    words = plots.describe_contraction(COUNTS, std)
    assert "from 0 to 399 transitions" in words
    assert "z[0]: 1 to 0.05; z[1]: 1 to 0.5" in words
    assert "guide 1/sqrt(1 + n) goes from 1 to 0.05" in words


@pytest.mark.parametrize("counts", [[0], [7], [1, 2]])
def test_contraction_over_few_counts_is_drawn(counts):
    axes = plots.plot_contraction(np.array(counts), np.ones((len(counts), 2)))
    axes.figure.draw_without_rendering()
    assert len(axes.lines) == 3


@pytest.mark.parametrize("draw", [plots.plot_contraction, plots.describe_contraction])
@pytest.mark.parametrize(
    ("counts", "std", "sentence"),
    [
        ([], np.ones((0, 2)), "no counts"),
        ([0, 1], np.ones((3, 2)), "2 counts, 3 rows"),
        ([0, 1], np.ones(2), r"\[N, Z\]"),
        ([1, 1], np.ones((2, 2)), "must grow"),
        ([-1, 1], np.ones((2, 2)), "must grow"),
        ([0, 1], np.zeros((2, 2)), "above 0"),
        ([0, 1], np.full((2, 2), np.nan), "4 numbers are not finite"),
    ],
)
def test_a_contraction_that_makes_no_sense_is_refused(draw, counts, std, sentence):
    with pytest.raises(UsageError, match=sentence):
        draw(counts, std)


def test_latent_space_is_coloured_by_the_task_and_names_its_ends():
    means = np.array([[0.0, 1.0, 3.0], [0.0, 2.0, -3.0], [0.0, 3.0, 0.0]])
    axes = plots.plot_latent_space(means, [0.5, 1.5, 2.5], "velocity (m/s)")
    (points,) = axes.collections
    np.testing.assert_allclose(points.get_offsets(), means[:, 1:])
    np.testing.assert_allclose(points.get_array(), [0.5, 1.5, 2.5])
    assert points.get_cmap().name == plots.COLOUR_MAP
    assert axes.figure.axes[1].get_ylabel() == "velocity (m/s)"
    assert {text.get_text() for text in axes.texts} == {"0.5", "2.5"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("z[1]", "z[2]")


def test_latent_space_in_words_counts_the_pairs_in_order():
    means = np.array([[0.0, 1.0, 3.0], [0.0, 2.0, -3.0], [0.0, 3.0, 0.0]])
    words = plots.describe_latent_space(means, [0.5, 1.5, 2.5], "velocity (m/s)")
    assert "3 tasks in z[1] and z[2], coloured by velocity (m/s) from 0.5 to 2.5" in words
    assert "100 % of the pairs, the task with the larger number has the larger z[1]" in words
    assert "67 % of the pairs, the task with the larger number has the smaller z[2]" in words
    assert "pairs" not in plots.describe_latent_space(means[:1], [0.5])
    assert "z[0]" in plots.describe_latent_space(means, [0.5, 1.5, 2.5], dims=(0, 1))


@pytest.mark.parametrize("draw", [plots.plot_latent_space, plots.describe_latent_space])
@pytest.mark.parametrize(
    ("means", "tasks", "sentence"),
    [
        (np.zeros((0, 2)), [], "nothing to plot"),
        (np.zeros((3, 2)), [1.0, 2.0], "3 means, 2 tasks"),
        (np.zeros((3, 2)), np.zeros((3, 2)), r"tasks must have shape \[K\]"),
        (np.zeros((3, 2)), [1.0, 2.0, np.inf], "1 number is not finite in the tasks"),
        (np.zeros((3, 1)), [1.0, 2.0, 3.0], "Z of at least 2"),
        (np.zeros(3), [1.0, 2.0, 3.0], r"\[K, Z\]"),
    ],
)
def test_a_latent_space_that_makes_no_sense_is_refused(draw, means, tasks, sentence):
    with pytest.raises(UsageError, match=sentence):
        draw(means, tasks)


def test_beliefs_are_drawn_into_the_axes_they_are_given(pearl):
    axes = plots.plot_posterior(pearl, 0)
    assert plots.plot_contraction(COUNTS, np.ones((5, 2)), axes) is axes
    assert plots.plot_latent_space(np.eye(3), [1.0, 2.0, 3.0], axes=axes) is axes
