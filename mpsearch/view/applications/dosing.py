"""The picture of a day of dosing: the doses as bars, and the level and the effect over time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.tasks.applications.dosing import LARGEST_DOSE, TARGET, TOXIC, overdose
from mpsearch.view.plots.style import AFTER, PALETTE, check_finite, legend, new_axes, number
from mpsearch.view.plots.style import TARGET as TARGET_COLOUR


def plot(result: AdaptationResult, task: int, stage: int, axes: Axes | None = None) -> Axes:
    """Plot the doses (right axis), the level and the effect (left axis) of the recorded day of one patient.

    Args:
        result: an adaptation to patients of :class:`~mpsearch.tasks.Dosing`.
        task: the index of the patient.
        stage: the index of the stage.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the recorded day is not finite.
    """
    dose, level, effect = _day(result, task, stage)
    hours = np.arange(len(dose))
    axes = new_axes(axes)
    doses = axes.twinx()
    doses.bar(hours[:-1], dose[1:], width=1.0, align="edge", color="0.82", edgecolor="white", linewidth=0.5)
    doses.set_ylabel(say("dose (mg/kg in an hour, bars)"))
    doses.set_ylim(0, 2.5 * LARGEST_DOSE)  # the bars stay in the lower part
    axes.set_zorder(doses.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.axhspan(TOXIC, max(1.15 * TOXIC, 1.1 * effect.max()), color=PALETTE["vermillion"], alpha=0.12, linewidth=0)
    axes.axhline(TOXIC, color=PALETTE["vermillion"], linewidth=1, label=say("toxic effect"))
    axes.axhline(TARGET, color=TARGET_COLOUR, linestyle=":", label=say("target effect"))
    axes.plot(hours, effect, color=AFTER, linewidth=2, marker="o", markersize=4, label=say("effect"))
    axes.plot(hours, level, color=PALETTE["orange"], linewidth=1.5, linestyle="--", label=say("level"))
    axes.set_ylim(0, max(1.15 * TOXIC, 1.1 * effect.max(), 1.1 * level.max()))
    axes.set_xlim(0, hours[-1])
    axes.set_xlabel(say("time (h)"))
    axes.set_ylabel(say("level and effect (mg/L)"))
    title = say(
        "sensitivity {sensitivity:.2g}, clearance {clearance:.2g}, return {value}",
        sensitivity=result.tasks[task, 0],
        clearance=result.tasks[task, 1],
        value=number(result.rewards[task, stage].sum()),
    )
    legend(axes, title, above=4)
    return axes


def describe(result: AdaptationResult, task: int, stage: int) -> str:
    """Return the alternative text of :func:`plot`."""
    day = _day(result, task, stage)
    dose, _, effect = day
    return say(
        "A patient with sensitivity {sensitivity:.2g} and clearance {clearance:.2g} gets {dose:.1f} mg/kg in"
        " {hours} hours, {largest:.1f} at most in an hour. The effect ends at {end:.1f} mg/L, its highest is"
        " {highest:.1f}; the target is {target:.0f}. It is above the toxic {toxic:.0f} mg/L in {share:.0%} of the"
        " hours.",
        sensitivity=result.tasks[task, 0],
        clearance=result.tasks[task, 1],
        dose=dose.sum(),
        hours=len(dose) - 1,
        largest=dose[1:].max(),
        end=effect[-1],
        highest=effect.max(),
        target=TARGET,
        toxic=TOXIC,
        share=overdose(day.T),
    )


def _day(result: AdaptationResult, task: int, stage: int) -> Array:
    """Return dose, level and effect [3, T + 1]."""
    return check_finite("recorded day", result.trajectories[task, stage], "T, 3").T
