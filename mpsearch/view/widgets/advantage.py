"""An explorer of advantage estimates: how the discount and lambda trade bias against variance.

The estimates are of a small random walk, whose true advantages are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.plots import AFTER, BEFORE, PALETTE, TARGET
from mpsearch.view.widgets import walk
from mpsearch.view.widgets.shell import Drawn, Shell, errors_in_words, look, new_figure, seed_control, to_png

LAMBDAS = np.linspace(0, 1, 41)
SLIDERS = {  # name: (value, highest, step)
    "discount": (0.9, 0.99, 0.01),
    "gae_lambda": (0.8, 1.0, 0.05),
    "noise": (0.5, 2.0, 0.1),
    "value_error": (0.5, 1.0, 0.1),
}


@dataclass(frozen=True)
class AdvantageErrors:
    """An advantage estimate, the true advantage, and the errors of the estimate as functions of lambda.

    Attributes:
        estimate: the estimate with the chosen settings.
        sampled: [X] one draw of this estimate, computed from sampled episodes.
        lambdas: [L] the values of lambda at which the errors are given.
        bias, scatter, error: [L] root mean squares over the positions.
    """

    estimate: walk.Estimate
    sampled: Array
    lambdas: Array
    bias: Array
    scatter: Array
    error: Array


def advantage_errors(
    discount: float, gae_lambda: float, noise: float, value_error: float, seed: int = 0
) -> AdvantageErrors:
    """Compute the estimate with these settings, one draw of it, and its errors at every value of lambda.

    The arguments and the errors are those of :func:`mpsearch.view.widgets.walk.estimate`, except that ``value_error``
    is its ``error``. ``seed`` determines the episodes of the draw.
    """
    along = [walk.estimate(discount, float(x), noise, value_error) for x in LAMBDAS]
    return AdvantageErrors(
        walk.estimate(discount, gae_lambda, noise, value_error),
        walk.sampled_difference(discount, gae_lambda, noise, value_error, seed),
        LAMBDAS,
        *(np.array([getattr(x, name) for x in along]) for name in ("bias", "scatter", "error")),
    )


def plot_estimate(errors: AdvantageErrors, axes: Axes) -> Axes:
    """Plot the mean and the standard deviation of the estimate at each position, the true advantage, and one draw."""
    e, x = errors.estimate, walk.HERE
    one = say("one estimate ({count} episodes)", count=walk.EPISODES)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot(x, e.truth, "*-", color=TARGET, markersize=9, linewidth=1, label=say("truth"))
    axes.errorbar(x, e.mean, e.std, fmt="D--", color=AFTER, capsize=4, linewidth=1.4, label=say("estimate: mean ± std"))
    axes.plot(x, errors.sampled, "x", color=PALETTE["vermillion"], label=one)
    axes.set(xlabel=say("position (the reward is at the right end)"), ylabel=say("advantage of right over left"))
    axes.set_ylim(min(-1.0, (e.mean - e.std).min(), errors.sampled.min()) - 0.1, None)
    axes.legend(frameon=False, loc="upper left", fontsize="small")
    return axes


def plot_errors(errors: AdvantageErrors, gae_lambda: float, axes: Axes) -> Axes:
    """Plot the bias, the standard deviation and the total error against lambda; a line marks ``gae_lambda``."""
    rows = (
        (say("bias"), errors.bias, BEFORE, "--"),
        (say("standard deviation"), errors.scatter, AFTER, ":"),
        (say("both: root mean square error"), errors.error, TARGET, "-"),
    )
    for name, values, colour, dash in rows:
        axes.plot(errors.lambdas, values, dash, color=colour, linewidth=2, label=name)
    best = int(errors.error.argmin())
    least, chosen = say("least at {value:.2f}", value=LAMBDAS[best]), say("chosen: {value:.2f}", value=gae_lambda)
    axes.plot(errors.lambdas[best], errors.error[best], "o", color=TARGET, label=least)
    axes.axvline(gae_lambda, color="0.5", linewidth=2.5, zorder=0, label=chosen)
    axes.set(
        xlabel=say("lambda"), ylabel=say("error, over all positions"), ylim=(0, max(1.2, 1.3 * errors.error.max()))
    )
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize="small")
    return axes


def describe_errors(errors: AdvantageErrors, gae_lambda: float) -> str:
    """Return the sentence that gives the bias, the standard deviation and the best value of lambda."""
    e, best = errors.estimate, int(errors.error.argmin())
    return say(
        "With lambda {chosen:.2f} the estimate is off by {bias:.2f} on average (bias) and scatters by"
        " {scatter:.2f} (standard deviation): together {error:.2f}."
        " The least error here is {least:.2f}, at lambda {best:.2f}.",
        chosen=gae_lambda,
        bias=e.bias,
        scatter=e.scatter,
        error=e.error,
        least=errors.error[best],
        best=errors.lambdas[best],
    )


def describe_estimate(errors: AdvantageErrors) -> str:
    """Return the alternative text of :func:`plot_estimate`."""
    numbers = zip(errors.estimate.truth, errors.estimate.mean + 0.0, errors.estimate.std, strict=True)
    rows = [
        say("{x}: truth {truth:.2f}, estimate {mean:.2f} ± {std:.2f}", x=x, truth=truth, mean=mean, std=std)
        for x, (truth, mean, std) in enumerate(numbers)
    ]
    return say("Advantage of a step right over one left, by position: {rows}.", rows=say("; ").join(rows))


class AdvantageExplorer(Shell):
    """An explorer of the bias and the variance of the generalised advantage estimate.

    The estimate is of a random walk whose advantages are known exactly; see :mod:`mpsearch.view.widgets.walk`.

    Controls: ``discount``, ``gae_lambda``, ``noise``, ``value_error``, ``seed``. Result: :class:`AdvantageErrors`.

    Args:
        values: initial values of the controls, such as ``discount=0.95``.
    """

    def __init__(self, **values: float) -> None:
        super().__init__()
        with errors_in_words(self.error):
            if wrong := values.keys() - SLIDERS.keys() - {"seed"}:
                raise UsageError(f"there is no control {min(wrong)!r}; there are {', '.join(SLIDERS)} and seed")
            start: dict[str, Any] = {name: slider[0] for name, slider in SLIDERS.items()} | {"seed": 0} | values
            advantage_errors(**start)  # checks the values: a slider would silently move them into its range
            seed = seed_control(start["seed"], say("Seed of the draw"), say("Another seed gives other episodes"))
            self.use(**{name: _slider(name, start[name]) for name in SLIDERS}, seed=seed)

    def draw(self, *, gae_lambda: float, **values: Any) -> Drawn:
        errors = advantage_errors(gae_lambda=gae_lambda, **values)
        figure, (left, right) = new_figure(2, top=0.8)
        plot_estimate(errors, left)
        plot_errors(errors, gae_lambda, right)
        words = describe_errors(errors, gae_lambda)
        alt = say("{first} {second}", first=words, second=describe_estimate(errors))
        return Drawn(to_png(figure), alt, words, errors)


def _slider(name: str, value: float) -> ipywidgets.FloatSlider:
    _, highest, step = SLIDERS[name]
    return ipywidgets.FloatSlider(
        value, min=0.0, max=max(value, highest), step=step, continuous_update=False, **look(*_words(name))
    )


def _words(name: str) -> tuple[str, str]:
    """Return the label and the tooltip of a slider."""
    return {
        "discount": (say("Discount (gamma)"), say("Weight of a reward one step later; the true one is 0.95")),
        "gae_lambda": (say("Lambda"), say("0 relies on the values, 1 relies on the rewards")),
        "noise": (say("Reward noise"), say("Standard deviation of the noise of each reward")),
        "value_error": (say("Error of the values"), say("0: exact values; 1: the same value everywhere")),
    }[name]
