"""The parts of RESULTS.md about MAML from other starts, and trained for longer."""

from __future__ import annotations

import numpy as np

from mpsearch.evidence import results
from mpsearch.evidence.measure import CHEETAHS, OTHER_MAKINGS
from mpsearch.evidence.page.markdown import FAILURES, failures, stages, table, training_cost
from mpsearch.evidence.records import learning_curve
from mpsearch.training.storage import read_card
from mpsearch.zoo import ZOO

FAST = 2  # m/s
ADAPTING_LONGER = {
    "20 episodes a step": "maml-cheetah-velocity-long-mean-actions",
    "80 episodes a step": "maml-cheetah-velocity-long-80-episodes",
    "five steps": "maml-cheetah-velocity-long-5-steps",
    "told the speed (TRPO, sampled actions)": "oracle-cheetah-velocity",
    "PEARL": "pearl-cheetah-velocity",
    "MAML from a told start": "maml-cheetah-velocity-told-mean-actions",
}
WIDTHS = {  # two layers of 128, and two of 64
    "128, seed 0": "maml-cheetah-velocity-wide",
    "64, seed 0": "maml-cheetah-velocity-long-seed0",
    "64, seed 1": "maml-cheetah-velocity-long-seed1",
}
ENDS = (114, 133)  # iterations: of the first part, with one inner step; of the wide training
OBJECTIVES = {  # ProMP's objective: the shipped training that it is compared with, iterations, and inner steps
    "maml-cheetah-direction-promp-one-step": ("maml-cheetah-direction", 120, 1),
    "maml-cheetah-direction-promp-seed0": ("maml-cheetah-direction", 79, 3),
    "maml-cheetah-direction-promp-seed1": ("maml-cheetah-direction", 80, 3),
    "maml-cheetah-velocity-promp": ("maml-cheetah-velocity-long", 60, 1),
}
LONGER_STILL = ("maml-cheetah-velocity-last-loss", "maml-cheetah-velocity-small-steps")
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
                    worst = f"{evaluation.worst[1]:.0f}"
                    cells = [*stages(evaluation), worst, *failures(evaluation), *training_cost(record["training"])]
                    size = f"{len(evaluation.tasks)} x {len(evaluation.seeds)}"
                    rows.append([f"`{name}`", words, *cells, size])
    steps = ("0 steps", "1 step", "2 steps", "3 steps", "worst after 1 step")
    heads = ["meta-policy", "actions", *steps, *FAILURES, "trained for", "core-minutes", "tasks x seeds"]
    return table(heads, rows)


def adapting_longer() -> str:
    """Return a table of ``maml-cheetah-velocity-long``, by mean actions, with more episodes and with more steps.

    The other rows are other policies on the same velocities. Each row has one seed.
    """
    rows = []
    for words, name in ADAPTING_LONGER.items():
        evaluation = results.evaluation(name)
        returns, speeds = evaluation.returns[0], evaluation.tasks[:, 0]
        means = [f"{mean:.1f}" for mean in returns.mean(0)] if name.startswith("maml") else []
        halves = [f"{returns[chosen, -1].mean():.1f}" for chosen in (speeds < FAST, speeds >= FAST)]
        rows.append([words, *means, *[""] * (6 - len(means)), *halves])
    heads = ["policies", *(f"after {step}" for step in range(6))]
    return table([*heads, f"at the end, speeds below {FAST} m/s", f"from {FAST} m/s"], rows)


def objectives() -> str:
    """Return a table of trainings with ProMP's objective, beside others by a trust region at the same steps.

    The latter had one inner step until then.
    """
    rows = []
    for name, (other, iterations, inner_steps) in OBJECTIVES.items():
        record = results.read(name, "curves")
        mine = record["curve"][:iterations]
        shipped = learning_curve(
            ZOO / other, ("env_steps", "after", "cpu_seconds"), read_card(ZOO / other)["iteration"]
        )
        reached = [line for line in shipped if line["env_steps"] <= mine[-1]["env_steps"]]
        ends = [f"{np.mean([line['after'] for line in curve[-10:]]):.0f}" for curve in (mine, reached)]
        minutes = [f"{curve[-1]['cpu_seconds'] / 60:.0f}" for curve in (mine, reached)]
        steps = f"{mine[-1]['env_steps'] / 1e6:.3g} M"
        cells = [inner_steps, steps, ends[0], minutes[0], f"`{other}`", ends[1], minutes[1]]
        rows.append([f"`{record['commands'][0]}`", *cells])
    heads = ["command", "inner steps", "environment steps", "return after them", "core-minutes"]
    return table([*heads, "beside it", "its return after one inner step", "its core-minutes until then"], rows)


def critics() -> str:
    """Return a table of how much of what follows a state two baselines explain, at each stage of an adaptation."""
    rows = []
    for policy in results.critic()["policies"]:
        for stage, found in enumerate(policy["stages"]):
            medians = [f"{np.median(found[baseline]):.2f}" for baseline in ("linear", "learned")]
            rows.append([f"`{policy['weights']}`", stage, *medians])
    return table(["meta-policy", "after steps", "linear baseline", "learned critic"], rows)


def wider() -> str:
    """Return a table of MAML on velocities from random weights, with wider and narrower layers."""
    rows = []
    for words, name in WIDTHS.items():
        after = [line["after"] for line in results.read(name, "curves")["curve"]]
        rows.append([words, *(f"{np.mean(after[end - 10 : end]):.1f}" for end in ENDS)])
    heads = (f"iterations {end - 9} to {end}" for end in ENDS)
    return table(["width of both layers", *heads], rows)


def longer_still() -> str:
    """Return a table of trainings that went on from ``maml-cheetah-velocity-long``, with other settings."""
    rows = []
    for name in (name for name in LONGER_STILL if name in results.names("curves")):
        record = results.read(name, "curves")
        start = read_card(ZOO / "maml-cheetah-velocity-long")
        after = [line["after"] for line in record["curve"] if line["env_steps"] > start["env_steps"]]
        ends = [f"{np.mean(part):.1f}" for part in (after[:10], after[-10:])]
        minutes = f"{(record['cpu_seconds'] - start['cpu_seconds']) / 60:.0f}"
        rows.append([f"`{record['commands'][-1]}`", len(after), *ends, minutes])
    heads = ["command", "iterations more", "return after three steps, first ten", "last ten", "core-minutes"]
    return table(heads, rows)
