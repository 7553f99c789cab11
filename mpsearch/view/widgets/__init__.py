"""Explorers: widgets with controls, a plot that follows them, and a sentence that says what the plot shows.

The computations are in functions that do not need the widget. Each explorer can also be controlled from Python, and
its attribute ``result`` holds the numbers that it shows::

    explorer = PosteriorExplorer(mpsearch.load("pearl-cheetah-velocity"))
    explorer.controls["transitions"].value = 40
    explorer.result.std[-1]
"""

from mpsearch.view.widgets.adaptation import AdaptationExplorer
from mpsearch.view.widgets.advantage import AdvantageExplorer
from mpsearch.view.widgets.first_episode import FirstEpisodeExplorer
from mpsearch.view.widgets.inner_step import InnerStepExplorer
from mpsearch.view.widgets.lie import LieExplorer
from mpsearch.view.widgets.posterior import PosteriorExplorer

__all__ = [
    "AdaptationExplorer",
    "AdvantageExplorer",
    "FirstEpisodeExplorer",
    "InnerStepExplorer",
    "LieExplorer",
    "PosteriorExplorer",
]
