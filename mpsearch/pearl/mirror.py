"""A copy of the replay on another device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mpsearch.pearl.losses import Transitions
from mpsearch.pearl.replay import Replay


class Mirror:
    """A copy of a replay on a device.

    Attributes:
        table: [K * capacity * T, C + 1] a row (s, a, r, s') for each transition, and then 1 if the episode terminated
            with it, otherwise 0. So a transition is read at once, although each observation is stored twice.
    """

    def __init__(self, replay: Replay, device: torch.device) -> None:
        self.replay, self.added = replay, np.zeros_like(replay.added)
        o, a = replay.observations.shape[-1], replay.actions.shape[-1]
        self.widths = [o, a, 1, o, 1]
        self.table = torch.zeros((replay.rewards.size, sum(self.widths)), device=device)

    def update(self) -> None:
        """Copy the episodes that were added since the last call."""
        new, replay = self.replay.since(self.added), self.replay
        episode = new["task"] * replay.capacity + new["number"] % replay.capacity
        time = torch.arange(replay.horizon)
        lengths, terminated = (torch.from_numpy(x.reshape(-1))[episode] for x in (replay.lengths, replay.terminated))
        ends = terminated[:, None] & (time == lengths[:, None] - 1)
        observations = new["observations"]
        parts = [observations[:, :-1], new["actions"], new["rewards"][..., None], observations[:, 1:], ends[..., None]]
        rows = torch.cat([part.to(self.table.dtype) for part in parts], dim=-1).flatten(0, 1)
        numbers = (episode[:, None] * replay.horizon + time).flatten()
        self.table.index_copy_(0, numbers.to(self.table.device), rows.to(self.table.device))
        self.added = replay.added.copy()

    def rows(self, numbers: Tensor) -> Tensor:
        """Return the rows (s, a, r, s') [M, N, C] with ``numbers`` [M, N], which :meth:`Replay.draw_step` explains."""
        return self._read(numbers)[..., :-1]

    def take(self, numbers: Tensor) -> Transitions:
        """Return the transitions with the same numbers."""
        observations, actions, rewards, following, ends = self._read(numbers).split(self.widths, dim=-1)
        return Transitions(observations, actions, rewards.squeeze(-1), following, ends.squeeze(-1))

    def _read(self, numbers: Tensor) -> Tensor:
        return self.table.index_select(0, numbers.flatten()).unflatten(0, numbers.shape)
