"""Plots of results, each with a text description for readers who cannot see the picture.

Each function ``plot_...`` draws into the matplotlib axes that it is given, or into a new figure, and returns the
axes. The function ``describe_...`` of the same name takes the same data and returns the alternative text.
:func:`show` displays both in a notebook::

    plots.show(plots.plot_before_after(result, labels), plots.describe_before_after(result, labels))
"""

from mpsearch.view.plots import landscape
from mpsearch.view.plots.adaptation import (
    CONTROL_STEP,
    SMOOTHING,
    describe_adaptation,
    describe_before_after,
    describe_velocity,
    plot_adaptation,
    plot_before_after,
    plot_velocity,
)
from mpsearch.view.plots.beliefs import (
    describe_contraction,
    describe_latent_space,
    describe_posterior,
    informative_dims,
    plot_contraction,
    plot_latent_space,
    plot_posterior,
)
from mpsearch.view.plots.benchmark import (
    benchmark_picture,
    describe_benchmark,
    plot_benchmark,
)
from mpsearch.view.plots.comparison import (
    describe_learning_curve,
    describe_methods,
    plot_learning_curve,
    plot_methods,
    published_curves,
)
from mpsearch.view.plots.evaluations import (
    describe_evaluations,
    describe_groups,
    plot_evaluations,
    plot_groups,
)
from mpsearch.view.plots.landscape import describe_landscape, plot_landscape
from mpsearch.view.plots.scaling import describe_speedup, plot_speedup
from mpsearch.view.plots.style import (
    AFTER,
    BEFORE,
    COLOUR_MAP,
    MARKERS,
    PALETTE,
    TARGET,
    folded,
    legend,
    picture_and_words,
    save,
    show,
)
from mpsearch.view.plots.training import describe_paths, describe_training, plot_paths, plot_training

__all__ = [
    "AFTER",
    "BEFORE",
    "COLOUR_MAP",
    "CONTROL_STEP",
    "MARKERS",
    "PALETTE",
    "SMOOTHING",
    "TARGET",
    "benchmark_picture",
    "describe_adaptation",
    "describe_before_after",
    "describe_benchmark",
    "describe_contraction",
    "describe_evaluations",
    "describe_groups",
    "describe_landscape",
    "describe_latent_space",
    "describe_learning_curve",
    "describe_methods",
    "describe_paths",
    "describe_posterior",
    "describe_speedup",
    "describe_training",
    "describe_velocity",
    "folded",
    "informative_dims",
    "landscape",
    "legend",
    "picture_and_words",
    "plot_adaptation",
    "plot_before_after",
    "plot_benchmark",
    "plot_contraction",
    "plot_evaluations",
    "plot_groups",
    "plot_landscape",
    "plot_latent_space",
    "plot_learning_curve",
    "plot_methods",
    "plot_paths",
    "plot_posterior",
    "plot_speedup",
    "plot_training",
    "plot_velocity",
    "published_curves",
    "save",
    "show",
]
