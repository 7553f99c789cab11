"""``mpsearch evaluate``: adapt to held-out tasks with many seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mpsearch.cli.arguments import Adapting, options_of
from mpsearch.errors import UsageError


@dataclass
class Evaluate(Adapting):
    """Adapt to held-out tasks with many seeds, and print the mean return of each stage with its interval."""

    seeds: int = 10
    """The number of seeds; they are 0, 1, and so on."""
    count: int = 40
    """The number of held-out tasks. For cheetah-direction there are always two."""
    out: Path | None = None
    """Write every return and the origin of the results to OUT.json, and a picture to OUT.png."""
    into_card: bool = False
    """Write the result into the card of --weights."""

    def run(self) -> None:
        from mpsearch.cli.tables import evaluation_table
        from mpsearch.errors import check_count
        from mpsearch.evaluation import evaluate, held_out
        from mpsearch.evidence.baselines import with_best_rate

        agent = self.load()
        seeds = range(check_count("seeds", self.seeds))
        if self.algo in ("random", "average"):
            agent = with_best_rate(agent)
        steps = 0 if self.algo == "oracle" and self.steps is None else self.steps
        options = options_of(episodes=self.episodes, steps=steps)
        evaluation = evaluate(agent, held_out(agent.tasks, self.count), seeds, progress=not self.json, **options)
        result = {**evaluation.to_json(), "horizon": agent.tasks.horizon, "command": self._command()}
        if self.out is not None:
            from mpsearch.evidence.records import write_evidence

            write_evidence(self.out, evaluation, agent, method=self.algo, command=result["command"])
        if self.into_card:
            if self.weights is None:
                raise UsageError("--into-card needs --weights FOLDER")
            from mpsearch.training.storage import add_to_card

            add_to_card(self.weights, "evaluations", result)
        print(json.dumps(result) if self.json else evaluation_table(result))

    def _command(self) -> str:
        """Return the command that repeats this evaluation when the meta-policy comes with the package."""
        words = ["mpsearch", "evaluate", self.algo, self.tasks, "--seeds", str(self.seeds), "--count", str(self.count)]
        words += [f"--{key} {value}" for key, value in options_of(episodes=self.episodes, steps=self.steps).items()]
        return " ".join([*words, *(["--family", *self.family] if self.family else [])])
