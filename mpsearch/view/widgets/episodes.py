"""A picture of an episode before and one after adaptation, for families that have a picture of their own."""

from __future__ import annotations

from types import ModuleType

from mpsearch.records import AdaptationResult
from mpsearch.view.widgets import shell

STAGES = {"before": 0, "after": -1}


def draw_episodes(drawer: ModuleType, method: str, result: AdaptationResult) -> shell.Picture:
    """Draw both episodes side by side, with the pictures of the module ``drawer`` and their alternative texts."""
    figure, columns = shell.new_figure(2)
    figure.set_layout_engine("constrained")
    words = []
    for (when, stage), axes in zip(STAGES.items(), columns, strict=True):
        title = f"{method} {when} adaptation"
        drawer.plot(result, 0, stage, axes=axes)
        axes.set_title(title, loc="left")
        words.append(f"{title}: {drawer.describe(result, 0, stage)}")
    picture = shell.Picture()
    picture.show(shell.to_png(figure), " ".join(words))
    return picture
