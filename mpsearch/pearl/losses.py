"""The losses of PEARL (Rakelly et al. 2019, section 4): soft actor-critic, conditioned on z.

Which loss moves what: the critic's loss and the KL move the critics and, through z, the encoder; the actor's loss
moves the actor only (z comes without gradient); the temperature's loss moves the temperature only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mpsearch.pearl.networks import Actor, TwinCritic, squash


@dataclass(frozen=True)
class Transitions:
    """N transitions of each of K tasks.

    Attributes:
        observations, next_observations: [K, N, O].
        actions: [K, N, A], inside [-1, 1].
        rewards: [K, N].
        terminated: [K, N] 1 where the task was over after the transition, so that nothing follows, and 0 elsewhere;
            or 0 for all.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor | float = 0.0

    def rows(self) -> Tensor:
        """What the encoder sees, [K, N, C]: rows (s, a, r, s'), as in the paper.

        Termination is not among it: what ends an episode shows in s', and families that never end have no such entry.
        """
        return torch.cat([self.observations, self.actions, self.rewards[..., None], self.next_observations], dim=-1)

    def flat(self) -> Transitions:
        """All tasks in one row, [K * N, ...]."""
        ends = self.terminated if isinstance(self.terminated, float) else self.terminated.flatten(0, 1)
        fields = (self.observations, self.actions, self.rewards, self.next_observations)
        return replace(Transitions(*(field.flatten(0, 1) for field in fields)), terminated=ends)


@torch.no_grad()
def soft_targets(
    data: Transitions, z: Tensor, noise: Tensor, actor: Actor, target: TwinCritic,
    temperature: Tensor, *, discount: float, reward_scale: float,
) -> Tensor:  # fmt: skip
    """``r + gamma (1 - terminated) (min_i Q'_i(s', a', z) - alpha log pi(a' | s', z))`` [N], with a' ~ pi.

    Haarnoja et al. 2018, eq. 3. A time limit is not a termination: the values go on behind it.
    """
    mean, log_std = actor(data.next_observations, z)
    actions, log_prob = squash(mean, log_std, noise)
    value = target(data.next_observations, actions, z).amin(0) - temperature * log_prob
    return reward_scale * data.rewards + discount * (1 - data.terminated) * value


def critic_loss(data: Transitions, z: Tensor, targets: Tensor, critic: TwinCritic) -> tuple[Tensor, Tensor]:
    """Sum over both critics of the mean squared error to ``targets`` [N]; and the values [2, N]."""
    values = critic(data.observations, data.actions, z)
    return (values - targets).square().mean(-1).sum(), values


def actor_loss(
    observations: Tensor, z: Tensor, noise: Tensor, actor: Actor, critic: TwinCritic,
    temperature: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """``E[alpha log pi(a | s, z) - min_i Q_i(s, a, z)]``, a ~ pi; the mean log pi, detached."""
    z = z.detach()
    mean, log_std = actor(observations, z)
    actions, log_prob = squash(mean, log_std, noise)
    loss = (temperature * log_prob - critic(observations, actions, z).amin(0)).mean()
    return loss, log_prob.detach().mean()


def temperature_loss(log_temperature: Tensor, log_prob: Tensor, target_entropy: float) -> Tensor:
    """Raises the temperature while the policy's entropy is below its target (Haarnoja et al. 2018b, eq. 18)."""
    return -log_temperature * (log_prob.detach() + target_entropy)
