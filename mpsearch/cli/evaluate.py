"""``mpsearch evaluate``: adapt to held-out tasks with many seeds."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpsearch.cli.arguments import Adapting
from mpsearch.errors import UsageError


@dataclass
class Evaluate(Adapting):
    """Adapt to held-out tasks with many seeds, and print the mean return of each stage with its interval."""

    seeds: int = 10
    """The number of seeds; they are 0, 1, and so on."""
    count: int = 40
    """The number of held-out tasks. For cheetah-direction there are always two."""
    mean_actions: bool = False
    """Score MAML by mean actions, as PEARL is, instead of those that it samples to explore."""
    out: Path | None = None
    """Write every return and the origin of the results to OUT.json, and a picture to OUT.png."""
    into_card: bool = False
    """Write the result into the card of --weights."""

    def run(self) -> None:
        from mpsearch.cli.tables import evaluation_table
        from mpsearch.errors import check_count
        from mpsearch.evaluation import evaluate, held_out
        from mpsearch.evidence.baselines import with_best_rate

        if self.into_card and (self.weights is None or not self.weights.is_dir()):
            raise UsageError("--into-card writes into the card of a training: give its folder with --weights")
        agent = self.load()
        seeds = range(check_count("seeds", self.seeds))
        if self.algo in ("random", "average"):
            agent = with_best_rate(agent)
        scored = self._scored(agent)
        options = {**({"steps": 0} if self.algo == "oracle" else {}), **self.options}
        evaluation = evaluate(scored, held_out(agent.tasks, self.count), seeds, progress=not self.json, **options)
        result = {**evaluation.to_json(), "horizon": agent.tasks.horizon, "command": self._command()}
        if self.out is not None:
            from mpsearch.evidence.records import write_evidence

            write_evidence(self.out, evaluation, agent, method=self.algo, command=result["command"])
        if self.into_card:
            from mpsearch.training.storage import add_to_card

            assert self.weights is not None
            add_to_card(self.weights, "evaluations", result)
        print(json.dumps(result) if self.json else evaluation_table(result))

    def _scored(self, agent: Any) -> Any:
        """``agent``, or that whose mean actions count."""
        from mpsearch.evidence.quiet import MeanActions
        from mpsearch.maml import MAML

        if not self.mean_actions:
            return agent
        if not isinstance(agent, MAML):
            raise UsageError(f"{self.algo} has no sampled actions to leave out: leave out --mean-actions")
        return MeanActions(agent)

    def _command(self) -> str:
        """Return the command that repeats this evaluation."""
        words = ["evaluate", self.algo, self.tasks, "--seeds", str(self.seeds), "--count", str(self.count)]
        for key, value in self.options.items():
            words += [f"--{key.replace('_', '-')}", str(value)]
        words += ["--weights", str(self.weights)] if self.weights else []
        words += ["--mean-actions"] if self.mean_actions else []
        return shlex.join(["mpsearch", *words, *(["--family", *self.family] if self.family else [])])
