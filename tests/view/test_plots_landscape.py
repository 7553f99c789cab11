"""The toy world: derivatives against finite differences, laws of the bowl, and its picture."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpsearch.errors import UsageError
from mpsearch.view import plots
from mpsearch.view.plots import landscape as world

pytestmark = pytest.mark.usefixtures("no_window")

START, TASK = np.array([0.4, -0.3]), np.array([-1.2, 0.8])
coordinate = st.floats(-4, 4)
point = st.tuples(coordinate, coordinate).map(np.array)


def differences(function, theta, step=1e-5):
    """Central differences of ``function`` at ``theta`` [2], along a last axis."""
    return np.stack([(function(theta + d) - function(theta - d)) / (2 * step) for d in step * np.eye(2)], axis=-1)


def loss_after(start, rate, steps):
    return world.loss(world.inner_steps(start, TASK, rate, steps)[-1], TASK)


@given(point, point)
def test_gradient_and_hessian_are_those_of_the_loss(theta, task):
    np.testing.assert_allclose(
        world.gradient(theta, task), differences(lambda t: world.loss(t, task), theta), atol=1e-8
    )
    hessian = differences(lambda t: world.gradient(t, task), theta)
    np.testing.assert_allclose(world.hessian(theta, task), hessian, atol=1e-8)


@given(point, point)
def test_the_bowl_is_convex_and_lowest_at_its_task(theta, task):
    assert world.loss(task, task) == 0
    assert world.loss(theta, task) > 0 or np.allclose(theta, task, atol=1e-6)
    assert np.linalg.eigvalsh(world.hessian(theta, task)).min() >= 0


@given(point, point, point)
def test_only_the_displacement_from_the_task_matters(theta, task, shift):
    np.testing.assert_allclose(world.loss(theta + shift, task + shift), world.loss(theta, task), atol=1e-12)


def test_the_hessian_depends_on_the_place():
    at_the_bottom, far_away = world.hessian(TASK, TASK), world.hessian(TASK + 5, TASK)
    np.testing.assert_allclose(np.linalg.eigvalsh(at_the_bottom), np.sort(world.CURVATURE))
    assert np.abs(far_away).max() < 0.1 * np.abs(at_the_bottom).max()
    assert abs(at_the_bottom[0, 1]) > 0.5  # tilted: the parameters interact


def test_many_points_at_once_equal_one_at_a_time():
    points = np.random.default_rng(0).normal(size=(3, 4, 2))
    for function in (world.loss, world.gradient, world.hessian, world.meta_gradient):
        alone = [[function(theta, TASK) for theta in row] for row in points]
        np.testing.assert_allclose(function(points, TASK), alone, atol=1e-14)
    assert world.inner_steps(points, TASK, steps=5).shape == (6, 3, 4, 2)


def test_inner_steps_go_down_the_gradient():
    path = world.inner_steps(START, TASK, 0.3, 4)
    assert path.shape == (5, 2)
    np.testing.assert_array_equal(path[0], START)
    for here, there in pairwise(path):
        np.testing.assert_allclose(there, here - 0.3 * world.gradient(here, TASK))
    assert (np.diff(world.loss(path, TASK)) < 0).all()


def test_one_step_from_the_middle_of_the_tasks_takes_most_of_the_loss_on_most_tasks():
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    tasks = 1.4 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    left = [loss_share(np.zeros(2), task) for task in tasks]
    far = [loss_share(np.array([4.0, 4.0]), task) for task in tasks]
    assert np.median(left) < 0.35
    assert np.median(left) < np.median(far) / 2


def loss_share(start, task):
    before, after = world.loss(world.inner_steps(start, task)[[0, -1]], task)
    return after / before


@given(point, st.floats(0, 1.5), st.integers(0, 4))
def test_the_second_order_meta_gradient_is_that_of_the_loss_after_the_steps(start, rate, steps):
    expected = differences(lambda s: loss_after(s, rate, steps), start)
    np.testing.assert_allclose(world.meta_gradient(start, TASK, rate, steps), expected, atol=1e-6)


@given(point, st.floats(0, 1.5), st.integers(0, 4))
def test_the_first_order_one_is_the_gradient_where_the_steps_end(start, rate, steps):
    end = world.inner_steps(start, TASK, rate, steps)[-1]
    np.testing.assert_array_equal(world.meta_gradient(start, TASK, rate, steps, order=1), world.gradient(end, TASK))


def test_the_two_orders_differ_visibly_but_not_without_a_rate_or_steps():
    def angle(rate, steps):
        first, second = (world.meta_gradient(np.zeros(2), TASK, rate, steps, order) for order in (1, 2))
        return np.degrees(np.arccos(np.clip(first @ second / np.hypot(*first) / np.hypot(*second), -1, 1)))

    assert angle(world.RATE, 1) > 30
    assert angle(0.0, 3) == pytest.approx(0, abs=1e-5)
    assert angle(world.RATE, 0) == pytest.approx(0, abs=1e-5)


def test_a_step_along_the_second_order_helps_where_the_first_order_hurts():
    start, rate, steps = np.array([-0.7, 0.3]), 1.1, 3
    first, second = (world.meta_gradient(start, TASK, rate, steps, order) for order in (1, 2))
    before = loss_after(start, rate, steps)
    assert loss_after(start - 0.02 * second, rate, steps) < before
    assert loss_after(start - 0.02 * first, rate, steps) > before


def test_surface_has_a_row_for_each_second_parameter():
    line, values = world.surface(TASK, 2.0, 5)
    assert line.tolist() == [-2, -1, 0, 1, 2]
    assert values[3, 1] == pytest.approx(world.loss(np.array([-1.0, 1.0]), TASK))
    assert values[1, 3] == pytest.approx(world.loss(np.array([1.0, -1.0]), TASK))


def arrows(axes):
    """[A, 2] the vectors of the arrows that are drawn."""
    return [np.subtract(text.xy, text.xyann) for text in axes.texts if getattr(text, "arrowprops", None)]


def test_picture_has_start_path_bottom_and_arrows_downhill():
    path = world.inner_steps(START, TASK, steps=3)
    steep, flat = np.array([2.0, 0.0]), np.array([0.0, -1.0])
    axes = plots.plot_landscape(TASK, path, {"second order": steep, "first order": flat})
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["start"] == [START.tolist()]
    assert drawn["bottom: the task"] == [TASK.tolist()]
    assert drawn["after 3 inner steps"] == [path[-1].tolist()]
    assert path.tolist() in drawn.values()
    np.testing.assert_allclose(arrows(axes), [[-world.ARROW, 0], [0, world.ARROW / 2]], atol=1e-12)
    assert {"meta-step, second order", "meta-step, first order"} <= drawn.keys()
    assert axes.get_xlim() == axes.get_ylim() == (-world.EXTENT, world.EXTENT)
    assert axes.get_aspect() == 1


def test_picture_grows_to_hold_everything_unless_its_extent_is_given():
    path = np.array([[6.0, 0.0], [5.0, 0.0]])
    assert plots.plot_landscape(TASK, path).get_xlim()[1] > 6
    assert plots.plot_landscape(TASK, path, extent=3.0).get_xlim()[1] == 3


def test_no_arrow_where_the_meta_gradient_is_zero():
    axes = plots.plot_landscape(TASK, TASK[None], {"second order": np.zeros(2)})
    assert arrows(axes) == []
    assert "slope 0" in plots.describe_landscape(TASK, TASK[None], {"second order": np.zeros(2)})


def test_picture_is_drawn_into_the_axes_it_is_given():
    axes = plots.plot_landscape(TASK, START[None])
    assert plots.plot_landscape(TASK, START[None], axes=axes) is axes


def test_words_are_written_from_the_path():
    path = world.inner_steps(np.zeros(2), TASK)
    words = plots.describe_landscape(TASK, path, {"second order": np.array([0.0, -0.5])})
    assert "the task, is at (-1.20, 0.80)" in words
    assert "1 inner step from (0.00, 0.00) to (-0.77, -0.24): the loss goes from 0.59 to 0.18" in words
    assert "second order would move the start towards 90 degrees (0 is right, 90 is up), slope 0.5" in words


@pytest.mark.parametrize("draw", [plots.plot_landscape, plots.describe_landscape])
@pytest.mark.parametrize(
    ("task", "path", "meta_gradients", "sentence"),
    [
        ([0.0, np.nan], [[0.0, 0.0]], {}, "1 number is not finite in the task"),
        ([0.0], [[0.0, 0.0]], {}, r"task must have shape \[2\], not \[1\]"),
        ([0.0, 0.0], [0.0, 0.0], {}, r"path must have shape \[N \+ 1, 2\]"),
        ([0.0, 0.0], np.zeros((0, 2)), {}, "no path was given"),
        ([0.0, 0.0], np.zeros((3, 3)), {}, r"path must have shape \[N \+ 1, 2\], not \[3, 3\]"),
        ([0.0, 0.0], [[0.0, 0.0]], {"first": [np.inf, 0.0]}, "not finite in the meta-gradient 'first'"),
    ],
)
def test_a_landscape_that_makes_no_sense_is_refused(draw, task, path, meta_gradients, sentence):
    with pytest.raises(UsageError, match=sentence):
        draw(task, path, meta_gradients)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rate": -0.1}, "rate must be a number of at least 0, not -0.1"),
        ({"rate": float("nan")}, "rate must be"),
        ({"steps": -1}, "steps must be a whole number"),
        ({"order": 3}, "order must be 1 or 2, not 3"),
        ({"start": [0.0, 0.0, 0.0]}, "start must have shape"),
        ({"start": [np.nan, 0.0]}, "not finite in the start"),
        ({"task": [[0.0, 0.0]]}, "task must have shape"),
    ],
)
def test_steps_that_make_no_sense_are_refused(change, sentence):
    with pytest.raises(UsageError, match=sentence):
        world.meta_gradient(**{"start": START, "task": TASK} | change)


@pytest.mark.parametrize(("extent", "n"), [(0.0, 5), (float("inf"), 5), (1.0, 1)])
def test_a_surface_of_nothing_is_refused(extent, n):
    with pytest.raises(UsageError, match=r"(extent|n) must be"):
        world.surface(TASK, extent, n)
