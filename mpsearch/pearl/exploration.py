"""Exploration by posterior sampling: act on a guess of the task, look, update the belief, guess again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from mpsearch.pearl.encoder import Encoder
from mpsearch.pearl.networks import Actor, squash
from mpsearch.records import Array, Episodes
from mpsearch.rollouts import Actor as Act
from mpsearch.rollouts import collect
from mpsearch.seeding import Streams
from mpsearch.shares import Share
from mpsearch.tasks import TaskDistribution

Context = tuple[Tensor, Tensor]  # [K, N, C] transitions (s, a, r, s'), and [K, N] 1 for those that count, else 0


@dataclass(frozen=True)
class Stage:
    """One round of exploration on each of K tasks.

    Attributes:
        episodes: what was seen.
        belief: [K, Z] before it.
        z: [K, E, Z] the guesses it began with.
        beliefs: D of [K, Z], the belief at each draw of z; the first is ``belief``.
    """

    episodes: Episodes
    belief: Normal
    z: Tensor
    beliefs: list[Normal]


@dataclass(frozen=True)
class Explorer:
    """Explores tasks with the networks of PEARL (Rakelly et al. 2019, algorithm 2).

    Attributes:
        adapting: take mean actions instead of drawing them, and let the last stage act on the mean of its belief.
        resample_every: steps after which z is drawn anew, from a belief that has seen them; 0 for once an episode.
        share: which of all tasks are explored here, if other ranks explore the others.
    """

    encoder: Encoder
    actor: Actor
    family: TaskDistribution
    adapting: bool = False
    resample_every: int = 0
    share: Share = field(default_factory=Share)

    @torch.no_grad()
    def explore(self, tasks: Array, episodes: int, stages: int, streams: Streams, *index: int) -> Iterator[Stage]:
        """``stages`` rounds of ``episodes`` parallel episodes on each of ``tasks`` [K, P], from an empty context."""
        batch = self.family.make_batch(tasks, episodes, threads=self.share.threads)
        context = torch.zeros(len(tasks), 0, len(self.encoder.scale)), torch.zeros(len(tasks), 0)
        for stage in range(stages):
            settled = self.adapting and 0 < stage == stages - 1
            guess = Guess(self, context, episodes, streams.torch("explore", *index, stage), settled=settled)
            belief, z = guess.belief, guess.z
            rng = self.share.generator(streams.numpy("reset", *index, stage))
            seen = collect(batch, self.family.horizon, guess, rng, record=self.adapting, watch=guess.watch)
            yield Stage(seen, belief, z, guess.beliefs)
            context = guess.context()


class Guess:
    """Acts on z drawn from the belief, and keeps what it sees for the next draw."""

    def __init__(
        self, explorer: Explorer, context: Context, episodes: int, generator: torch.Generator, *, settled: bool
    ) -> None:
        self.explorer, self.before, self.generator, self.settled = explorer, context, generator, settled
        self.shape = (len(context[0]), episodes)
        self.seen: list[Context] = []  # of each step, N = E
        self.beliefs: list[Normal] = []  # at each draw
        self.draw()

    def context(self) -> Context:
        """What was given, and all that was seen since."""
        rows, counts = (torch.cat(parts, dim=1) for parts in zip(self.before, *self.seen, strict=True))
        return rows, counts

    def draw(self) -> None:
        rows, counts = self.context()
        self.belief = self.explorer.encoder(rows) if counts.all() else self.explorer.encoder(rows, counts)
        self.beliefs.append(self.belief)
        noise = self._normal(self.belief.mean.shape[-1])
        self.z = self.belief.mean[:, None] + (0.0 if self.settled else self.belief.stddev[:, None]) * noise

    def _normal(self, width: int) -> Tensor:
        return self.explorer.share.draw(torch.randn, (*self.shape, width), self.generator)

    def __call__(self, observations: Array) -> tuple[Array, Array]:
        every = self.explorer.resample_every
        if every and self.seen and len(self.seen) % every == 0:
            self.draw()
        mean, log_std = self.explorer.actor(torch.from_numpy(observations).flatten(0, 1), self.z.flatten(0, 1))
        adapting = self.explorer.adapting
        noise = torch.zeros_like(mean) if adapting else self._normal(mean.shape[-1]).flatten(0, 1)
        actions, log_prob = squash(mean, log_std, noise)
        return actions.unflatten(0, self.shape).numpy(), log_prob.unflatten(0, self.shape).numpy()

    def watch(self, *transition: Array) -> None:
        """Take note of one step: observations, actions, rewards, next observations, which count; [K, E, ...] each."""
        observations, actions, rewards, following, counts = transition
        row = np.concatenate([observations, actions, rewards[..., None], following], axis=-1)
        self.seen.append((torch.from_numpy(row), torch.from_numpy(counts).float()))


def beliefs_at(beliefs: Sequence[Normal], draws: int) -> Array:
    """Mean and standard deviation, [2, K, D, Z], of D = ``draws`` beliefs [K, Z]; the last one fills gaps."""
    filled = [*beliefs, *[beliefs[-1]] * (draws - len(beliefs))]
    return np.stack([[b.mean.numpy(), b.stddev.numpy()] for b in filled], axis=2)


def uniform_actor(action_dim: int, generator: torch.Generator, share: Share | None = None) -> Act:
    """Actions uniform on [-1, 1]. ``share`` says which of all tasks act, if other ranks simulate the others."""
    whose = share or Share()

    def act(observations: Array) -> tuple[Array, Array]:
        shape = observations.shape[:-1]
        return (2 * whose.draw(torch.rand, (*shape, action_dim), generator) - 1).numpy(), np.zeros(shape)

    return act
