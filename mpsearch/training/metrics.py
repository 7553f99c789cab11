"""The metrics of a training: one JSON line for each iteration, in the folder of the checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpsearch.errors import CheckpointError
from mpsearch.training.storage import CARD, cannot_save, read_card, write_atomically

Metrics = dict[str, Any]
METRICS_FILE = "metrics.jsonl"
METRICS_LINES = "metrics_lines"  # the card's entry for the number of lines when the checkpoint was saved


class MetricsLog:
    """The file ``metrics.jsonl`` with one JSON line for each iteration. Lines of later iterations are removed.

    Attributes:
        lines: the number of lines.

    Raises:
        CheckpointError: ``folder`` cannot be written, or it lacks lines that it had when its checkpoint was saved.
    """

    def __init__(self, folder: Path, iteration: int) -> None:
        self.path = folder / METRICS_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
            kept = [line for line in lines if _is_up_to(iteration, line)]
            card = read_card(folder) if (folder / CARD).exists() else {}
            if card.get("iteration") == iteration and len(kept) < (had := card.get(METRICS_LINES, 0)):
                raise CheckpointError(
                    f"{self.path} has {len(kept)} of the {had} lines that it had when the checkpoint was saved;"
                    " use another copy, or continue in another folder"
                )
            write_atomically(self.path, b"".join(kept))
        except OSError as error:
            raise CheckpointError(f"cannot write to {folder}: {error.strerror}; choose another folder") from error
        self.lines = len(kept)

    def append(self, metrics: Mapping[str, Any]) -> None:
        """Add one line and flush it to the disk. After a rollback, first remove the lines of the lost iterations."""
        if "rollback" in metrics:
            self.lines = MetricsLog(self.path.parent, metrics["iteration"] - 1).lines
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(metrics) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_save(self.path.parent, error) from error
        self.lines += 1


def copy_metrics(source: Path, target: Path) -> None:
    """Copy the metrics of the training in ``source``, if there are any, to ``target``, which continues them."""
    if (source / METRICS_FILE).exists():
        try:
            target.mkdir(parents=True, exist_ok=True)
            write_atomically(target / METRICS_FILE, (source / METRICS_FILE).read_bytes())
        except OSError as error:
            raise CheckpointError(
                f"cannot copy metrics to {target}: {error.strerror}; choose another folder"
            ) from error


def _is_up_to(iteration: int, line: bytes) -> bool:
    try:
        return bool(json.loads(line)["iteration"] <= iteration)
    except (ValueError, KeyError, TypeError, RecursionError):  # the line was cut off by a crash
        return False
