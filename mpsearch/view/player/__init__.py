"""The player: robots or points that move in the page, as a still picture, or as a film."""

from mpsearch.view.player.player import Player, play, runners_of
from mpsearch.view.player.runners import Runner

__all__ = ["Player", "Runner", "play", "runners_of"]
