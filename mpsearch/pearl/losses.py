"""The losses of PEARL (Rakelly et al. 2019, section 4): soft actor-critic, conditioned on z.

The loss of the critics trains the critics and, through z, the encoder. The KL divergence trains the encoder. The loss
of the actor trains only the actor, because its z has no gradient. The loss of the temperature trains only the
temperature.
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
        terminated: [K, N] 1 for transitions with which an episode terminated, and 0 for others; or the number 0 if
            there are none.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor | float = 0.0

    def rows(self) -> Tensor:
        """Return the encoder's input [K, N, C]: rows (s, a, r, s'), as in the paper.

        They do not say whether the episode terminated, because the encoder can see it in s'.
        """
        return torch.cat([self.observations, self.actions, self.rewards[..., None], self.next_observations], dim=-1)

    def flat(self) -> Transitions:
        """Return the transitions of all tasks one after the other, [K * N, ...]."""
        ends = self.terminated if isinstance(self.terminated, float) else self.terminated.flatten(0, 1)
        fields = (self.observations, self.actions, self.rewards, self.next_observations)
        return replace(Transitions(*(field.flatten(0, 1) for field in fields)), terminated=ends)


@torch.no_grad()
def soft_targets(
    data: Transitions,
    z: Tensor,
    noise: Tensor,
    actor: Actor,
    target: TwinCritic,
    temperature: Tensor,
    *,
    discount: float,
    reward_scale: float,
) -> Tensor:
    """Return the critics' targets [N] (Haarnoja et al. 2018, eq. 3), with an action a' ~ pi::

        r + gamma (1 - terminated) (min_i Q'_i(s', a', z) - alpha log pi(a' | s', z))

    A time limit is not a termination, so the state in which it cuts an episode off has a value.
    """
    mean, log_std = actor(data.next_observations, z)
    actions, log_prob = squash(mean, log_std, noise)
    value = target(data.next_observations, actions, z).amin(0) - temperature * log_prob
    return reward_scale * data.rewards + discount * (1 - data.terminated) * value


def critic_loss(data: Transitions, z: Tensor, targets: Tensor, critic: TwinCritic) -> tuple[Tensor, Tensor]:
    """Return the mean squared error to ``targets`` [N], summed over both critics, and their values [2, N]."""
    values = critic(data.observations, data.actions, z)
    return (values - targets).square().mean(-1).sum(), values


def actor_loss(
    observations: Tensor,
    z: Tensor,
    noise: Tensor,
    actor: Actor,
    critic: TwinCritic,
    temperature: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return ``E[alpha log pi(a | s, z) - min_i Q_i(s, a, z)]`` with a ~ pi, and the mean log pi.

    The mean log pi has no gradient.
    """
    z = z.detach()
    mean, log_std = actor(observations, z)
    actions, log_prob = squash(mean, log_std, noise)
    loss = (temperature * log_prob - critic(observations, actions, z).amin(0)).mean()
    return loss, log_prob.detach().mean()


def temperature_loss(log_temperature: Tensor, log_prob: Tensor, target_entropy: float) -> Tensor:
    """Return the loss of the temperature (Haarnoja et al. 2018b, eq. 18).

    It raises the temperature while the policy's entropy is below ``target_entropy``, and lowers it otherwise.
    """
    return -log_temperature * (log_prob.detach() + target_entropy)
