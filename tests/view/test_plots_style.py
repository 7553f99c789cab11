"""What all pictures share: colours that every reader can tell apart, checks in words, the notebook's output."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from mpsearch.errors import UsageError
from mpsearch.view import plots
from mpsearch.view.plots import style

pytestmark = pytest.mark.usefixtures("no_window")

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST_DISTANCE = 15.0  # in CIELAB; about 2 is the least that an eye can tell apart side by side
TAB10 = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2"]


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(linear_rgb):
    """CIELAB under D65."""
    ratio = XYZ @ linear_rgb / XYZ.sum(1)
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def seen(colour, sight):
    return lab(np.clip(np.array(SIGHT[sight]) @ linear(colour), 0, 1))


def least_distance(colours, sight):
    places = [seen(colour, sight) for colour in colours]
    return min(np.linalg.norm(a - b) for a, b in combinations(places, 2))


def test_the_simulation_keeps_grey_and_takes_red_from_green():
    for sight in SIGHT:
        np.testing.assert_allclose(seen("0.5", sight), seen("0.5", "normal"), atol=0.01)
    np.testing.assert_allclose(seen("white", "normal"), [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(seen("red", "normal"), [53.24, 80.09, 67.20], atol=0.02)  # a published conversion
    dull = ["#a05000", "#4f7a00"]  # a brown and a green, as traffic maps have them
    assert least_distance(dull, "deuteranopia") < 0.3 * least_distance(dull, "normal")


@pytest.mark.parametrize("sight", SIGHT)
def test_every_reader_can_tell_all_colours_of_the_palette_apart(sight):
    assert least_distance(plots.PALETTE.values(), sight) > LEAST_DISTANCE


@pytest.mark.parametrize("sight", ["protanopia", "deuteranopia"])
def test_a_palette_that_some_readers_cannot_tell_apart_is_found(sight):
    assert least_distance(TAB10, "normal") > LEAST_DISTANCE
    assert least_distance(TAB10, sight) < LEAST_DISTANCE / 1.5


@pytest.mark.parametrize("sight", SIGHT)
def test_the_colour_map_grows_lighter_for_every_reader(sight):
    def steps(name):
        return np.diff([seen(colour, sight)[0] for colour in colormaps[name](np.linspace(0, 1, 33))])

    assert (steps(plots.COLOUR_MAP) > 0).all()
    assert not (steps("jet") > 0).all()


def test_before_and_after_differ_in_lightness_so_that_grey_print_works():
    before, after = (np.dot(to_rgb(colour), [0.299, 0.587, 0.114]) for colour in (plots.BEFORE, plots.AFTER))
    assert before - after > 0.25


def grey(colour):
    return np.dot(to_rgb(colour), [0.299, 0.587, 0.114])


def test_any_two_of_six_lines_differ_in_grey_by_their_marker_and_by_dash_or_lightness():
    for one, other in combinations(map(style.line_style, range(6)), 2):
        assert one["marker"] != other["marker"]
        lightness = abs(grey(one["color"]) - grey(other["color"]))
        assert one["linestyle"] != other["linestyle"] or lightness > 0.1


def test_the_first_28_lines_all_look_different_and_six_have_but_one_orange():
    looks = [tuple(style.line_style(i).values()) for i in range(28)]
    assert len(set(looks)) == 28
    six = [style.line_style(i)["color"] for i in range(6)]
    assert not {plots.PALETTE["orange"], plots.PALETTE["vermillion"]} <= set(six)


@pytest.mark.parametrize("above", [0, 3])
def test_a_legend_takes_no_width_from_the_plot(above):
    axes = style.new_axes(None)
    for name in ("one", "another", "a third method"):
        axes.plot([0, 1], [0, 1], label=name)
    style.legend(axes, "what the bars mean", above=above)
    axes.figure.draw_without_rendering()
    legend, plot, page = (part.get_window_extent() for part in (axes.get_legend(), axes, axes.figure))
    assert plot.width > 0.85 * page.width
    assert legend.x1 <= page.x1
    assert (legend.y0 >= plot.y1 - 1) == bool(above)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([2.8, 3.6], True), ([-3.6, -2.8], True), ([1.0, 3.0], False), ([-1.0, 3.0], False)],
)
def test_zero_is_shown_where_otherwise_noise_would_fill_the_axis(values, shown):
    axes = style.new_axes(None)
    axes.plot([0, 1], values)
    style.show_zero(axes)
    low, high = axes.get_ylim()
    assert (0.0 in (low, high)) == shown
    assert low <= min(values) < max(values) <= high


def test_shown_picture_carries_its_words_and_leaves_no_figure_open(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *things: shown.extend(things))
    plots.show(style.new_axes(None), "the words")
    image, text = shown
    assert image.alt == "the words"
    assert image.data.startswith(b"\x89PNG")
    assert "the words" in text.data
    assert style.plt.get_fignums() == []


def test_every_plot_can_be_told_in_words_and_every_name_exists():
    drawn = {name.removeprefix("plot_") for name in plots.__all__ if name.startswith("plot_")}
    told = {name.removeprefix("describe_") for name in plots.__all__ if name.startswith("describe_")}
    assert drawn == told
    assert len(drawn) >= 12
    assert all(getattr(plots, name) is not None for name in plots.__all__)


def test_round_numbers():
    assert style.round_numbers(1, 20) == [1, 2, 5, 10, 20]
    assert style.round_numbers(0.011, 0.2) == [0.02, 0.05, 0.1, 0.2]
    assert style.round_numbers(3, 1000, (1,)) == [10, 100, 1000]
    assert style.round_numbers(3, 4) == []


@pytest.mark.parametrize(
    ("counts", "ticks"),
    [
        ([0, 200, 12_000], [0, 200, 1000, 10_000]),
        ([0, 200, 3000], [0, 200, 500, 1000, 2000]),
        ([0, 900, 100_000], [0, 900, 10_000, 100_000]),
    ],
)
def test_a_wide_axis_of_counts_is_logarithmic_with_room_for_0_and_few_ticks(counts, ticks):
    axes = style.new_axes(None)
    axes.plot(counts, counts)
    style.count_axis(axes, np.array(counts), "steps")
    assert axes.get_xscale() == "symlog"
    assert axes.get_xticks().tolist() == ticks
    assert axes.get_xlim()[0] < 0
    assert "logarithmic" in axes.get_xlabel()
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == [f"{tick:,}" for tick in ticks]


def test_a_narrow_axis_of_counts_is_linear_with_whole_numbers():
    axes = style.new_axes(None)
    axes.plot([0, 3], [0, 1])
    style.count_axis(axes, np.array([0, 1, 2, 3]), "steps")
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel() == "steps"
    assert all(tick == round(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize(("value", "words"), [(-245.4, "-245"), (1234.0, "1234"), (-0.0, "0"), (0.0123, "0.012")])
def test_numbers_in_words(value, words):
    assert style.number(value) == words


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "nothing to plot: no curve was given"),
        ([1.0, 2.0], r"the curve must have shape \[K, Z\], not \[2\]"),
        ([[1.0, np.nan]], "1 number is not finite in the curve"),
        ([[np.inf, np.nan]], "2 numbers are not finite in the curve"),
        ([["a", "b"]], "the curve must be an array of numbers"),
        ([[1.0], [1.0, 2.0]], "the curve must be an array of numbers"),
    ],
)
def test_what_cannot_be_drawn_is_named(values, sentence):
    assert style.check_finite("curve", [[1, 2]], "K, Z").tolist() == [[1.0, 2.0]]
    with pytest.raises(UsageError, match=sentence):
        style.check_finite("curve", values, "K, Z")
