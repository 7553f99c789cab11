"""How PEARL's belief about the task sharpens with each transition of its own exploration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Ellipse
from torch import Tensor
from torch.distributions import Normal

from mpsearch.errors import UsageError, check_count
from mpsearch.pearl import PEARL
from mpsearch.pearl.encoder import kl_from_prior
from mpsearch.pearl.exploration import Explorer
from mpsearch.records import Array, Episodes
from mpsearch.seeding import Streams
from mpsearch.view.plots import AFTER, BEFORE, plot_contraction
from mpsearch.view.widgets.shell import canvas_png, new_figure

EPISODES = 2  # of exploration, as in the paper's figures
CHOICES = 24  # numbers of transitions on the slider, about evenly spread on a logarithmic scale


@dataclass(frozen=True)
class Beliefs:
    """What PEARL believed of one task after each of N numbers of transitions.

    Attributes:
        task: [P].
        seed: of the exploration.
        counts: [N] numbers of transitions, growing; 0 is the prior.
        mean, std: [N, Z] of q(z | the first so many transitions).
        dims: the two dimensions of z that the last belief of the exploration says most about.
    """

    task: Array
    seed: int
    counts: Array
    mean: Array
    std: Array
    dims: tuple[int, int]

    def until(self, count: int) -> Beliefs:
        """The beliefs up to ``count`` transitions."""
        seen = self.counts <= count
        return replace(self, counts=self.counts[seen], mean=self.mean[seen], std=self.std[seen])


@torch.no_grad()
def beliefs_along(agent: PEARL, task: Array, seed: int, counts: Sequence[int]) -> Normal:
    """The belief about z, [N, Z], after each of ``counts`` [N] transitions of the agent's own exploration.

    The exploration is that of ``agent.adapt(task[None], seed=seed)``: episode after episode, each acting on a guess
    drawn from what was believed by then.

    Args:
        task: [P].
        counts: from 0 (the prior) to two episodes.

    Raises:
        UsageError: the task is not one of the agent's, or a count is out of range.
    """
    context = _explored(agent, agent.tasks.check(np.asarray(task)[None]), check_count("seed", seed, 0))
    longest = context.shape[1]
    if len(counts) == 0 or not all(0 <= count <= longest for count in counts):
        raise UsageError(f"counts must be numbers of transitions from 0 to {longest}, not {list(counts)}")
    beliefs = [agent.encoder(context[:, :count]) for count in counts]
    mean, std = (torch.cat(x) for x in ([b.mean for b in beliefs], [b.stddev for b in beliefs]))
    return Normal(mean, std, validate_args=False)


def slider_counts(longest: int) -> list[int]:
    """Numbers of transitions from 0 to ``longest``, closer where fewer were seen."""
    return [0, *(int(count) for count in np.unique(np.geomspace(1, longest, CHOICES).round()))]


def explore_beliefs(agent: PEARL, task: Array, seed: int) -> Beliefs:
    """The beliefs along two episodes of exploration, at the counts of :func:`slider_counts`."""
    counts = slider_counts(EPISODES * agent.tasks.horizon)
    belief = beliefs_along(agent, task, seed, counts)
    first, second = sorted(kl_from_prior(belief)[-1].topk(2).indices.tolist())
    return Beliefs(
        np.asarray(task), seed, np.array(counts), belief.mean.numpy(), belief.stddev.numpy(), (first, second)
    )


class BeliefPicture:
    """The belief after any number of transitions, on one background.

    What all counts have in common is drawn once, which takes ten times as long as the rest.

    Args:
        beliefs: of a whole exploration.
    """

    def __init__(self, beliefs: Beliefs) -> None:
        self.beliefs = beliefs
        figure, (self.plane, self.curves) = new_figure(2, right=0.83, bottom=0.21, wspace=0.3)
        plot_prior(beliefs, self.plane)
        plot_contraction(beliefs.counts, beliefs.std, self.curves)
        self.canvas = FigureCanvasAgg(figure)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def png(self, count: int) -> bytes:
        """The picture after ``count`` transitions."""
        self.canvas.restore_region(self.background)
        line = self.curves.axvline(count, color=AFTER, linewidth=1.2)
        for artist in (*plot_belief(self.beliefs, count, self.plane), line):
            artist.draw(self.canvas.get_renderer())
            artist.remove()
        return canvas_png(self.canvas)


def plot_prior(beliefs: Beliefs, axes: Axes) -> Axes:
    """The prior as ellipses of 1 and 2 sigma, on axes that hold every belief of the exploration."""
    dims = list(beliefs.dims)
    mean, std = beliefs.mean[:, dims], beliefs.std[:, dims]  # [N, 2]
    for sigmas, width in ((2, 0.9), (1, 1.8)):
        axes.add_patch(Ellipse(mean[0], *(2 * sigmas * std[0]), fill=False, edgecolor=BEFORE, ls="--", lw=width))
    axes.plot(*mean[0], "o--", color=BEFORE, markeredgecolor="white", label="prior")
    axes.plot([], [], "D-", color=AFTER, markeredgecolor="white", label="belief")
    low, high = (mean - 2.15 * std).min(0), (mean + 2.15 * std).max(0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=f"z[{dims[0]}]", ylabel=f"z[{dims[1]}]")
    axes.set_aspect("equal")
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0, fontsize="small")
    return axes


def plot_belief(beliefs: Beliefs, count: int, axes: Axes) -> list[Artist]:
    """The belief after ``count`` transitions as ellipses of 1 and 2 sigma, and the way of its mean; what was added."""
    now, dims = beliefs.until(count), list(beliefs.dims)
    mean, std = now.mean[:, dims], now.std[-1, dims]  # [N, 2], [2]
    added: list[Artist] = [*axes.plot(*mean.T, color="0.45", linewidth=1, marker=".", markersize=4)]
    for sigmas, width, shade in ((2, 0.9, 0.08), (1, 1.8, 0.18)):
        size = 2 * sigmas * std
        added.append(axes.add_patch(Ellipse(mean[-1], *size, facecolor=AFTER, edgecolor="none", alpha=shade)))
        added.append(axes.add_patch(Ellipse(mean[-1], *size, fill=False, edgecolor=AFTER, linewidth=width)))
    return [*added, *axes.plot(*mean[-1], "D", color=AFTER, markeredgecolor="white")]


def describe_belief(beliefs: Beliefs, count: int) -> str:
    """The sentence: what is believed after ``count`` transitions, and how sure that is."""
    now, dims = beliefs.until(count), list(beliefs.dims)
    where = " and ".join(
        f"z[{dim}] = {m + 0.0:.2f} ± {s:.2g}"
        for dim, m, s in zip(dims, now.mean[-1, dims], now.std[-1, dims], strict=True)
    )
    share = 100 * float(now.std[-1, dims].prod() / now.std[0, dims].prod())
    if count == 0:
        return f"Before any transition the belief is the prior: {where}."
    return (
        f"After {_transitions(count)} of its own exploration the belief is {where};"
        f" its ellipse has {share:.2g} % of the prior's area."
    )


@torch.no_grad()
def _explored(agent: PEARL, tasks: Array, seed: int) -> Tensor:
    """[1, N, C] rows (s, a, r, s') of the first episodes of an adaptation to ``tasks`` [1, P]."""
    explorer = Explorer(agent.encoder, agent.actor, agent.tasks, True, agent.config.resample_every)
    # A stage more than is used, so that none of these is the last one, which acts on the mean of its belief.
    stages = islice(explorer.explore(tasks, 1, EPISODES + 1, Streams(seed)), EPISODES)
    return torch.cat([_transition_rows(stage.episodes) for stage in stages], dim=1)


def _transition_rows(episodes: Episodes) -> Tensor:
    x = episodes.observations[:, 0]  # [K, T + 1, O] of the one episode
    parts = (x[:, :-1], episodes.actions[:, 0], episodes.rewards[:, 0, :, None], x[:, 1:])
    return torch.from_numpy(np.concatenate(parts, axis=-1))


def _transitions(count: int) -> str:
    return "1 transition" if count == 1 else f"{count:,} transitions"
