"""Explorers: turn a knob, see what changes, read it in a sentence.

Each is a thin shell over pure functions, can be driven from Python alone, and keeps what it drew in ``.result``::

    explorer = PosteriorExplorer(mpsearch.load("pearl-cheetah-velocity"))
    explorer.controls["transitions"].value = 40
    explorer.result.std[-1]
"""

from mpsearch.view.widgets.adaptation import AdaptationExplorer
from mpsearch.view.widgets.advantage import AdvantageExplorer
from mpsearch.view.widgets.inner_step import InnerStepExplorer
from mpsearch.view.widgets.posterior import PosteriorExplorer

__all__ = ["AdaptationExplorer", "AdvantageExplorer", "InnerStepExplorer", "PosteriorExplorer"]
