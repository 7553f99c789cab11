"""Runs the whole benchmark and presents its numbers as a table, as JSON and as a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mpsearch.errors import UsageError
from mpsearch.evidence.bench.collecting import collection_summary, gymnasium_tasks_over_sync, measure_collection
from mpsearch.evidence.bench.learning import (
    gradient_summary,
    iteration_summary,
    measure_gradient_steps,
    measure_iterations,
    measure_training,
)
from mpsearch.evidence.bench.processes import (
    import_summary,
    measure_imports,
    measure_memory,
    memory_summary,
    peak_memory_mb,
)
from mpsearch.evidence.bench.sizes import FULL, QUICK, Sizes
from mpsearch.evidence.bench.timing import ratio
from mpsearch.records import Array
from mpsearch.tasks.physics import quiet_mujoco
from mpsearch.training.storage import write_atomically

VECTOR = ("SyncVectorEnv", "AsyncVectorEnv")


def benchmark(*, quick: bool = False, sizes: Sizes | None = None, progress: bool = False) -> dict[str, Any]:
    """Measure collection, learning, imports and memory.

    Args:
        quick: use the small sizes, which take one minute at most.
        sizes: other sizes, instead of those that ``quick`` chooses.
        progress: show a progress bar for each measurement.

    Returns:
        ``closed_loop_over_raw``: the speed of collection with 40 policies relative to that of raw physics, both in
        control steps per second.
        ``speedup_over_gymnasium``: the speed of collection relative to the faster of gymnasium's vector environments;
        ``None`` without ``gymnasium[mujoco]``.
        ``gymnasium_tasks_over_sync``: the time of a step of gymnasium's environments in :class:`GymnasiumTasks`
        relative to that in gymnasium's SyncVectorEnv; ``None`` without ``gymnasium[mujoco]``.
        ``maml_iteration_over_physics``: the time of a meta-iteration relative to that of its physics steps.
        ``pearl_step_over_products``: the time of PEARL's gradient step (4 tasks x 256 transitions) relative to that
        of its matrix products, both on one thread of torch.
        ``peak_memory_mb``: the peak memory of this process up to and including the meta-iteration.
        ``steps_per_second``, ``pearl_steps_per_second`` and ``sizes``: the numbers behind these ratios.
        ``cost_change`` and ``collection``: see :func:`mpsearch.evidence.bench.collecting.collection_summary`.
        ``meta_iteration``: the cost of a meta-iteration by tasks, episodes and inner steps.
        ``gradient_step``: the cost of PEARL's gradient step by width and meta-batch.
        ``import_time``, ``memory``: measurements in new processes; ``memory`` is ``None`` if the system does not
        report it.
    """
    sizes = sizes or (QUICK if quick else FULL)
    quiet_mujoco()  # or it leaves a log file in the user's folder
    training = measure_training(sizes, progress=progress)
    peak = peak_memory_mb()  # read it here, because the later measurements keep all their sizes in memory at once
    collecting, missing = measure_collection(sizes, progress=progress)
    steps = measure_gradient_steps(sizes, progress=progress)
    return {
        **headline(collecting, training, steps, sizes),
        "gymnasium_tasks_over_sync": gymnasium_tasks_over_sync(sizes),
        "peak_memory_mb": peak and round(peak),
        "sizes": sizes.to_json(),
        **collection_summary(collecting, missing, sizes),
        "meta_iteration": iteration_summary(measure_iterations(sizes, progress=progress), sizes),
        "gradient_step": gradient_summary(steps, sizes),
        "import_time": import_summary(measure_imports(sizes, progress=progress)),
        "memory": memory_summary(measure_memory(sizes, progress=progress), sizes),
    }


def headline(
    collecting: Mapping[tuple[str, int], Array],
    training: Mapping[str, Array],
    steps: Mapping[tuple[str, int, int], Array],
    sizes: Sizes,
) -> dict[str, Any]:
    """Compute the first numbers of the result of :func:`benchmark` from the measured rates [rounds]."""
    loop = collecting["closed_loop", sizes.headline]
    most = max(sizes.environments)
    vector = {name: collecting[name, most] for name in VECTOR if (name, most) in collecting}
    fastest = max(vector, key=lambda name: float(np.median(vector[name])), default=None)
    speeds = {**training, "raw": collecting["raw", sizes.headline], "closed_loop": loop, **vector}
    pearl = {name: steps[name, sizes.width, sizes.meta_batch] for name in ("gradient_steps", "matrix_products")}
    return {
        "closed_loop_over_raw": round(ratio(loop, collecting["raw", sizes.headline]), 3),
        "speedup_over_gymnasium": fastest and round(ratio(loop, vector[fastest]), 2),
        "maml_iteration_over_physics": round(ratio(training["raw"], training["meta_iteration"]), 3),
        "pearl_step_over_products": round(ratio(pearl["matrix_products"], pearl["gradient_steps"]), 3),
        "steps_per_second": {name: round(float(np.median(rate))) for name, rate in speeds.items()},
        "pearl_steps_per_second": {name: round(float(np.median(rate)), 1) for name, rate in pearl.items()},
    }


def benchmark_table(result: Mapping[str, Any]) -> str:
    """Return a benchmark's result as a text table."""
    change, imports, missing = result["cost_change"], result["import_time"], result["collection"]["missing"]
    lines = [
        f"{result['closed_loop_over_raw']:8.2f}   collection with a policy for each of 40 tasks / raw physics stepping",
        f"{result['maml_iteration_over_physics']:8.2f}   time of a meta-iteration / time of the physics it contains",
        f"{result['pearl_step_over_products']:8.2f}   time of a gradient step of PEARL / time of its matrix products",
        f"{imports['mpsearch_over_torch']:8.2f}   time of import mpsearch / time of import torch"
        f" ({imports['everything_over_torch']:.2f} with all that training needs)",
        f"{100 * change['closed_loop']:+7.1f}%   cost of a control step, from {change['from']:,} to {change['to']:,}"
        f" simulations (raw physics {100 * change['raw']:+.1f}%)",
        f"{result['peak_memory_mb'] or float('nan'):8.0f}   MB of memory at most",
        f"           {memory_sentence(result['memory'])}",
        "",
        *(f"{rate:8,}   control steps/s, {name}" for name, rate in result["steps_per_second"].items()),
        "",
        *sweep_lines(result),
        *(f"not measured: {name} ({reason})" for name, reason in missing.items()),
    ]
    if result["speedup_over_gymnasium"]:
        lines.insert(
            1, f"{result['speedup_over_gymnasium']:8.2f}   collection / gymnasium's fastest vector environment"
        )
    if result.get("gymnasium_tasks_over_sync"):  # older records lack it
        words = "time of a step of gymnasium's environments in GymnasiumTasks / in SyncVectorEnv"
        lines.insert(2, f"{result['gymnasium_tasks_over_sync']:8.2f}   {words}")
    return "\n".join(lines)


def memory_sentence(memory: Mapping[str, Any] | None) -> str:
    """Return the sentence that says how memory grows with the number of simulations."""
    if memory is None:
        return "memory by simulations: this system does not say"
    growth = "linear" if memory["linear"] else "not linear"
    return (
        f"memory by simulations: {memory['base_mb']:.0f} MB and {memory['kb_per_simulation']:.0f} kB for each, with its"
        f" episode of {memory['steps']} steps; {growth} ({100 * memory['off_line']:.1f}% off the line at most)"
    )


def sweep_lines(result: Mapping[str, Any]) -> list[str]:
    """Return one line of text for each curve of the benchmark."""
    lines = [
        f"us a control step, {name}: " + ", ".join(f"{p['microseconds']:.1f} ({p['simulations']:,})" for p in points)
        for name, points in result["collection"]["curves"].items()
    ]
    for part, value, what in (
        ("meta_iteration", "cost", "meta-iteration's time / that at the base"),
        ("gradient_step", "over_products", "PEARL's step / its products"),
    ):
        for axis in [name for name in result[part] if name != "base"]:
            points = ", ".join(f"{p[value]:.2f} ({p['size']:,})" for p in result[part][axis])
            words = axis.replace("meta_", "meta-").replace("_", " ")
            lines.append(f"{what}, by {words}: {points}")
    return lines


def report(*, quick: bool = False, as_json: bool = False, figure: Path | None = None) -> str:
    """Run the benchmark and return the text that the command line prints.

    Args:
        quick: use the small sizes.
        as_json: return JSON instead of a table.
        figure: the file to draw the figure into; ``None`` draws none.

    Raises:
        UsageError: ``figure`` is not a PNG file in an existing folder. This is checked before anything is measured.
    """
    if figure is not None and (figure.suffix.lower() != ".png" or not figure.parent.is_dir()):
        raise UsageError(f"--figure must name a .png file in a folder that exists, not {figure}")
    result = benchmark(quick=quick, progress=True)
    text = json.dumps(result) if as_json else benchmark_table(result)
    if figure is None:
        return text
    from mpsearch.view.plots.benchmark import benchmark_picture, describe_benchmark

    write_atomically(figure, benchmark_picture(result))
    return text if as_json else f"{text}\n\n{figure}: {describe_benchmark(result)}"
