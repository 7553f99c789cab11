"""How PEARL's belief about a task changes during exploration: the beliefs, their plot and their description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Ellipse
from torch.distributions import Normal

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.pearl import PEARL
from mpsearch.pearl.encoder import kl_from_prior
from mpsearch.pearl.probing import explored_context
from mpsearch.records import Array
from mpsearch.view.plots import AFTER, BEFORE, plot_contraction
from mpsearch.view.widgets.shell import canvas_png, new_figure

EPISODES = 2  # the number of exploration episodes, as in the paper's figures
CHOICES = 24  # how many numbers of transitions the slider offers, about evenly spaced on a logarithmic scale


@dataclass(frozen=True)
class Beliefs:
    """PEARL's beliefs about one task after different numbers of transitions.

    Attributes:
        task: [P] the task.
        seed: the seed of the exploration.
        counts: [N] the numbers of transitions in increasing order; 0 stands for the prior.
        mean, std: [N, Z] mean and standard deviation of q(z | c), with c the first ``counts`` transitions.
        dims: the two dimensions of z in which the final belief differs most from the prior.
    """

    task: Array
    seed: int
    counts: Array
    mean: Array
    std: Array
    dims: tuple[int, int]

    def until(self, count: int) -> Beliefs:
        """Return the beliefs after at most ``count`` transitions."""
        seen = self.counts <= count
        return replace(self, counts=self.counts[seen], mean=self.mean[seen], std=self.std[seen])


@torch.no_grad()
def beliefs_along(agent: PEARL, task: Array, seed: int, counts: Sequence[int]) -> Normal:
    """Return the beliefs about z, [N, Z], after each number of transitions in ``counts`` [N].

    The transitions come from the same exploration as in ``agent.adapt(task[None], seed=seed)``: each episode acts on
    a z that is drawn from the belief after the previous episodes.

    Args:
        agent: a PEARL meta-policy.
        task: [P] the task.
        seed: the seed of the exploration.
        counts: numbers from 0, for the prior, to the length of two episodes.

    Raises:
        UsageError: the agent's family does not contain the task, or a count is out of range.
    """
    context = explored_context(agent, np.asarray(task)[None], seed=seed, episodes=EPISODES)
    longest = EPISODES * agent.tasks.horizon  # where episodes end before it, the last counts say the same
    if len(counts) == 0 or not all(0 <= count <= longest for count in counts):
        raise UsageError(f"counts must be numbers of transitions from 0 to {longest}, not {list(counts)}")
    beliefs = [agent.encoder(context[:, :count]) for count in counts]
    mean, std = (torch.cat(x) for x in ([b.mean for b in beliefs], [b.stddev for b in beliefs]))
    return Normal(mean, std, validate_args=False)


def slider_counts(longest: int) -> list[int]:
    """Return the numbers of transitions that the slider offers, from 0 to ``longest``; small ones lie closer."""
    return [0, *(int(count) for count in np.unique(np.geomspace(1, longest, CHOICES).round()))]


def explore_beliefs(agent: PEARL, task: Array, seed: int) -> Beliefs:
    """Explore for two episodes and return the beliefs after the numbers of transitions of :func:`slider_counts`."""
    counts = slider_counts(EPISODES * agent.tasks.horizon)
    belief = beliefs_along(agent, task, seed, counts)
    first, second = sorted(kl_from_prior(belief)[-1].topk(2).indices.tolist())
    return Beliefs(
        np.asarray(task), seed, np.array(counts), belief.mean.numpy(), belief.stddev.numpy(), (first, second)
    )


class BeliefPicture:
    """A plot of the belief that can be redrawn quickly for another number of transitions.

    The parts that are the same for all numbers are drawn only once, because they take ten times as long as the rest.

    Args:
        beliefs: the beliefs during a whole exploration.
    """

    def __init__(self, beliefs: Beliefs) -> None:
        self.beliefs = beliefs
        figure, (self.plane, self.curves) = new_figure(2, bottom=0.21)
        plot_prior(beliefs, self.plane)
        plot_contraction(beliefs.counts, beliefs.std, self.curves)
        self.canvas = FigureCanvasAgg(figure)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def png(self, count: int) -> bytes:
        """Return the picture of the belief after ``count`` transitions, as a PNG."""
        self.canvas.restore_region(self.background)
        line = self.curves.axvline(count, color=AFTER, linewidth=1.2)
        for artist in (*plot_belief(self.beliefs, count, self.plane), line):
            artist.draw(self.canvas.get_renderer())
            artist.remove()
        return canvas_png(self.canvas)


def plot_prior(beliefs: Beliefs, axes: Axes) -> Axes:
    """Plot the prior as ellipses of one and two standard deviations, on axes with room for every later belief."""
    dims = list(beliefs.dims)
    mean, std = beliefs.mean[:, dims], beliefs.std[:, dims]  # [N, 2]
    for sigmas, width in ((2, 0.9), (1, 1.8)):
        axes.add_patch(Ellipse(mean[0], *(2 * sigmas * std[0]), fill=False, edgecolor=BEFORE, ls="--", lw=width))
    axes.plot(*mean[0], "o--", color=BEFORE, markeredgecolor="white", label=say("prior"))
    axes.plot([], [], "D-", color=AFTER, markeredgecolor="white", label=say("belief"))
    low, high = (mean - 2.15 * std).min(0), (mean + 2.15 * std).max(0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=f"z[{dims[0]}]", ylabel=f"z[{dims[1]}]")
    axes.set_aspect("equal")
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0, fontsize="small")
    return axes


def plot_belief(beliefs: Beliefs, count: int, axes: Axes) -> list[Artist]:
    """Plot the belief after ``count`` transitions and the path of its mean; return the artists that were added.

    The belief is shown as ellipses of one and two standard deviations.
    """
    now, dims = beliefs.until(count), list(beliefs.dims)
    mean, std = now.mean[:, dims], now.std[-1, dims]  # [N, 2], [2]
    added: list[Artist] = [*axes.plot(*mean.T, color="0.45", linewidth=1, marker=".", markersize=4)]
    for sigmas, width, shade in ((2, 0.9, 0.08), (1, 1.8, 0.18)):
        size = 2 * sigmas * std
        added.append(axes.add_patch(Ellipse(mean[-1], *size, facecolor=AFTER, edgecolor="none", alpha=shade)))
        added.append(axes.add_patch(Ellipse(mean[-1], *size, fill=False, edgecolor=AFTER, linewidth=width)))
    return [*added, *axes.plot(*mean[-1], "D", color=AFTER, markeredgecolor="white")]


def describe_belief(beliefs: Beliefs, count: int) -> str:
    """Return the sentence that gives the belief after ``count`` transitions and its uncertainty."""
    now, dims = beliefs.until(count), list(beliefs.dims)
    where = say(" and ").join(
        f"z[{dim}] = {m + 0.0:.2f} ± {s:.2g}"
        for dim, m, s in zip(dims, now.mean[-1, dims], now.std[-1, dims], strict=True)
    )
    share = 100 * float(now.std[-1, dims].prod() / now.std[0, dims].prod())
    if count == 0:
        return say("Before any transition the belief is the prior: {where}.", where=where)
    return say(
        "After {transitions} of its own exploration the belief is {where};"
        " its ellipse has {share:.2g} % of the prior's area.",
        transitions=say("1 transition") if count == 1 else say("{count:,} transitions", count=count),
        where=where,
        share=share,
    )
