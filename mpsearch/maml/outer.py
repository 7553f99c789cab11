"""The outer loop: move the start theta so that one inner step from it does better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from mpsearch.errors import NonFiniteError
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks, surrogate
from mpsearch.maml.trust_region import StepReport, trust_region_step
from mpsearch.policies import PolicyNet, log_prob, with_parameters


@dataclass(frozen=True)
class MetaBatch:
    """What one meta-iteration saw of K tasks.

    Attributes:
        inner: the data of each inner step, in order; may be empty.
        outer: what the adapted policies then did.
    """

    inner: tuple[Steps, ...]
    outer: Steps

    def subsample(self, size: int, generator: torch.Generator) -> MetaBatch:
        """``size`` random transitions of each task and stage."""
        available = self.outer.log_probs.shape[1]
        pick = torch.randperm(available, generator=generator)[:size]
        return MetaBatch(tuple(steps[pick] for steps in self.inner), self.outer[pick])


def mean_over_tasks(values: Tensor) -> Tensor:
    """The mean of [K] values: the one place where tasks meet (with more machines, an all-reduce)."""
    return values.mean()


def adapt_through(
    policy: PolicyNet, rates: Tensor, batch: MetaBatch, *, order: int = 2
) -> Callable[[Tensor], Normal]:
    """The adapted policies of all tasks, as a differentiable function of theta and alpha."""
    parameters = spread_over_tasks(policy, len(batch.outer.log_probs))
    for steps in batch.inner:
        parameters = inner_step(policy, parameters, rates, steps, order=order)
    return with_parameters(policy, parameters)


def meta_loss(policy: PolicyNet, rates: Tensor, batch: MetaBatch, *, order: int = 2) -> Tensor:
    """``mean_k L_k(theta_k - alpha grad L_k(theta_k))`` (Finn et al. 2017, eq. 4)."""
    return mean_over_tasks(surrogate(adapt_through(policy, rates, batch, order=order), batch.outer))


def mean_kl(old: Normal, new: Normal) -> Tensor:
    """KL(old || new), summed over actions [K, N, A], averaged over states and tasks."""
    return mean_over_tasks(kl_divergence(old, new).sum(-1).mean(-1))


def frozen(distribution: Normal) -> Normal:
    """The same distribution as a constant."""
    return Normal(distribution.mean.detach(), distribution.stddev.detach(), validate_args=False)


def trust_region_update(
    policy: PolicyNet,
    rates: Tensor,
    learned: Sequence[Tensor],
    batch: MetaBatch,
    sample: MetaBatch,
    *,
    max_kl: float,
    order: int = 2,
) -> StepReport:
    """One trust-region step on ``learned`` (theta, and alpha where it is learned).

    The KL divergence is between the *adapted* policies before and after. Its Hessian is taken on
    ``sample`` and, so that it is positive semi-definite, against the policies adapted on that same sample.
    """
    with torch.no_grad():
        before = adapt_through(policy, rates, batch, order=0)(batch.outer.observations)
        reference = adapt_through(policy, rates, sample, order=0)(sample.outer.observations)

    def sampled_kl() -> Tensor:
        return mean_kl(reference, adapt_through(policy, rates, sample, order=order)(sample.outer.observations))

    @torch.no_grad()
    def evaluate() -> tuple[float, float]:
        adapted = adapt_through(policy, rates, batch, order=0)(batch.outer.observations)
        loss = mean_over_tasks(surrogate(lambda _: adapted, batch.outer))
        return loss.item(), mean_kl(before, adapted).item()

    return trust_region_step(
        learned, lambda: meta_loss(policy, rates, batch, order=order), sampled_kl, evaluate, max_kl=max_kl
    )


def clipped_loss(distribution: Normal, steps: Steps, clip: float) -> Tensor:
    """[K] the clipped surrogate loss of each task (Schulman et al. 2017, eq. 7)."""
    ratio = (log_prob(distribution, steps.actions) - steps.log_probs).exp()
    bounded = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * steps.advantages, bounded * steps.advantages).mean(-1)


def clipped_update(
    policy: PolicyNet,
    rates: Tensor,
    learned: Sequence[Tensor],
    batch: MetaBatch,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    clip: float,
    order: int = 2,
) -> StepReport:
    """``epochs`` Adam steps on the clipped surrogate of the adapted policies (as in ProMP's outer loop).

    Raises:
        NonFiniteError: the loss or a gradient is not finite. Nothing is stepped on it.
    """
    with torch.no_grad():
        before = adapt_through(policy, rates, batch, order=0)(batch.outer.observations)
    losses = []
    for _ in range(epochs):
        adapted = adapt_through(policy, rates, batch, order=order)(batch.outer.observations)
        loss = mean_over_tasks(clipped_loss(adapted, batch.outer, clip))
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norm = torch.nn.utils.get_total_norm([p.grad for p in learned if p.grad is not None])
        if not torch.isfinite(loss) or not torch.isfinite(norm):
            raise NonFiniteError("the meta-loss or its gradient is not finite")
        optimizer.step()
    kl = mean_kl(before, frozen(adapted)).item()  # of all but the last epoch
    return StepReport(losses[0], losses[-1], kl, 1.0)
