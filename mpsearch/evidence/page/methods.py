"""The parts of RESULTS.md about the returns of meta-policies and baselines on held-out tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mpsearch.evaluation import Evaluation, probability_of_improvement
from mpsearch.evidence import results
from mpsearch.evidence.page.markdown import FAILURES, failures, span, stage, stages, table, training_cost
from mpsearch.evidence.pictures import METHODS

META_POLICIES = ("maml", "pearl")
MAML_STEPS = 12_000  # environment steps of MAML's adaptation, and the limit for baselines that it is compared with


def headline(tasks: str) -> str:
    """Return a table with the returns and the cost of every method on ``tasks``."""
    rows = []
    for method, words in METHODS.items():
        if f"{method}-{tasks}" not in results.names():
            continue
        record, evaluation = results.read(f"{method}-{tasks}"), results.evaluation(f"{method}-{tasks}")
        reached = [stage(evaluation, 0), stage(evaluation), span(evaluation.iqm[-1], evaluation.iqm_interval()[-1])]
        reached += failures(evaluation)
        size = f"{len(evaluation.tasks)} x {len(evaluation.seeds)}"
        cost = "{}, {} min".format(*training_cost(record["training"])) if record["training"] else "none"
        rows.append([words, *reached, f"{evaluation.env_steps[-1]:,}", size, cost, f"`{record['command']}`"])
    heads = ["method", "before", "at the end", "interquartile mean", *FAILURES, "steps on the task", "tasks x seeds"]
    return table([*heads, "training: steps, core-minutes", "command"], rows)


def verdict(tasks: str) -> str:
    """Say whether each meta-policy's interval lies above those of the baselines, and how far it is from what was told.

    Only stages of the baselines with at most ``MAML_STEPS`` environment steps are used.
    """
    sentences = []
    for method in META_POLICIES:
        ours = results.evaluation(f"{method}-{tasks}")
        below = []
        for other in ("average", "random", "scratch"):
            theirs = up_to(results.evaluation(f"{other}-{tasks}"), MAML_STEPS)
            clear = ours.interval()[-1][0] > theirs.interval()[-1][1]
            below.append(f"{'above' if clear else 'NOT above'} that of {METHODS[other]} ({stage(theirs)})")
        told = [other for other in ("oracle", "sac") if _on_the_same_tasks(f"{other}-{tasks}", ours)]
        gaps = [(METHODS[other], ours.mean[-1] - results.evaluation(f"{other}-{tasks}").mean[-1]) for other in told]
        far = [f"{abs(gap):.0f} {'above' if gap > 0 else 'below'} that of {words}" for words, gap in gaps]
        sentences.append(
            f"{METHODS[method]}'s interval after {ours.env_steps[-1]:,} steps lies {', '.join(below)}, each after"
            f" {MAML_STEPS:,}. Its mean is {' and '.join(far)}."
        )
    return "\n".join(f"- {sentence}" for sentence in sentences) + "\n"


def _on_the_same_tasks(name: str, ours: Evaluation) -> bool:
    return name in results.names() and np.array_equal(results.evaluation(name).tasks, ours.tasks)


def improvements(tasks: str) -> str:
    """Return a table of the probabilities that a meta-policy has a higher return than a baseline.

    The baselines have at most ``MAML_STEPS`` environment steps. Pairs with different tasks are left out.
    """
    rows = []
    for method in META_POLICIES:
        ours = results.evaluation(f"{method}-{tasks}")
        for other in ("oracle", "average", "random", "scratch"):
            theirs = up_to(results.evaluation(f"{other}-{tasks}"), MAML_STEPS)
            if np.array_equal(ours.tasks, theirs.tasks):
                chance = "{:.2f} [{:.2f}, {:.2f}]".format(*probability_of_improvement(ours, theirs))
                this = f"{METHODS[method]}, after {ours.env_steps[-1]:,} steps"
                rows.append([this, f"{METHODS[other]}, after {theirs.env_steps[-1]:,}", chance])
    return table(["this", "over this", "probability of improvement"], rows)


def up_to(evaluation: Evaluation, steps: int) -> Evaluation:
    """Return ``evaluation`` without the stages after more than ``steps`` environment steps per task."""
    within = evaluation.env_steps <= steps
    return replace(evaluation, returns=evaluation.returns[..., within], env_steps=evaluation.env_steps[within])


def from_scratch(tasks: str) -> str:
    """Return a table with the returns of training on each task from scratch, after several numbers of steps."""
    evaluation = results.evaluation(f"scratch-{tasks}")
    heads = [f"{count:,} steps on the task" for count in evaluation.env_steps]
    size = f"{len(evaluation.tasks)} tasks x {len(evaluation.seeds)}"
    return table(["from scratch", *heads], [[size, *stages(evaluation)]])


def one_velocity_each() -> str:
    """Return a table of what methods reach at the end on each of the velocities on which SAC was trained alone."""
    records = {method: f"{method}-cheetah-velocity-four" for method in ("pearl", "maml", "oracle")}
    records |= {method: f"{method}-cheetah-velocity" for method in ("sac", "scratch")}
    scratch, rows = results.evaluation(records["scratch"]), []
    order = np.argsort(scratch.tasks[:, 0])
    for method, words in METHODS.items():
        if method in records and _on_the_same_tasks(records[method], scratch):
            evaluation, training = results.evaluation(records[method]), results.read(records[method])["training"]
            means = evaluation.returns[..., -1].mean(0)[order]
            cost = f"{evaluation.env_steps[-1]:,} on the task"
            if training:
                cost = "{}, {} min".format(*training_cost(training))
            rows.append([words, *(f"{mean:.0f}" for mean in means), stage(evaluation), len(evaluation.seeds), cost])
    speeds = [f"{speed:.2f} m/s" for speed in scratch.tasks[order, 0]]
    return table(["method", *speeds, "mean", "seeds", "training: steps, core-minutes"], rows)
