"""A picture of an episode before and one after adaptation, for families that have a picture of their own."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from matplotlib.figure import Figure

from mpsearch.language import say
from mpsearch.records import AdaptationResult
from mpsearch.view.widgets import shell


def draw_episodes(drawer: ModuleType, method: str, result: AdaptationResult) -> shell.Picture:
    """Draw both episodes side by side, with the pictures of the module ``drawer`` and their alternative texts."""
    figure = Figure(figsize=(8.8, shell.HEIGHT / 100), layout="constrained")
    words = []
    halves = np.asarray(figure.subfigures(1, 2))
    titles = [say("{method} before adaptation", method=method), say("{method} after adaptation", method=method)]
    for title, stage, half in zip(titles, (0, -1), halves, strict=True):
        half.suptitle(title, fontsize=10)
        drawer.plot(result, 0, stage, axes=half.subplots())
        words.append(say("{name}: {what}", name=title, what=drawer.describe(result, 0, stage)))
    picture = shell.Picture()
    picture.show(shell.to_png(figure), say("{first} {second}", first=words[0], second=words[1]))
    return picture
