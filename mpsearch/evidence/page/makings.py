"""The parts of RESULTS.md about MAML from other starts and with longer training, and about robots that fall."""

from __future__ import annotations

from mpsearch.evidence import results
from mpsearch.evidence.measure import BODIES, CHEETAHS, OTHER_MAKINGS, on_bodies
from mpsearch.evidence.page.markdown import FAILURES, failures, stage, stages, table, training_cost
from mpsearch.evidence.pictures import METHODS

ACTIONS = {"": "sampled", "-mean-actions": "mean"}  # by the end of a record's name


def other_makings() -> str:
    """Return a table of the shipped MAML of both HalfCheetah families, and of MAML that was made in another way."""
    rows, known = [], results.names()
    for tasks in CHEETAHS:
        shipped = f"maml-{tasks}"
        for name in (shipped, *(other for other in OTHER_MAKINGS if other.startswith(shipped))):
            for end, words in ACTIONS.items():
                if f"{name}{end}" in known:
                    record, evaluation = results.read(f"{name}{end}"), results.evaluation(f"{name}{end}")
                    cells = [*stages(evaluation), *failures(evaluation), *training_cost(record["training"])]
                    rows.append([f"`{name}`", words, *cells])
    steps = ("0 steps", "1 step", "2 steps", "3 steps")
    return table(["meta-policy", "actions", *steps, *FAILURES, "trained for", "core-minutes"], rows)


def ant() -> str:
    """Say how far PEARL came on the ant, which does not run yet."""
    record = results.read("pearl-ant-direction-seed0", "curves")
    evaluated = [line["held_out"] for line in record["curve"] if "held_out" in line]
    best = max(stages[-1] for stages in evaluated)
    return (
        f"PEARL on `ant-direction` was trained for {record['env_steps']:,} environment steps and"
        f" {record['cpu_seconds'] / 60:.0f} core-minutes (`{record['commands'][-1]}`). Its mean return on held-out"
        f" angles was at most {best:.0f}: about 1 a step, which an ant earns that stands still. It is not"
        " shipped.\n"
    )


def bodies() -> str:
    """Return a table of the meta-policies of robots that fall, and of gradient steps from random weights."""
    rows = []
    for tasks in BODIES:
        for name in on_bodies():
            if name.endswith(tasks) and name in results.names():
                record, evaluation = results.read(name), results.evaluation(name)
                cost = training_cost(record["training"]) if record["training"] else ("none", "")
                cells = [stage(evaluation, 0), stage(evaluation, 1), stage(evaluation), *failures(evaluation)]
                spent = f"{evaluation.env_steps[-1]:,}"
                rows.append([tasks, METHODS[record["method"]], *cells, spent, *cost, f"`{record['command']}`"])
    heads = ["tasks", "method", "before", "after one stage", "at the end", *FAILURES]
    return table([*heads, "steps on the task", "trained for", "core-minutes", "command"], rows)
