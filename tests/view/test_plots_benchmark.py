"""The benchmark's figure: the numbers drawn, the words, what is missing and what is refused."""

import io

import benchmarks
import numpy as np
import pytest
from PIL import Image

from mpsearch.errors import UsageError
from mpsearch.view import plots
from mpsearch.view.plots import benchmark

pytestmark = pytest.mark.usefixtures("no_window")


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_collection_draws_each_curve_and_says_how_flat_ours_is():
    axes = benchmark.plot_collection(benchmarks.result())
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 160], [40, 20], [800, 18], [2000, 18]])
    np.testing.assert_allclose(axes.lines[3].get_xydata(), [[1, 90]])
    assert labels(axes) == ["mpsearch", "raw mujoco.batch", "the policies alone", *(f"Gymnasium{name}" for name in (
        ", one environment", " SyncVectorEnv", " AsyncVectorEnv"))]  # fmt: skip
    assert axes.get_title().endswith("from 40 to 2,000 simulations: -10.0 % (raw physics -6.2 %)")
    assert "µs" in axes.get_ylabel()
    assert {"1", "40", "2,000"} <= {text.get_text() for text in axes.get_xticklabels()}
    assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == 6


def test_where_gymnasium_has_no_physics_its_curves_are_missing_and_the_words_say_so():
    lacking = benchmarks.without_gymnasium()
    assert labels(benchmark.plot_collection(lacking)) == ["mpsearch", "raw mujoco.batch", "the policies alone"]
    words = plots.describe_benchmark(lacking)
    assert "Not measured: Gymnasium AsyncVectorEnv (no physics)." in words
    assert "at 40; Gymnasium" not in words
    assert "Not measured" not in plots.describe_benchmark(benchmarks.result())


def test_memory_is_drawn_with_its_straight_line():
    axes = benchmark.plot_memory(benchmarks.result())
    line, points = axes.lines
    np.testing.assert_allclose(points.get_xydata(), [[40, 404], [400, 440], [1000, 500], [2000, 600]])
    np.testing.assert_allclose(line.get_ydata(), points.get_ydata())
    assert axes.get_ylim()[0] == 0
    assert axes.get_title() == "Memory grows linearly"
    bent = benchmarks.result(memory=benchmarks.RESULT["memory"] | {"linear": False})
    assert benchmark.plot_memory(bent).get_title() == "Memory grows not linearly"
    assert "Memory does not grow linearly" in plots.describe_benchmark(bent)


def test_a_system_that_does_not_say_its_memory_gets_a_sentence_in_place_of_the_curve():
    silent = benchmarks.result(memory=None)
    axes = benchmark.plot_memory(silent)
    assert not axes.lines
    assert "does not say" in axes.texts[0].get_text()
    assert "does not say how much memory" in plots.describe_benchmark(silent)


def test_meta_iterations_are_drawn_relative_to_the_base():
    axes = benchmark.plot_meta_iteration(benchmarks.result())
    tasks, episodes, inner, proportion = axes.lines
    np.testing.assert_allclose(tasks.get_xydata(), [[0.5, 0.5], [1, 1], [2, 1.9]])
    np.testing.assert_allclose(episodes.get_xydata(), [[0.5, 0.6], [1, 1], [2, 1.8]])
    np.testing.assert_allclose(inner.get_xydata(), [[1, 1], [2, 1.6], [3, 2.3]])
    np.testing.assert_allclose(proportion.get_xydata(), [[0.5, 0.5], [3, 3]])
    assert "10 tasks, 10 episodes, 1 inner step" in axes.get_title()


def test_gradient_steps_are_bars_over_their_products():
    axes = benchmark.plot_gradient_step(benchmarks.result())
    assert [bar.get_height() for bar in axes.patches] == [3.0, 1.6, 1.6, 1.4]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["64\nwide", "256\nwide", "4\ntasks", "16\ntasks"]
    assert {bar.get_hatch() for bar in axes.patches} == {"", "//"}


def test_imports_are_bars_beside_torch():
    axes = benchmark.plot_imports(benchmarks.result())
    assert [bar.get_width() for bar in axes.patches] == [0.2, 1.3]
    assert axes.lines[0].get_xdata()[0] == 1
    assert "2.1 s" in axes.get_title()


def test_the_whole_in_words():
    words = plots.describe_benchmark(benchmarks.result())
    for sentence in (
        "from 40 to 2,000 simulations: -10.0 %",
        "mpsearch: 160 at 1, 20 at 40, 18 at 800, 18 at 2,000;",
        "by 100 kB each: 404 MB with 40, 440 MB with 400",
        "relative to 10 tasks, 10 episodes, 1 inner step: tasks 0.5 at 5",
        "width 3 at 64, 1.6 at 256; meta-batch 1.6 at 4, 1.4 at 16.",
        "import mpsearch 0.20, MAML, PEARL and load 1.30.",
    ):
        assert sentence in words


@pytest.mark.slow
def test_the_picture_has_five_panels_and_carries_its_words():
    assert len(plots.plot_benchmark(benchmarks.result()).axes) == 5
    picture = Image.open(io.BytesIO(plots.benchmark_picture(benchmarks.result())))
    assert picture.format == "PNG"
    assert picture.width > picture.height > 500
    assert picture.text["Description"] == plots.describe_benchmark(benchmarks.result())


@pytest.mark.parametrize(
    "part", ["collection", "cost_change", "meta_iteration", "gradient_step", "import_time", "memory"]
)
@pytest.mark.parametrize("draw", [plots.plot_benchmark, plots.describe_benchmark])
def test_a_benchmark_without_a_part_is_refused(draw, part):
    old = benchmarks.result()
    del old[part]
    with pytest.raises(UsageError, match=f"this benchmark has no '{part}'; make a new one"):
        draw(old)


def test_a_number_that_is_not_finite_is_refused():
    broken = benchmarks.result()
    broken["collection"]["curves"]["raw"][0]["microseconds"] = float("nan")
    with pytest.raises(UsageError, match="1 number is not finite in the benchmark"):
        benchmark.plot_collection(broken)
