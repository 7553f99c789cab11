"""An explorer of PEARL's belief: how it changes with the number of transitions that the agent has seen."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mpsearch.errors import UsageError, check_count
from mpsearch.language import say
from mpsearch.pearl import PEARL
from mpsearch.records import Array
from mpsearch.view.jupyter import ipywidgets
from mpsearch.view.plots import describe_contraction
from mpsearch.view.widgets.belief_path import (
    EPISODES,
    BeliefPicture,
    describe_belief,
    explore_beliefs,
    slider_counts,
)
from mpsearch.view.widgets.shell import Drawn, Shell, errors_in_words, look, seed_control


class PosteriorExplorer(Shell):
    """An explorer that shows PEARL's belief about a task after a chosen number of transitions.

    Controls: ``task`` (an index into ``tasks``), ``transitions``, ``seed``. Result: the :class:`Beliefs` after at
    most the chosen number of transitions.

    Args:
        agent: a PEARL meta-policy.
        tasks: [K, P] the tasks to choose from; by default, tasks spread evenly over the family.
        seed: the initial value of the seed, which determines the exploration.
    """

    def __init__(self, agent: PEARL, tasks: Array | None = None, seed: int = 0) -> None:
        super().__init__()
        with errors_in_words(self.error):
            if not isinstance(agent, PEARL):
                raise UsageError(
                    f"only PEARL has a posterior: give a PEARL meta-policy, such as mpsearch.load"
                    f'("pearl-cheetah-velocity"), not {type(agent).__name__}'
                )
            self.agent = agent
            self.tasks = agent.tasks.check(agent.tasks.spread() if tasks is None else tasks)
            self.explored = lru_cache(32)(lambda k, seed: BeliefPicture(explore_beliefs(agent, self.tasks[k], seed)))
            self.use(**self._controls(check_count("seed", seed, 0)))

    def _controls(self, seed: int) -> dict[str, Any]:
        names = [f"{k + 1}: {_label(self.agent, task)}" for k, task in enumerate(self.tasks)]
        counts = slider_counts(EPISODES * self.agent.tasks.horizon)
        return {
            "task": ipywidgets.Dropdown(
                options=[(name, k) for k, name in enumerate(names)],
                **look(say("Task"), say("The task, which the agent is not told")),
            ),
            "transitions": ipywidgets.SelectionSlider(
                options=[(f"{count:,}", count) for count in counts],
                value=counts[len(counts) // 2],
                continuous_update=False,
                **look(say("Transitions seen"), say("How many transitions of its own exploration the agent has seen")),
            ),
            "seed": seed_control(seed),
        }

    def draw(self, *, task: int, transitions: int, seed: int) -> Drawn:
        picture = self.explored(task, seed)
        beliefs, words = picture.beliefs, describe_belief(picture.beliefs, transitions)
        alt = say("{first} {second}", first=words, second=describe_contraction(beliefs.counts, beliefs.std))
        return Drawn(picture.png(transitions), alt, words, beliefs.until(transitions))


def _label(agent: PEARL, task: Array) -> str:
    if agent.tasks.is_wide:
        return agent.tasks.describe_task(task)
    pairs = zip(agent.tasks.parameter_names, task, strict=True)
    return say(", ").join(f"{say(name)} {value:+.2f}" for name, value in pairs)
