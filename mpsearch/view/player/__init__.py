"""The player: robots or points that move in a notebook or a page, and the same as a still picture or a film."""

from typing import TYPE_CHECKING, Any

from mpsearch.view.player.chart import Chart, Curve
from mpsearch.view.player.runners import Runner
from mpsearch.view.player.stages import has_runners, runners_of

if TYPE_CHECKING:
    from mpsearch.view.player.player import Player, play

__all__ = ["Chart", "Curve", "Player", "Runner", "has_runners", "play", "runners_of"]


def __getattr__(name: str) -> Any:
    if name in ("Player", "play"):  # only these two need anywidget
        from mpsearch.view.player import player

        return getattr(player, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
