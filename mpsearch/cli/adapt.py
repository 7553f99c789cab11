"""``mpsearch adapt``: adapt a meta-policy to tasks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro

from mpsearch.cli.arguments import Method, Settings, Tasks, load_agent, rows_of


@dataclass
class Adapt:
    """Adapt a shipped meta-policy to tasks and print the return before and after."""

    algo: tyro.conf.Positional[Method]
    tasks: tyro.conf.Positional[Tasks]
    task: tuple[float, ...] = ()
    """The tasks; evenly spread ones if not given. Two numbers a task for point-navigation."""
    seed: int = 0
    episodes: int | None = None
    """Episodes at each stage: 20 for maml and 1 for pearl, if not given."""
    steps: int | None = None
    """Stages after the first: gradient steps (maml, 3 if not given) or exploration episodes (pearl, 2)."""
    weights: Path | None = None
    """A folder with another checkpoint."""
    family: Settings = ()
    """Settings of the task family to change, such as horizon=100."""
    json: bool = False
    """Print one JSON object."""

    def run(self) -> None:
        from mpsearch.cli.tables import adaptation_json, adaptation_table

        agent = load_agent(self.algo, self.tasks, self.weights, self.family)
        tasks = rows_of(self.task, agent.tasks)
        result = agent.adapt(tasks, seed=self.seed, episodes=self.episodes, steps=self.steps)
        data, family = adaptation_json(agent, self.seed, result), agent.tasks
        print(json.dumps(data) if self.json else adaptation_table(family, result))
