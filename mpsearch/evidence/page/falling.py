"""The parts of RESULTS.md about robots that fall, and about averages of PEARL's networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mpsearch.evidence import results
from mpsearch.evidence.measure import on_robots_that_fall
from mpsearch.evidence.page.markdown import FAILURES, failures, stages, table, training_cost

BASELINES = {  # MAML's trainings on the walker; the second and the third went on from the first
    "by default": "maml-walker-body-seed0",
    "by default, gone on": "maml-walker-body-default",
    "`finite_horizon=true`, gone on": "maml-walker-body-finite",
    "`finite_horizon=true` from the start, another seed": "maml-walker-body-finite-seed1",
}
ANTS = {  # PEARL's trainings on the ant
    "all angles": "pearl-ant-direction-seed0",
    "forward and backward": "pearl-ant-direction-small-rewards",
    "forward and backward, rewards x 5": "pearl-ant-direction-forward-backward",
    "the same, the other seed": "pearl-ant-direction-forward-backward-seed1",
}
MAML_ANT = ("maml-ant-direction-seed0", "maml-ant-direction-seed1")
PART = 10  # iterations, or evaluations, that a mean is taken over


def falling() -> str:
    """Return a table of the evaluations of the meta-policies on robots that fall, of two training seeds."""
    rows = []
    for name in on_robots_that_fall():
        record, evaluation = results.read(name), results.evaluation(name)
        actions = "mean" if takes_mean_actions(record) else "sampled"
        cells = [*(stages(evaluation) + [""] * 4)[:4], *failures(evaluation), *training_cost(record["training"])]
        size = f"{len(evaluation.tasks)} x {len(evaluation.seeds)}"
        seed = f"{record['training']['seed']}{'' if '--weights' in record['command'] else ' (shipped)'}"
        rows.append([f"`{record['method']}-{record['tasks_id']}`", seed, actions, *cells, size])
    heads = ["meta-policy", "training seed", "actions", "before", "after 1", "after 2", "after 3", *FAILURES]
    return table([*heads, "trained for", "core-minutes", "tasks x seeds"], rows)


def takes_mean_actions(record: Mapping[str, Any]) -> bool:
    """Return whether the policies of a record took their mean actions."""
    return record["method"] == "pearl" or "--mean-actions" in record["command"]


def baselines() -> str:
    """Return a table of MAML's trainings on the walker with different baselines."""
    records = {words: results.read(name, "curves") for words, name in BASELINES.items()}
    compared = records["by default, gone on"]["iteration"]  # both that went on reached it
    rows = []
    for words, record in records.items():
        curve = record["curve"]
        at = f"{mean_of(curve[:compared], 'after'):.0f}" if len(curve) >= compared else ""
        ends = [f"{mean_of(curve, key):.0f}" for key in ("before", "after")]
        cost = training_cost({"env_steps": record["env_steps"], "core_minutes": record["cpu_seconds"] / 60})
        rows.append([words, at, record["iteration"], *ends, *cost, f"`{record['commands'][-1]}`"])
    heads = [
        f"after, at iteration {compared}",
        "iterations",
        "before",
        "after",
        "trained for",
        "core-minutes",
        "command",
    ]
    return table(["baseline", *heads], rows)


def maml_ant() -> str:
    """Return a table of the returns during MAML's trainings on the ant."""
    rows = []
    records = [results.read(name, "curves") for name in MAML_ANT]
    for record in records:
        for end in [*range(50, record["iteration"] - PART, 50), record["iteration"]]:
            part = record["curve"][:end]
            ends = [f"{mean_of(part, key):.0f}" for key in ("before", "after")]
            cost = training_cost({"env_steps": part[-1]["env_steps"], "core_minutes": part[-1]["cpu_seconds"] / 60})
            rows.append([record["seed"], end, *ends, *cost])
    words = table(["seed", "iteration", "before", "after", "environment steps", "core-minutes"], rows)
    return f"{words}\n`{records[0]['commands'][-1]}`\n"


def mean_of(curve: list[Any], key: str) -> float:
    """Return the mean of ``key`` over the last ``PART`` lines of a learning curve."""
    return float(np.mean([line[key] for line in curve[-PART:]]))


def ends_of_ants() -> dict[str, list[Any]]:
    """Return the last ``PART`` evaluated iterations of each training on the ant."""
    curves = {words: results.read(name, "curves")["curve"] for words, name in ANTS.items()}
    return {words: [line for line in curve if "held_out" in line][-PART:] for words, curve in curves.items()}


def ants() -> str:
    """Return a table of PEARL's trainings on the ant, with the divergence of their beliefs from the prior."""
    rows = []
    for words, evaluated in ends_of_ants().items():
        record = results.read(ANTS[words], "curves")
        before, after = (round(float(np.mean([line["held_out"][i] for line in evaluated]))) for i in (0, -1))
        kls = [sum(line["kl"]) for line in evaluated if "kl" in line]
        cost = training_cost({"env_steps": record["env_steps"], "core_minutes": record["cpu_seconds"] / 60})
        divergence = f"{np.mean(kls):.2g}" if kls else "not kept"
        rows.append([words, before, after, divergence, *cost, f"`{record['commands'][-1]}`"])
    heads = ["angles", "before", "after", "KL(belief, prior)", "trained for", "core-minutes", "command of its end"]
    return table(heads, rows)


def averages() -> str:
    """Return a table of the returns with averages of several rates, on trainings that went on."""
    rows = []
    trainings = results.averages()["trainings"]
    for training in trainings:
        found = training["returns"]
        size = "{} x {}".format(*training["tasks_seeds"])
        means = [f"{np.mean(values):.0f} (least {min(values):.0f})" for values in found.values()]
        rows.append([training["tasks"], training["iteration"], training["rate"], *means, size])
    rates = [name for name in trainings[0]["returns"] if name != "learned"]
    heads = ["tasks", "after iteration", "learning rate", "without averages", *(f"`{rate}`" for rate in rates)]
    return table([*heads, "tasks x seeds"], rows)
