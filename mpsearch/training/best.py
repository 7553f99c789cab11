"""Keep the best agent of a training, by its own evaluations on held-out tasks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mpsearch.training import checkpoints
from mpsearch.training.checkpoints import Shards
from mpsearch.training.metrics import METRICS_FILE, Metrics
from mpsearch.training.storage import CARD, read_card
from mpsearch.training.trainable import Trainable

BEST = "best"  # the subfolder of a training
MEAN = "held_out_mean"  # the card's entry for the mean of the evaluations that made the agent the best
HELD_OUT = "held_out"  # the metric: mean returns on held-out tasks at each stage of an adaptation
EVALUATIONS = 5  # their mean decides, because one evaluation has only a few tasks


class Best:
    """Saves the agent in ``folder``/best if the mean of its last evaluations is higher than that of the one there.

    What is saved are the networks and the optimiser, without the replay. Evaluations of another training, from which
    this one started, do not count.
    """

    def __init__(self, agent: Trainable, folder: Path) -> None:
        self.folder = folder / BEST
        self.log = folder / METRICS_FILE
        self.first = agent.history[-1]["iteration"] if agent.history else 0
        there = read_card(self.folder) if (self.folder / CARD).exists() else {}
        self.highest = float(there.get(MEAN, -np.inf))
        self.returns = self._read(agent.iteration)

    def consider(self, agent: Trainable, metrics: Metrics) -> None:
        """Save ``agent`` if ``metrics``, those of its last iteration, make it the best."""
        if "rollback" in metrics:  # iterations were taken back
            self.returns = self._read(agent.iteration - 1)
        if HELD_OUT not in metrics:
            return
        self.returns.append(metrics[HELD_OUT][-1])
        mean = float(np.mean(self.returns[-EVALUATIONS:]))
        if len(self.returns) >= EVALUATIONS and mean > self.highest:
            self.highest = mean
            checkpoints.write(self.folder, {**agent.card(), MEAN: mean}, agent._tensors(), None, Shards())

    def _read(self, last: int) -> list[float]:
        """Return the returns of this training's evaluations until the iteration ``last``."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        found = [line for line in map(json.loads, lines) if self.first < line["iteration"] <= last]
        return [line[HELD_OUT][-1] for line in found if HELD_OUT in line]
