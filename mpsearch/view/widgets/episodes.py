"""A picture of an episode before and one after adaptation, for families that have a picture of their own."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from matplotlib.figure import Figure

from mpsearch.records import AdaptationResult
from mpsearch.view.widgets import shell

STAGES = {"before": 0, "after": -1}


def draw_episodes(drawer: ModuleType, method: str, result: AdaptationResult) -> shell.Picture:
    """Draw both episodes side by side, with the pictures of the module ``drawer`` and their alternative texts."""
    figure = Figure(figsize=(8.8, shell.HEIGHT / 100), layout="constrained")
    words = []
    halves = np.asarray(figure.subfigures(1, 2))
    for (when, stage), half in zip(STAGES.items(), halves, strict=True):
        title = f"{method} {when} adaptation"
        half.suptitle(title, fontsize=10)
        drawer.plot(result, 0, stage, axes=half.subplots())
        words.append(f"{title}: {drawer.describe(result, 0, stage)}")
    picture = shell.Picture()
    picture.show(shell.to_png(figure), " ".join(words))
    return picture
