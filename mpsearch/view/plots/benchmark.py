"""Plots of what `mpsearch bench` measured: collection, memory, meta-iterations, gradient steps and imports."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mpsearch.errors import UsageError
from mpsearch.view.plots.style import AFTER, BEFORE, TARGET, check_finite, legend, line_style, new_axes, round_numbers

Result = Mapping[str, Any]
STEPPERS = {  # the legend's label of each curve, in the legend's order
    "closed_loop": "mpsearch",
    "raw": "raw mujoco.batch",
    "policies": "the policies alone",
    "single": "Gymnasium, one environment",
    "SyncVectorEnv": "Gymnasium SyncVectorEnv",
    "AsyncVectorEnv": "Gymnasium AsyncVectorEnv",
}
AXIS_NAMES = {"tasks": "tasks", "episodes": "episodes", "inner_steps": "inner steps"}
IMPORTS = {"mpsearch_over_torch": "import mpsearch", "everything_over_torch": "MAML, PEARL and load"}


def plot_collection(result: Result, axes: Axes | None = None) -> Axes:
    """Plot the time of a control step against the number of simulations, one line for each way to simulate.

    Args:
        result: the result of ``mpsearch bench``.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the result does not have this measurement, or one of its numbers is not finite.
    """
    curves = part(result, "collection")["curves"]
    axes = new_axes(axes)
    counts = set()
    for i, (name, label) in enumerate(STEPPERS.items()):
        # Gymnasium's curves are missing if its physics is not installed; older records lack the policies' curve.
        if name in curves:
            x, y = columns(curves[name], "simulations", "microseconds")
            axes.plot(x, y, label=label, **line_style(i))
            counts.update(x.tolist())
    _log_axis(axes, sorted(counts))
    axes.set_yscale("log")
    ticks = round_numbers(*axes.get_ylim())
    axes.set_yticks(ticks, [f"{tick:,g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("simulations (logarithmic)")
    axes.set_ylabel("µs a control step (logarithmic)")
    axes.set_title(_change(result))
    legend(axes)
    return axes


def plot_memory(result: Result, axes: Axes | None = None) -> Axes:
    """Plot the peak memory of a new process against its number of simulations, with a straight-line fit.

    The arguments and the errors are those of :func:`plot_collection`.
    """
    memory, axes = part(result, "memory", None), new_axes(axes)
    if memory is None:
        axes.text(0.5, 0.5, "this system does not say\nhow much memory a process has", ha="center", va="center")
        axes.set_axis_off()
        return axes
    x, y = (check_finite("memory", memory[key], "N") for key in ("simulations", "peak_mb"))
    line = memory["base_mb"] + memory["kb_per_simulation"] / 1e3 * x
    axes.plot(x, line, "--", color=BEFORE, label=f"{memory['kb_per_simulation']:.0f} kB a simulation")
    axes.plot(x, y, "o", color=AFTER, label="measured")
    axes.set_ylim(0, 1.15 * max(y.max(), line.max()))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("simulations")
    axes.set_ylabel("peak memory of the process (MB)")
    axes.set_title(f"Memory grows {'linearly' if memory['linear'] else 'not linearly'}")
    legend(axes)
    return axes


def plot_meta_iteration(result: Result, axes: Axes | None = None) -> Axes:
    """Plot how the time of MAML's meta-iteration grows with tasks, episodes and inner steps.

    Both the time and the number on the horizontal axis are relative to a base configuration. The arguments and the
    errors are those of :func:`plot_collection`.
    """
    found, axes = part(result, "meta_iteration"), new_axes(axes)
    base, ends = found["base"], [1.0]
    for i, (name, label) in enumerate(AXIS_NAMES.items()):
        sizes, costs = columns(found[name], "size", "cost")
        axes.plot(sizes / base[name], costs, label=label, **line_style(i))
        ends += (sizes / base[name]).tolist()
    axes.plot([min(ends), max(ends)], [min(ends), max(ends)], ":", color=TARGET, label="in proportion")
    axes.set_xlabel("times as many as at the base")
    axes.set_ylabel("time of a meta-iteration / that at the base")
    axes.set_title("MAML's base: " + ", ".join(_count(base[name], label) for name, label in AXIS_NAMES.items()))
    legend(axes)
    return axes


def plot_gradient_step(result: Result, axes: Axes | None = None) -> Axes:
    """Plot the time of PEARL's gradient step, for each width and meta-batch.

    The time is relative to that of the matrix products which the step contains. The arguments and the errors are
    those of :func:`plot_collection`.
    """
    found, axes = part(result, "gradient_step"), new_axes(axes)
    start, places, labels = 0, [], []
    for name, words, colour, hatch in (("width", "wide", AFTER, ""), ("meta_batch", "tasks", BEFORE, "//")):
        sizes, over = columns(found[name], "size", "over_products")
        x = start + np.arange(len(sizes))
        bars = axes.bar(x, over, color=colour, hatch=hatch, edgecolor="white", label=name.replace("_", "-"))
        axes.bar_label(bars, fmt="{:.2f}", fontsize="small")
        places += x.tolist()
        labels += [f"{size:g}\n{words}" for size in sizes]
        start += len(sizes) + 1
    axes.axhline(1, color=TARGET, linestyle=":")
    axes.set_xticks(places, labels, fontsize="small")
    axes.margins(y=0.3)
    axes.set_ylabel("time of a gradient step / its matrix products")
    axes.set_title(f"PEARL's base: {found['base']['width']} wide, {found['base']['meta_batch']} tasks")
    legend(axes)
    return axes


def plot_imports(result: Result, axes: Axes | None = None) -> Axes:
    """Plot how long imports take in a new process, relative to the import of torch.

    The arguments and the errors are those of :func:`plot_collection`.
    """
    found, axes = part(result, "import_time"), new_axes(axes)
    over = check_finite("import times", [found[name] for name in IMPORTS], "N")
    bars = axes.barh(list(IMPORTS.values()), over, color=[AFTER, BEFORE], height=0.5)
    axes.bar_label(bars, fmt="{:.2f}", padding=3)
    axes.axvline(1, color=TARGET, linestyle=":")
    axes.set_xlim(0, 1.25 * max(1.0, over.max()))
    axes.tick_params(axis="y", labelrotation=90, length=0)
    axes.set_yticks(range(len(over)), list(IMPORTS.values()), va="center")
    axes.set_xlabel("time of the import / that of torch")
    axes.set_title(f"Imports; torch takes {found['torch_seconds']:.1f} s")
    return axes


PANELS: dict[str, Callable[[Result, Axes], Axes]] = {
    "collection": plot_collection,
    "memory": plot_memory,
    "meta-iteration": plot_meta_iteration,
    "gradient step": plot_gradient_step,
    "imports": plot_imports,
}


def plot_benchmark(result: Result) -> Figure:
    """Draw a whole benchmark as one figure of five panels. No window opens.

    Raises:
        UsageError: the result does not have all measurements, or one of its numbers is not finite.
    """
    figure = Figure(figsize=(14, 8.5), layout="constrained")
    mosaic = [["collection", "collection", "memory"], ["meta-iteration", "gradient step", "imports"]]
    for name, axes in dict[str, Axes](figure.subplot_mosaic(mosaic)).items():
        axes.spines[["top", "right"]].set_visible(False)
        PANELS[name](result, axes)
    return figure


def benchmark_picture(result: Result) -> bytes:
    """Return the figure of :func:`plot_benchmark` as a PNG file, with its alternative text in the PNG's metadata."""
    file = io.BytesIO()
    plot_benchmark(result).savefig(file, format="png", dpi=110, metadata={"Description": describe_benchmark(result)})
    return file.getvalue()


def describe_benchmark(result: Result) -> str:
    """Return the alternative text of :func:`plot_benchmark`."""
    found, base = part(result, "collection"), part(result, "meta_iteration")["base"]
    curves = [
        f"{label}: {_points(found['curves'][name], 'simulations', 'microseconds', 'at')}"
        for name, label in STEPPERS.items()
        if name in found["curves"]
    ]
    missing = [f" Not measured: {STEPPERS[name]} ({reason})." for name, reason in found["missing"].items()]
    grown = [f"{label} {_points(result['meta_iteration'][n], 'size', 'cost', 'at')}" for n, label in AXIS_NAMES.items()]
    step = part(result, "gradient_step")
    pearl = [
        f"{axis.replace('_', '-')} {_points(step[axis], 'size', 'over_products', 'at')}"
        for axis in step
        if axis != "base"
    ]
    imports = [f"{label} {part(result, 'import_time')[name]:.2f}" for name, label in IMPORTS.items()]
    return (
        f"{_change(result)}. Microseconds a control step, by simulations. {'; '.join(curves)}.{''.join(missing)}"
        f" {_memory_words(part(result, 'memory', None))}"
        f" Time of a meta-iteration relative to {', '.join(_count(base[n], label) for n, label in AXIS_NAMES.items())}:"
        f" {'; '.join(grown)}. Time of PEARL's gradient step over its matrix products: {'; '.join(pearl)}."
        f" Time of imports over that of torch: {', '.join(imports)}."
    )


def part(result: Result, name: str, *default: Any) -> Any:
    """Return the part ``name`` of a benchmark's result.

    Args:
        default: give ``None`` here if the part itself may be ``None``, because it cannot be measured everywhere.

    Raises:
        UsageError: the result has no such part.
    """
    found = result.get(name)
    if name not in result or (found is None and not default):
        raise UsageError(f"this benchmark has no {name!r}; make a new one with: mpsearch bench --json")
    return found


def columns(points: Any, *keys: str) -> Any:
    """Return one array [N] for each of ``keys``, with that entry of each of the N ``points``."""
    return check_finite("benchmark", [[point[key] for point in points] for key in keys], "K, N")


def _log_axis(axes: Axes, counts: list[float]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,.0f}" for count in counts])
    axes.set_xticks([], minor=True)


def _change(result: Result) -> str:
    change = part(result, "cost_change")
    return (
        f"Cost of a control step from {change['from']:,} to {change['to']:,} simulations:"
        f" {100 * change['closed_loop']:+.1f} % (raw physics {100 * change['raw']:+.1f} %)"
    )


def _points(points: Any, x: str, y: str, between: str) -> str:
    return ", ".join(f"{b:.3g} {between} {a:,.0f}" for a, b in columns(points, x, y).T)


def _count(number: int, words: str) -> str:
    return f"{number} {words[:-1] if number == 1 else words}"


def _memory_words(memory: Mapping[str, Any] | None) -> str:
    if memory is None:
        return "The system does not say how much memory a process has."
    shape = "grows linearly" if memory["linear"] else "does not grow linearly"
    points = ", ".join(
        f"{mb:.0f} MB with {count:,}" for count, mb in zip(memory["simulations"], memory["peak_mb"], strict=True)
    )
    return f"Memory {shape} with the simulations, by {memory['kb_per_simulation']:.0f} kB each: {points}."
