"""The picture of a series of penalty kicks: the goal, and where each shot and each dive went, in order."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.tasks.applications.penalty_kicks import HALF_GOAL, save_chance
from mpsearch.view.plots.style import AFTER, PALETTE, check_finite, legend, new_axes


def plot(result: AdaptationResult, task: int, stage: int, axes: Axes | None = None) -> Axes:
    """Plot where the shots and the dives of the recorded episode of one shooter went. The first kick is at the top.

    The posts and the bar are thick lines. A line joins each dive with its shot: the shorter it is, the more likely
    was the save. Small triangles show the run-ups.

    Args:
        result: an adaptation to shooters of :class:`~mpsearch.tasks.PenaltyKicks`.
        task: the index of the shooter.
        stage: the index of the stage.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the recorded episode is not finite.
    """
    run_up, shot, dive = _kicks(result, task, stage)
    kicks = np.arange(1, len(shot) + 1)
    width = HALF_GOAL
    axes = new_axes(axes)
    axes.plot([-width, -width, width, width], [kicks[-1] + 1, 0, 0, kicks[-1] + 1], color="black", linewidth=4)
    axes.hlines(kicks, dive * width, shot * width, color="0.6", linewidth=1.5, zorder=1)
    axes.scatter(run_up * width, kicks - 0.35, s=14, marker="v", color="0.6", zorder=2, label=say("run-up (its side)"))
    axes.scatter(shot * width, kicks, s=45, color=PALETTE["orange"], edgecolors="black", zorder=3, label=say("shot"))
    axes.scatter(dive * width, kicks, s=90, marker="|", color=AFTER, linewidths=3, zorder=4, label=say("dive"))
    axes.set_xlim(-1.15 * width, 1.15 * width)
    axes.set_ylim(kicks[-1] + 1, -0.5)
    axes.set_yticks(kicks[:: max(1, len(kicks) // 10)])
    axes.set_xlabel(say("place along the goal line (m from the middle)"))
    axes.set_ylabel(say("kick"))
    place, tell, reaction = result.tasks[task]
    title = say(
        "place {place:.1f} m, tell {tell:.2g}, reaction {reaction:.2g}: {saves:.1f} saves expected",
        place=place * width,
        tell=tell,
        reaction=reaction,
        saves=save_chance(shot, dive).sum(),
    )
    legend(axes, title, above=3)
    return axes


def describe(result: AdaptationResult, task: int, stage: int) -> str:
    """Return the alternative text of :func:`plot`."""
    _, shot, dive = _kicks(result, task, stage)
    place, tell, reaction = result.tasks[task]
    return say(
        "{count} penalty kicks of a shooter whose usual place is {place:.1f} m from the middle, with tell {tell:.2g}"
        " and reaction {reaction:.2g}. The shots lie between {low:.1f} m and {high:.1f} m. The dives miss them by"
        " {missed:.1f} m on average, and {saves:.1f} saves are expected.",
        count=len(shot),
        place=place * HALF_GOAL,
        tell=tell,
        reaction=reaction,
        low=shot.min() * HALF_GOAL,
        high=shot.max() * HALF_GOAL,
        missed=np.abs(shot - dive).mean() * HALF_GOAL,
        saves=save_chance(shot, dive).sum(),
    )


def _kicks(result: AdaptationResult, task: int, stage: int) -> tuple[Array, Array, Array]:
    """Return the run-up, the shot and the dive of each kick, [T] each, in half goals."""
    episode = check_finite("recorded episode", result.trajectories[task, stage], "T, 3")
    return episode[:-1, 0], episode[1:, 1], episode[1:, 2]
