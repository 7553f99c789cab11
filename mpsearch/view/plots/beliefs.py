"""Plots of PEARL's belief q(z | c) about the task: how it narrows, and where the tasks lie in the latent space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.view.plots.style import (
    AFTER,
    BEFORE,
    COLOUR_MAP,
    DASHES,
    MARKERS,
    PALETTE,
    SQUARE,
    check_finite,
    count_axis,
    legend,
    line_style,
    new_axes,
    number,
    round_numbers,
)

Dims = tuple[int, int]
BETWEEN = [PALETTE[name] for name in ("green", "purple", "sky", "black", "vermillion")]


def informative_dims(means: Array) -> Dims:
    """Return the two dimensions of z in which the means [..., Z] of the beliefs vary most, the smaller index first.

    Raises:
        UsageError: there are fewer than two dimensions, there are no means, or a mean is not finite.
    """
    array = check_finite("means of the beliefs", means)
    if array.ndim < 2 or array.shape[-1] < 2:
        raise UsageError(f"the means must have shape [..., Z] with Z of at least 2, not {list(array.shape)}")
    spread = array.reshape(-1, array.shape[-1]).std(0)  # [Z]
    first, second = sorted(np.argsort(-spread, kind="stable")[:2].tolist())
    return first, second


def plot_posterior(result: AdaptationResult, task: int, dims: Dims | None = None, axes: Axes | None = None) -> Axes:
    """Plot the belief about z at each stage of adapting to one task.

    A marker shows the mean of each belief. Two ellipses show one and two standard deviations. Grey dots show the
    means of the final beliefs about the other tasks.

    Args:
        result: a result of PEARL.
        task: the index k of the task.
        dims: the two dimensions of z to show; by default those in which the tasks differ most.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the result has no beliefs, or the task or one of the dimensions does not exist.
    """
    mean, std, chosen = _belief(result, task, dims)
    axes = new_axes(axes, SQUARE)
    others = np.delete(result.beliefs[0][:, -1], task, axis=0)[:, chosen]  # type: ignore[index]
    axes.plot(*others.T, ".", color="0.65", label=say("other tasks, at the end") if len(others) else None)
    axes.plot(*mean.T, color="0.45", linewidth=1.0, zorder=1)
    for stage, name in enumerate(_stage_names(result)):
        last = stage == len(mean) - 1
        colour = BEFORE if stage == 0 else AFTER if last else BETWEEN[(stage - 1) % len(BETWEEN)]
        dash = "--" if stage == 0 else "-" if last else DASHES[stage % 2 + 2]
        for sigmas, width in ((1, 1.8), (2, 0.9)):
            size = 2 * sigmas * std[stage]
            axes.add_patch(Ellipse(mean[stage], *size, edgecolor=colour, facecolor="none", linestyle=dash, lw=width))
        axes.plot(*mean[stage], MARKERS[stage % len(MARKERS)], color=colour, label=name, linestyle=dash)
    axes.set_aspect("equal", adjustable="datalim")
    axes.autoscale_view()
    _label(axes, chosen)
    legend(axes, above=2)
    return axes


def plot_contraction(counts: Array, std: Array, axes: Axes | None = None) -> Axes:
    """Plot the posterior's standard deviation in each dimension of z against the number of transitions seen.

    The dashed guide is 1/sqrt(1 + n). It is the standard deviation after n transitions if each transition has the
    same precision as the prior. Where transitions are more informative than that, the curve lies below the guide.

    Args:
        counts: [N] numbers of transitions in increasing order; 0 stands for the prior.
        std: [N, Z] standard deviations.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the arrays are empty, not finite or of different lengths, the counts do not increase, or a
            standard deviation is not above 0.
    """
    counts, std = _check_contraction(counts, std)
    axes = new_axes(axes)
    for i, column in enumerate(std.T):
        axes.plot(counts, column, label=f"z[{i}]", **line_style(i) | {"markersize": 4})
    n = np.concatenate([counts[:1], np.geomspace(max(counts[0], 0.1), max(counts[-1], 0.1), 100)])
    axes.plot(
        n,
        1 / np.sqrt(1 + n),
        color="0.4",
        linestyle=(0, (6, 3)),
        label=say("guide: {formula}", formula=r"$1/\sqrt{1 + n}$"),
    )
    count_axis(axes, counts, say("transitions seen of the task"))
    axes.set_yscale("log")
    axes.set_ylim(0.8 * std.min(), 1.25 * std.max())
    ticks = round_numbers(0.8 * std.min(), 1.25 * std.max())
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_ylabel(say("standard deviation of z"))
    legend(axes)
    return axes


def plot_latent_space(
    means: Array,
    tasks: Array,
    parameter: str | None = None,
    dims: Dims | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Plot where K tasks lie in the latent space, coloured by a parameter of the task.

    The tasks with the smallest and the largest parameter are labelled.

    Args:
        means: [K, Z] means of the beliefs.
        tasks: [K] one parameter of each task, such as the target velocity.
        parameter: the name of that parameter, with its unit; by default "task parameter".
        dims: the two dimensions of z to show; by default those in which the tasks differ most.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the arrays are empty, not finite or of different lengths, or one of the dimensions does not exist.
    """
    means, tasks, chosen = _check_latent(means, tasks, dims)
    axes = new_axes(axes)
    x, y = means[:, chosen].T
    points = axes.scatter(x, y, c=tasks, cmap=COLOUR_MAP, s=45, edgecolors="0.3", linewidths=0.5)
    axes.figure.colorbar(points, ax=axes, label=parameter or say("task parameter"))
    for k in {int(tasks.argmin()), int(tasks.argmax())}:
        axes.annotate(f"{tasks[k]:.3g}", (x[k], y[k]), (6, 6), textcoords="offset points", fontsize="small")
    axes.margins(0.1)
    _label(axes, chosen)
    return axes


def describe_posterior(result: AdaptationResult, task: int, dims: Dims | None = None) -> str:
    """Return the alternative text of :func:`plot_posterior`."""
    mean, std, chosen = _belief(result, task, dims)
    rows = [
        say("{name}: mean {mean}, standard deviation {std}", name=name, mean=_pair(m), std=_pair(s))
        for name, m, s in zip(_stage_names(result), mean, std, strict=True)
    ]
    share = std[-1].prod() / std[0].prod()
    return say(
        "Belief about z[{first}] and z[{second}] while adapting to task {task}, as ellipses of one and two sigma."
        " {rows}. The last ellipse has {share:.2g} % of the first one's area.",
        first=chosen[0],
        second=chosen[1],
        task=say(", ").join(f"{value:.3g}" for value in result.tasks[task]),
        rows=say("; ").join(rows),
        share=100 * share,
    )


def describe_contraction(counts: Array, std: Array) -> str:
    """Return the alternative text of :func:`plot_contraction`."""
    counts, std = _check_contraction(counts, std)
    rows = [
        say("z[{dim}]: {first} to {last}", dim=i, first=number(column[0]), last=number(column[-1]))
        for i, column in enumerate(std.T)
    ]
    return say(
        "Standard deviation of the belief about z, from {fewest:,.0f} to {most:,.0f} transitions."
        " {rows}. The guide 1/sqrt(1 + n) goes from {high} to {low}.",
        fewest=counts[0],
        most=counts[-1],
        rows=say("; ").join(rows),
        high=number((1 + counts[0]) ** -0.5),
        low=number((1 + counts[-1]) ** -0.5),
    )


def describe_latent_space(means: Array, tasks: Array, parameter: str | None = None, dims: Dims | None = None) -> str:
    """Return the alternative text of :func:`plot_latent_space`, which says how well each dimension orders the tasks."""
    means, tasks, chosen = _check_latent(means, tasks, dims)
    words = say(
        "Means of the beliefs about {count} tasks in z[{first}] and z[{second}], coloured by {parameter}"
        " from {low:.3g} to {high:.3g}.",
        count=len(tasks),
        first=chosen[0],
        second=chosen[1],
        parameter=parameter or say("task parameter"),
        low=tasks.min(),
        high=tasks.max(),
    )
    for dim in chosen:
        alike = np.subtract.outer(tasks, tasks) * np.subtract.outer(means[:, dim], means[:, dim])  # [K, K]
        if (alike != 0).any():
            share = (alike > 0).sum() / (alike != 0).sum()  # both sums count each pair twice
            way, percent = (say("larger"), 100 * share) if share >= 0.5 else (say("smaller"), 100 * (1 - share))
            words += say(
                " In {percent:.0f} % of the pairs, the task with the larger number has the {way} z[{dim}].",
                percent=percent,
                way=way,
                dim=dim,
            )
    return words


def _belief(result: AdaptationResult, task: int, dims: Dims | None) -> tuple[Array, Array, list[int]]:
    """Return the mean and the standard deviation [S, 2] of each stage's belief about ``task``, and the dimensions."""
    if result.beliefs is None:
        raise UsageError("this result has no beliefs to plot; adapt with a PEARL meta-policy, as only PEARL infers z")
    mean, std = check_finite("beliefs", result.beliefs, "2, K, S, Z")
    if not 0 <= task < len(mean):
        raise UsageError(f"task must be a number from 0 to {len(mean) - 1}, not {task}")
    # The final beliefs choose the dimensions, as in the plot of the latent space.
    chosen = _check_dims(mean[:, -1] if len(mean) > 1 else mean, dims)
    if (std <= 0).any():
        raise UsageError("cannot plot: the standard deviations of the beliefs must be above 0")
    return mean[task][:, chosen], std[task][:, chosen], chosen


def _check_dims(means: Array, dims: Sequence[int] | None) -> list[int]:
    found = list(informative_dims(means))
    if dims is None:
        return found
    count = means.shape[-1]
    if len(dims) != 2 or dims[0] == dims[1] or not all(0 <= dim < count for dim in dims):
        raise UsageError(f"dims must be two different numbers from 0 to {count - 1}, not {tuple(dims)}")
    return list(dims)


def _check_contraction(counts: Array, std: Array) -> tuple[Array, Array]:
    counts, std = check_finite("counts", counts, "N"), check_finite("standard deviations", std, "N, Z")
    if len(counts) != len(std):
        raise UsageError(f"give one row of standard deviations for each count ({len(counts)} counts, {len(std)} rows)")
    if (np.diff(counts) <= 0).any() or counts[0] < 0:
        raise UsageError("the counts of transitions must grow from each to the next, and the first must be 0 or more")
    if (std <= 0).any():
        raise UsageError("cannot plot: the standard deviations must be above 0")
    return counts, std


def _check_latent(means: Array, tasks: Array, dims: Dims | None) -> tuple[Array, Array, list[int]]:
    means = check_finite("means of the beliefs", means, "K, Z")
    tasks = check_finite("tasks", tasks, "K")
    if len(means) != len(tasks):
        raise UsageError(f"give one number for each task ({len(means)} means, {len(tasks)} tasks)")
    return means, tasks, _check_dims(means, dims)


def _stage_names(result: AdaptationResult) -> Sequence[str]:
    assert result.beliefs is not None
    return result.stage_names or [say("stage {number}", number=s) for s in range(result.beliefs.shape[2])]


def _pair(numbers: Array) -> str:
    return f"({number(numbers[0])}, {number(numbers[1])})"


def _label(axes: Axes, dims: Sequence[int]) -> None:
    axes.set_xlabel(f"z[{dims[0]}]")
    axes.set_ylabel(f"z[{dims[1]}]")
