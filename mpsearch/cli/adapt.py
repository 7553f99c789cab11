"""``mpsearch adapt``: adapt a meta-policy to tasks."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mpsearch.cli.arguments import Adapting, rows_of


@dataclass
class Adapt(Adapting):
    """Adapt a shipped meta-policy to tasks and print the return before and after."""

    task: tuple[float, ...] = ()
    """The parameters of the tasks, such as two numbers for each task of point-navigation. By default, tasks are
    evenly spread."""
    seed: int = 0

    def run(self) -> None:
        from mpsearch.cli.tables import adaptation_json, adaptation_table

        agent = self.load()
        tasks = rows_of(self.task, agent.tasks)
        result = agent.adapt(tasks, seed=self.seed, **self.options)
        data, family = adaptation_json(agent, self.seed, result), agent.tasks
        print(json.dumps(data) if self.json else adaptation_table(family, result))
