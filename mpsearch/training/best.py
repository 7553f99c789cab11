"""Keep the best agent of a training, by its own evaluations on held-out tasks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mpsearch.training import checkpoints
from mpsearch.training.checkpoints import Shards
from mpsearch.training.metrics import METRICS_FILE, Metrics
from mpsearch.training.trainable import Trainable

BEST = "best"  # the subfolder of a training
HELD_OUT = "held_out"  # the metric: mean returns on held-out tasks at each stage of an adaptation
EVALUATIONS = 5  # their mean decides, because one evaluation has only a few tasks


class Best:
    """Saves the agent in ``folder``/best whenever the mean of its last evaluations is higher than ever before.

    What is saved are the networks and the optimiser, without the replay.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.returns: list[float] = []
        self.highest = -np.inf
        self._read()

    def consider(self, agent: Trainable, metrics: Metrics) -> None:
        """Save ``agent`` if ``metrics``, those of its last iteration, make it the best. They are in the log already."""
        if "rollback" in metrics:  # iterations were taken back
            self._read()
        elif HELD_OUT in metrics:
            self.returns.append(metrics[HELD_OUT][-1])
            mean = means(self.returns)[-1:]
            if len(mean) and mean[0] > self.highest:
                self.highest = mean[0]
                checkpoints.write(self.folder / BEST, agent.card(), agent._tensors(), None, Shards())

    def _read(self) -> None:
        path = self.folder / METRICS_FILE
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.returns = [line[HELD_OUT][-1] for line in map(json.loads, lines) if HELD_OUT in line]
        self.highest = max(means(self.returns), default=-np.inf)


def means(returns: list[float]) -> list[float]:
    """Return the means of each ``EVALUATIONS`` successive returns."""
    return [float(np.mean(returns[i - EVALUATIONS : i])) for i in range(EVALUATIONS, len(returns) + 1)]
