"""Results as text tables, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mpsearch.meta_policy import MetaPolicy
from mpsearch.records import AdaptationResult, Array
from mpsearch.tasks import TaskDistribution


def adaptation_json(agent: MetaPolicy, seed: int, result: AdaptationResult) -> dict[str, Any]:
    """Return an adaptation as data that ``mpsearch adapt --json`` can print as JSON."""
    columns = (result.tasks.tolist(), result.returns.tolist(), result.before, result.after, result.worst)
    rows = zip(*columns, strict=True)
    names = {"stage_names": list(result.stage_names)} if result.stage_names else {}
    return {
        "algorithm": agent.algorithm,
        "tasks": agent.tasks.id,
        "seed": seed,
        "horizon": agent.tasks.horizon,
        "env_steps": result.env_steps.tolist(),
        **names,
        **({"resample_every": result.renewed_every} if result.renewed_every else {}),
        "results": [
            {"task": task, "returns": returns, "before": float(before), "after": float(after), "worst": float(worst)}
            for task, returns, before, after, worst in rows
        ],
        "before": float(result.before.mean()),
        "after": float(result.after.mean()),
        "worst": float(result.worst.min()),
        "fell": float(result.fell.mean()),
    }


def task_column(family: TaskDistribution, tasks: Array) -> list[str]:
    """Return lines of equal width: the parameters' names, and below them the numbers of each of ``tasks`` [K, P].

    Wide tasks have a number instead.
    """
    rows: list[Sequence[str]]
    if family.is_wide:
        rows = [["task"], *([str(k)] for k in range(1, len(tasks) + 1))]
    else:
        rows = [family.parameter_names, *map(family.spell, tasks)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)) for row in rows]
    return [line.ljust(max(14, len(line) + 2)) for line in lines]


def adaptation_table(family: TaskDistribution, result: AdaptationResult) -> str:
    """Return a text table with the mean return on each task at each stage."""
    stages = result.returns.mean(-1)  # [K, S]
    heads = [
        "first episode" if result.renewed_every else "before",
        *(f"after {steps:,} steps" for steps in result.env_steps[1:]),
    ]
    count = result.returns.shape[2]
    episodes = f"{count} episodes" if count > 1 else "one episode"
    names, *tasks = task_column(family, result.tasks)
    width = len(names)
    lines = [names + "".join(head.rjust(20) for head in heads)]
    for task, row in zip(tasks, stages, strict=True):
        lines.append(task + "".join(f"{value:20.1f}" for value in row))
    lines.append("mean".ljust(width) + "".join(f"{value:20.1f}" for value in stages.mean(0)))
    if result.stage_names:
        lines.append("acting on".ljust(width) + "".join(name.rjust(20) for name in result.stage_names))
    if family.is_wide:
        described = (f"Task {k}: {family.describe_task(task)}" for k, task in enumerate(result.tasks, 1))
        lines.append("\n" + "\n".join(described) + "\n--json prints all numbers of a task.")
    if result.returns.shape[1] > 1:
        number = result.worst.argmin()
        worst = f"task {number + 1}" if family.is_wide else f"the task {family.describe_task(result.tasks[number])}"
        lines.append(
            f"\nWorst episode at the end: {result.worst.min():.1f}, on {worst}."
            f" Tasks that ended below their return before: {result.fell.sum()} of {len(result.tasks)}."
        )
    if result.renewed_every:
        lines.append(f"\nEpisodes adapt too, from the first on: z is drawn anew every {result.renewed_every} steps.")
    lines.append(
        f"\nMean return of {episodes} of {family.horizon} steps on each task;"
        " 'after N steps' counts the environment steps spent adapting to that task."
    )
    return "\n".join(lines)


def evaluation_table(result: dict[str, Any]) -> str:
    """Return an evaluation, given as the data of its JSON form, as a text table."""
    lines = [f"{'steps spent':>12}{'mean return':>14}{'worst':>10}{'fell':>8}   95 % interval"]
    intervals = result["interval_95"] or [None] * len(result["mean"])
    shares = result.get("reached", [None] * len(result["mean"]))
    columns = [result[key] for key in ("env_steps", "mean", "worst", "fell")]
    for steps, mean, worst, fell, interval, share in zip(*columns, intervals, shares, strict=True):
        span = f"   [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else ""
        goal = "" if share is None else f"   goal reached by then: {share:.0%}"
        lines.append(f"{steps:12,}{mean:14.1f}{worst:10.1f}{fell:8.0%}{span}{goal}")
    lines.append(f"\n{len(result['tasks'])} tasks, {len(result['seeds'])} seeds, horizon {result['horizon']}")
    lines.append("worst: the lowest of all tasks and seeds; fell: the share of them that is below its return before")
    return "\n".join(lines)
