"""PEARL within its first episode, and MAML and PEARL scored alike, speed by speed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mpsearch.evaluation import Evaluation, difference
from mpsearch.evidence import results
from mpsearch.evidence.measure import RESAMPLE_EVERY, WITHIN_EPISODES
from mpsearch.evidence.page.markdown import span, stage, table
from mpsearch.records import Array

EDGES = (0.0, 0.7, 1.3, 2.0, 2.5, 3.0)  # m/s; speeds between two of them make a row


def within_episodes() -> str:
    """Returns of PEARL's first episode and the later ones, for each number of steps between two draws of z."""
    rows = []
    for tasks in WITHIN_EPISODES:
        draws = {f"pearl-{tasks}-every-{every}": f"{every or '0 (once an episode)'}" for every in RESAMPLE_EVERY}
        trained = {
            f"pearl-{tasks}-longer": "0, trained longer",
            f"pearl-{tasks}-longer-every-2": "2, trained longer",
            f"pearl-{tasks}-within-every-0": "0, trained longer with 2",
            f"pearl-{tasks}-within": "2, trained longer with 2",
        }
        for name, words in (draws | trained).items():
            if name in results.names():
                evaluation = results.evaluation(name)
                size = f"{len(evaluation.tasks)} x {len(evaluation.seeds)}"
                cells = [stage(evaluation, 0), f"{evaluation.worst[0]:.0f}", stage(evaluation, 1), stage(evaluation)]
                goals = f"{evaluation.reached[0]:.0%}, {evaluation.reached[-1]:.0%}" if evaluation.sparse else ""
                rows.append([tasks, words, *cells, goals, size])
    heads = ["tasks", "steps between draws", "first episode", "its worst", "second", "last"]
    return table([*heads, "goals reached by the first, by the last", "tasks x seeds"], rows)


def scored_alike() -> str:
    """MAML with mean actions beside MAML with noise and PEARL; the difference with its intervals."""
    rows = []
    for tasks in ("cheetah-direction", "cheetah-velocity"):
        if (name := f"maml-{tasks}-mean-actions") in results.names():
            quiet, pearl = results.evaluation(name), results.evaluation(f"pearl-{tasks}")
            gap, *over_tasks = difference(pearl, quiet)
            cells = [stage(results.evaluation(f"maml-{tasks}")), stage(quiet), stage(pearl)]
            spans = [span(gap, over_tasks), span(*_mean_and_span(pearl, quiet))]
            rows.append([tasks, *cells, *(spans if len(quiet.tasks) > 2 else ["two tasks only", spans[1]])])
    heads = ["tasks", "MAML, sampled actions", "MAML, mean actions", "PEARL, mean actions"]
    return table([*heads, "PEARL minus MAML, over tasks", "over seeds"], rows)


def crossing() -> str:
    """Who is ahead at which speed, both with mean actions."""
    if (name := "maml-cheetah-velocity-mean-actions") not in results.names():
        return table(["wanted speed (m/s)"], [])
    quiet, pearl = results.evaluation(name), results.evaluation("pearl-cheetah-velocity")
    speeds, rows = quiet.tasks[:, 0], []
    gaps = pearl.task_means[:, -1] - quiet.task_means[:, -1]
    for low, high in pairwise(EDGES):
        inside = (speeds >= low) & (speeds < high)
        means = [f"{each.task_means[inside, -1].mean():.0f}" for each in (quiet, pearl)]
        ahead = f"{np.sum(gaps[inside] > 0)} of {inside.sum()}"
        rows.append([f"{low:g} to {high:g}", *means, f"{gaps[inside].mean():+.0f}", ahead])
    return table(["wanted speed (m/s)", "MAML", "PEARL", "PEARL minus MAML", "speeds with PEARL ahead"], rows)


def _mean_and_span(a: Evaluation, b: Evaluation) -> tuple[float, Array]:
    gap, low, high = difference(a, b, over="seeds")
    return gap, np.array([low, high])
