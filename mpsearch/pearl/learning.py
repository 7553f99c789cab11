"""The networks of PEARL with their optimiser, on one device, and how a gradient step moves them."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mpsearch import ranks
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.encoder import Encoder, kl_from_prior
from mpsearch.pearl.losses import Transitions, actor_loss, critic_loss, soft_targets, temperature_loss
from mpsearch.pearl.networks import Actor, TwinCritic
from mpsearch.tasks import TaskDistribution

AVERAGE = "mean_"  # what the names of averaged networks begin with


class Learning:
    """What gradient steps change. It is made on torch's default device; its values are drawn later.

    Attributes:
        encoder: q(z | c).
        actor: pi(a | s, z).
        critic, target: the twin critics Q(s, a, z), and the slow copy that their targets come from.
        adapting: the encoder and the actor that adaptation uses: the two above, or averages of them over many steps.
        log_temperature: of the entropy bonus, learned.
        target_entropy: of the whole action, as it is now.
        optimizer: Adam, for all that is learned.

    Args:
        captured: the steps will be recorded as a CUDA graph, which needs the rate to be a tensor.
    """

    def __init__(self, tasks: TaskDistribution, config: PEARLConfig, *, captured: bool = False) -> None:
        c, self.config = config, config
        o, a, scale = tasks.observation_dim, tasks.action_dim, tasks.observation_scale
        transition_scale = np.concatenate([scale, np.ones(a + 1), scale])
        self.action_dim = a
        self.encoder = Encoder(len(transition_scale), c.latent, c.encoder_hidden, transition_scale)
        self.actor = Actor(o, a, c.latent, c.hidden, scale)
        self.critic = TwinCritic(o, a, c.latent, c.hidden, scale)
        self.target = copy.deepcopy(self.critic).requires_grad_(False)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.target_entropy = torch.tensor(c.target_entropy * a)
        self.modules = {"encoder": self.encoder, "actor": self.actor, "critic": self.critic, "target": self.target}
        self.adapting = (self.encoder, self.actor)
        if c.average_rate:
            encoder, actor = copy.deepcopy(self.adapting)
            self.adapting = (encoder.requires_grad_(False), actor.requires_grad_(False))
            self.modules |= {f"{AVERAGE}encoder": encoder, f"{AVERAGE}actor": actor}
        self.by_critic_loss = [*self.encoder.parameters(), *self.critic.parameters()]
        self.by_actor_loss = [*self.actor.parameters(), self.log_temperature]
        self.learned = self.by_critic_loss + self.by_actor_loss
        rate = torch.tensor(c.rate) if captured else c.rate
        self.optimizer = torch.optim.Adam(self.learned, lr=rate, fused=True, capturable=captured)
        for p in self.learned:  # made now, not at the first step, so that a checkpoint can be read into it
            moments = {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            self.optimizer.state[p] = {"step": torch.tensor(0.0), **moments}

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the values of all networks."""
        for network in (self.encoder, self.actor, self.critic):
            network.layers.initialise(generator)
        with torch.no_grad():
            self.log_temperature.fill_(math.log(self.config.first_temperature))
        follow((self.target, *self.adapting), (self.critic, self.encoder, self.actor), 1.0)

    def tensors(self, averages: bool | None = None) -> dict[str, Tensor]:
        """Everything that gradient steps change, by name: the tensors themselves, so that values can be set.

        Args:
            averages: whether averages are among them; by default, if there are any. If there are none, the learned
                networks stand for them.
        """
        modules = self.modules
        if averages is not None:
            modules = {name: module for name, module in modules.items() if not name.startswith(AVERAGE)}
            names = ("encoder", "actor") if averages else ()
            modules |= {AVERAGE + name: module for name, module in zip(names, self.adapting, strict=False)}
        tensors = {
            f"{part}.{name}": value
            for part, module in modules.items()
            for name, value in module.state_dict(keep_vars=True).items()
        }
        tensors["log_temperature"] = self.log_temperature
        for i, p in enumerate(self.learned):
            tensors |= {f"adam.{i}.{name}": value for name, value in self.optimizer.state[p].items()}
        return tensors

    @torch.no_grad()
    def copy_from(self, other: Learning) -> None:
        """Take over all values, also from another device."""
        theirs = other.tensors()
        for name, tensor in self.tensors().items():
            tensor.copy_(theirs[name])

    def set_pace(self, iteration: int) -> None:
        """Set rate and target entropy to what the schedule says for ``iteration``."""
        rate, entropy = self.config.pace(iteration)
        self.target_entropy.fill_(entropy * self.action_dim)
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def differentiate(
        self,
        context: Tensor,
        data: Transitions,
        draw: Tensor,
        *,
        moves_actor: bool,
        counts: Tensor | None = None,
        tasks: int | None = None,
    ) -> dict[str, Tensor]:
        """Compute the gradients of one step, and what is worth knowing about it.

        Args:
            context: [K, N, C] of K tasks.
            data: [K * B] transitions, task by task.
            draw: [K * B, Z + 2 A] standard normal numbers.
            moves_actor: whether this step moves actor and temperature too.
            counts: [K, N] is 1 for transitions of the context and 0 for padding.
            tasks: the number of tasks of all ranks, if this rank has only K of them. The mean of the ranks' gradients,
                weighted by K, is then the gradient of the loss on all tasks.
        """
        c, a = self.config, self.action_dim
        noise, next_noise, actor_noise = draw.split([c.latent, a, a], dim=-1)
        temperature = self.log_temperature.detach().exp()

        belief = self.encoder(context, counts)  # q(z | c)
        mean, std = (x.repeat_interleave(c.batch, 0) for x in (belief.mean, belief.stddev))
        z = mean + std * noise
        targets = soft_targets(
            data,
            z,
            next_noise,
            self.actor,
            self.target,
            temperature,
            discount=c.discount,
            reward_scale=c.reward_scale,
        )
        loss, values = critic_loss(data, z, targets, self.critic)
        kl = kl_from_prior(belief)
        metrics = {"critic_loss": loss.detach(), "q": values.detach().mean(), "kl": kl.detach().mean(0)}
        self.optimizer.zero_grad()
        kl_weight = c.kl_weight * (tasks / len(context) if tasks else 1)  # the KL divergence is a sum over tasks
        (loss + kl_weight * kl.sum()).backward(inputs=self.by_critic_loss)
        if moves_actor:
            networks = (self.actor, self.critic)
            loss, log_prob = actor_loss(data.observations, z, actor_noise, *networks, temperature)
            metrics |= {"actor_loss": loss.detach(), "entropy": -log_prob, "temperature": temperature}
            loss = loss + temperature_loss(self.log_temperature, log_prob, self.target_entropy)
            loss.backward(inputs=self.by_actor_loss)
        return metrics

    def combine(self, metrics: dict[str, Tensor], weight: int) -> dict[str, Tensor]:
        """Replace the gradients by their means over the ranks; returns the means of ``metrics``.

        Args:
            weight: the number of this rank's tasks.
        """
        gradients = [p.grad for p in self.learned if p.grad is not None]
        found = ranks.mean(weight, *gradients, *metrics.values())
        for gradient, mean in zip(gradients, found, strict=False):
            gradient.copy_(mean)
        return dict(zip(metrics, found[len(gradients) :], strict=True))

    def move(self) -> None:
        """Follow the gradients, and let the target critics and the averages follow what is learned."""
        self.optimizer.step()
        follow((self.target,), (self.critic,), self.config.target_rate)
        if self.config.average_rate:
            follow(self.adapting, (self.encoder, self.actor), self.config.average_rate)


@torch.no_grad()
def follow(slow: Sequence[nn.Module], fast: Sequence[nn.Module], rate: float) -> None:
    """Move the parameters of the networks ``slow`` the fraction ``rate`` of the way to those of ``fast``."""
    ours: list[Tensor] = [p for network in slow for p in network.parameters()]
    theirs: list[Tensor] = [p for network in fast for p in network.parameters()]
    torch._foreach_lerp_(ours, theirs, rate)
