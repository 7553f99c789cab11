"""The parts of RESULTS.md that compare the returns of mpsearch with published ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from mpsearch.evidence import results
from mpsearch.evidence.measure import ON_A_PROCESSOR
from mpsearch.evidence.page.markdown import span, stage, stages, table
from mpsearch.evidence.pictures import METHODS, held_out_curve, published_curve, shipped_curve
from mpsearch.records import Array

PAPER = {"maml": "maml", "random": "random_init", "average": "pretrained", "oracle": "oracle"}
STEPS = 3  # the number of gradient steps in the table
GOAL = 1500  # the return on the direction whose cost is given
POINTS = 9  # the number of points of a published curve in the table


def rows_of_the_paper(tasks: str) -> str:
    """Return a table of the returns after each gradient step, ours and the MAML paper's, and compare the order."""
    paper = results.published()["maml_paper"]["rows"][tasks]
    rows: list[list[str]] = []
    ends: dict[str, float] = {}
    published_ends: dict[str, float] = {}
    for method, theirs in PAPER.items():
        evaluation, published = results.evaluation(f"{method}-{tasks}"), np.atleast_1d(paper[theirs])
        cells = (stages(evaluation) + [""] * STEPS)[: STEPS + 1]
        rows.append([METHODS[method], *cells, ", ".join(f"{value:.0f}" for value in published)])
        ends[METHODS[method]], published_ends[METHODS[method]] = evaluation.mean[-1], published[-1]
    heads = ["method", "0 steps", "1 step", "2 steps", "3 steps", "the paper's, in its physics"]
    return f"{table(heads, rows)}\n{order(ends, published_ends)}\n"


def order(ends: dict[str, float], published: dict[str, float]) -> str:
    """Name the methods from the highest to the lowest return, and the pairs with another order in ``published``."""
    ranked = sorted(ends, key=lambda name: -ends[name])
    swapped = [f"{a} above {b}" for a, b in combinations(ranked, 2) if published[a] < published[b]]
    difference = f"Otherwise than in the paper: {', '.join(swapped)}." if swapped else "This is the paper's order."
    return f"From the best at the end: {', '.join(ranked)}. {difference}"


def against_published(tasks: str) -> str:
    """Return a table of our training curve and the published one, and a sentence that says where ours is higher."""
    steps, ours = shipped_curve(tasks)
    inside, above = compare(steps, ours, tasks)
    picked = inside[np.unique(np.linspace(0, len(inside) - 1, POINTS).astype(int))]
    rows = [[f"{x:,.0f}", f"{np.interp(x, steps, ours):.0f}", f"{y:.0f}"] for x, y in picked]
    where = f"Ours lies above at {above.sum()} of {len(above)} published points"
    if not above.all():
        below = inside[~above, 0]
        where += f"; below between {below.min():,.0f} and {below.max():,.0f} steps"
    return table(["environment steps", "ours", "published"], rows) + f"\n{where}.\n"


def compare(steps: Array, ours: Array, tasks: str) -> tuple[Array, Array]:
    """Return the published points [N, 2] that our training reached, and at which [N] our curve is higher."""
    theirs = published_curve(tasks)
    inside = theirs[(theirs[:, 0] >= steps[0]) & (theirs[:, 0] <= steps[-1])]
    return inside, np.interp(inside[:, 0], steps, ours) > inside[:, 1]


def on_a_processor() -> str:
    """Return a table of the trainings of PEARL on one processor core each, from beginning to end with one recipe."""
    rows = []
    for name in (name for name in ON_A_PROCESSOR if name in results.names()):
        record, (evaluation, within) = results.read(name, "curves"), map(results.evaluation, (name, f"{name}-every-1"))
        steps, ours = held_out_curve(record["curve"])
        above = compare(steps, ours, record["tasks"])[1]
        minutes = [line["cpu_seconds"] / 60 for line in record["curve"] if line.get("held_out")]
        cells = [f"{above.sum()} of {len(above)}", stage(evaluation), f"{evaluation.worst[-1]:.0f}", stage(within, 0)]
        cells += [f"{record['env_steps'] / 1e6:.3g} M", f"{record['cpu_seconds'] / 60:.0f}"]
        first = int((ours > GOAL).argmax())
        reached = f"{steps[first]:,.0f} steps, {minutes[first]:.0f} core-minutes"
        cells.append(reached if ours[first] > GOAL else "not reached")
        rows.append([f"`trainings/{name}`", *cells])
    heads = ["training", "published points beaten", "kept agent", "worst", "first episode, z drawn at every step"]
    return table([*heads, "environment steps", "core-minutes", f"{GOAL} after"], rows)


def on_a_gpu() -> str:
    """Return a table of the trainings of PEARL on a GPU, each with one recipe from beginning to end."""
    rows = []
    for training in results.recipe()["final"]:
        evaluation, first = training["evaluation"], training["first_episode_redrawn"]["1"]
        beaten = f"{training['published_points_beaten']} of {training['published_points_reached']}"
        end = span(evaluation["mean"][-1], evaluation["interval"][-1])
        steps, minutes = training["env_steps"] / 1e6, round(training["core_minutes"])
        rows.append([training["name"], beaten, end, round(first), f"{steps:.3g} M", minutes])
    heads = ["training", "published points beaten", "at the end", "first episode, z drawn at every step"]
    return table([*heads, "environment steps", "core-minutes beside the GPU"], rows)


def at_horizon_100() -> str:
    """Compare MAML on the direction at horizon 100 with the only published curve that has the same physics."""
    name = "maml-cheetah-direction-horizon-100"
    record, ours = results.read(name), results.evaluation(name)
    steps, returns = np.array(results.published()["maml_rllib"]["cheetah-direction"]).T
    spent = record["training"]["env_steps"]
    return (
        f"After one gradient step ours returns {stage(ours, 1)} at horizon 100 (trained at horizon 200, for"
        f" {spent / 1e6:.3g} M environment steps; `{record['command']}`). The published curve is at"
        f" {np.interp(spent, steps, returns):.0f} after as many steps, and at most at {returns.max():.0f},"
        f" after {steps[returns.argmax()] / 1e6:.0f} M.\n"
    )
