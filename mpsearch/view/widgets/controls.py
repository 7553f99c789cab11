"""The controls of the explorer of adaptation: the method, the task, the number of steps and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mpsearch.evaluation import held_out
from mpsearch.language import say
from mpsearch.tasks import TaskDistribution
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.widgets import shell

MOST_STEPS = 5
BOTH = "both"
NUMBER, NUMBERED = "number", 20  # the control of tasks with many parameters, and how many of them it offers


def make_controls(methods: list[str], family: TaskDistribution, seed: int, steps: int) -> dict[str, Any]:
    """Return the controls by name, in the order in which they are shown."""
    controls: dict[str, Any] = {}
    if len(methods) > 1:
        look = shell.look(say("Method"), say("Which meta-policy adapts"))
        options = [*((method, method) for method in methods), (say("both"), BOTH)]
        controls["method"] = ipywidgets.ToggleButtons(options=options, value=BOTH, **look)
    controls |= task_controls(family)
    look = shell.look(say("Steps of adaptation"), say("Gradient steps for MAML, exploration episodes for PEARL"))
    controls["steps"] = ipywidgets.IntSlider(value=steps, min=1, max=MOST_STEPS, **look)
    controls["seed"] = shell.seed_control(seed)
    return controls


def task_controls(family: TaskDistribution) -> dict[str, Any]:
    """Return one control for each parameter of the task: a slider, or buttons if there are only a few tasks.

    For tasks of many parameters, there is one slider with the number of a held-out task.
    """
    tooltip = say("The task, which the agent is not told")
    if family.is_wide:
        look = shell.look(say("Task: number"), tooltip)
        return {NUMBER: ipywidgets.IntSlider(1, min=1, max=NUMBERED, **look)}
    looks = {name: shell.look(say("Task: {name}", name=say(name)), tooltip) for name in family.parameter_names}
    between = np.linspace(family.low, family.high, 8)
    if len(family.low) == 1 and not all(map(family.contains, between)):  # tasks are single values, such as -1 and 1
        ((name, look),) = looks.items()
        values = sorted({float(task[0]) for task in family.spread()}, reverse=True)
        return {name: ipywidgets.ToggleButtons(options=[(f"{value:+.3g}", value) for value in values], **look)}
    return {
        name: ipywidgets.FloatSlider(
            low + 0.75 * (high - low), min=low, max=high, step=(high - low) / 60, readout_format=".2f", **look
        )
        for (name, look), low, high in zip(looks.items(), family.low, family.high, strict=True)
    }


def chosen_task(family: TaskDistribution, values: Mapping[str, float]) -> tuple[float, ...]:
    """Return the task [P] from the values of its controls."""
    if family.is_wide:
        return tuple(held_out(family, NUMBERED)[int(values[NUMBER]) - 1].tolist())
    return tuple(values.values())
