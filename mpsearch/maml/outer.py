"""The outer loop: change the initial parameters theta so that the policies after the inner steps improve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from mpsearch.maml.gradients import Part, gauss_newton_product, mean_gradient, mean_over_tasks
from mpsearch.maml.inner import Steps, inner_step, spread_over_tasks, surrogate
from mpsearch.maml.trust_region import StepReport, require_finite, trust_region_step
from mpsearch.policies import PolicyNet, log_prob, with_parameters
from mpsearch.shares import Share

# The number of tasks whose losses are computed at once. With 4,000 transitions per task, the intermediate values of
# 10 tasks fit into the processor's cache. Computing 40 tasks at once takes twice as long.
TASKS_AT_ONCE = 10


@dataclass(frozen=True)
class MetaBatch:
    """The transitions that one meta-iteration collected on K tasks.

    Attributes:
        stages: S + 1 sets of transitions. Those of stage s were collected by policies that had made s inner steps,
            one on the data of each earlier stage.
        share: which of all tasks these are, if other ranks have others.
    """

    stages: tuple[Steps, ...]
    share: Share = field(default_factory=Share)

    @property
    def tasks(self) -> int:
        return len(self.stages[0].log_probs)

    def subsample(self, size: int, generator: torch.Generator) -> MetaBatch:
        """Draw ``size`` random transitions of each task and stage, without padding."""
        if any(steps.weights is not None for steps in self.stages):
            return replace(self, stages=tuple(steps.sample(size, generator, self.share) for steps in self.stages))
        pick = torch.randperm(self.stages[0].log_probs.shape[1], generator=generator)[:size]
        return replace(self, stages=tuple(steps[pick] for steps in self.stages))

    def parts(self) -> list[MetaBatch]:
        """Return the same data in parts of at most ``TASKS_AT_ONCE`` tasks."""
        slices = [slice(start, start + TASKS_AT_ONCE) for start in range(0, self.tasks, TASKS_AT_ONCE)]
        return [MetaBatch(tuple(steps.of_tasks(s) for steps in self.stages)) for s in slices]


Stages = Sequence[Sequence[Tensor]]  # the parameters of all tasks, after each inner step


def adapt_through(
    policy: PolicyNet,
    rates: Tensor,
    batch: MetaBatch,
    *,
    order: int = 2,
    at: Stages | None = None,
    start: Sequence[Tensor] | None = None,
) -> tuple[list[list[Tensor]], list[Tensor]]:
    """Make all inner steps on a batch, as a differentiable function of theta and alpha.

    Args:
        rates: alpha [S, number of parameter tensors].
        at: values for the parameters after each step, if they are known already. The inner steps on the batch then
            provide only the derivatives.
        start: theta with a task axis, each [K, ...], if the caller wants each task's derivatives.

    Returns:
        The parameters after each step, and the losses [K] before each.
    """
    parameters, stages, losses = start or spread_over_tasks(policy, batch.tasks), [], []
    for stage, (alpha, steps) in enumerate(zip(rates, batch.stages[:-1], strict=True)):
        parameters, loss = inner_step(policy, parameters, alpha, steps, order=order)
        if at is not None:
            parameters = [value + (p - p.detach()) for value, p in zip(at[stage], parameters, strict=True)]
        stages.append(parameters)
        losses.append(loss)
    return stages, losses


def joined(parts: Sequence[Stages]) -> Stages:
    """Return the parameters of the tasks of all ``parts`` after each inner step."""
    return [[torch.cat(tensors) for tensors in zip(*stage, strict=True)] for stage in zip(*parts, strict=True)]


def adapted_actions(
    policy: PolicyNet, batch: MetaBatch, stages: Stages, start: Sequence[Tensor] | None = None
) -> Normal:
    """Return the action distributions [K, N, A] of the adapted policies in the states of the last stage."""
    parameters = stages[-1] if stages else start or spread_over_tasks(policy, batch.tasks)
    return with_parameters(policy, parameters)(batch.stages[-1].observations)


Loss = Callable[[Callable[[Tensor], Normal], Steps], Tensor]


def meta_losses(
    policy: PolicyNet,
    rates: Tensor,
    batch: MetaBatch,
    *,
    order: int = 2,
    loss: Loss = surrogate,
    earlier_weight: float = 1.0,
    start: Sequence[Tensor] | None = None,
) -> tuple[Tensor, Normal, Stages]:
    """Return the losses ``L_k(theta - alpha grad L_k(theta))`` [K] of the tasks after adaptation.

    Their mean is the loss of MAML (Finn et al. 2017, eq. 4). With several inner steps, a task's
    loss is the mean of its losses after each step, so that each step has to reduce it
    (Antoniou et al. 2019, section 4, "multi-step loss"). In this mean, the loss after the last
    step has the weight 1, and the others ``earlier_weight``. The inner steps follow the
    surrogate, whatever the ``loss`` is.

    Returns:
        The losses, the adapted policies' actions [K, N, A] at the last stage, and the
        parameters after each inner step.
    """
    stages, surrogates = adapt_through(policy, rates, batch, order=order, start=start)
    actions = adapted_actions(policy, batch, stages, start)
    earlier = surrogates[1:]
    if loss is not surrogate:
        pairs = zip(stages[:-1], batch.stages[1:-1], strict=True)
        earlier = [loss(with_parameters(policy, adapted), steps) for adapted, steps in pairs]
    weighted = [earlier_weight * before for before in earlier]
    total = torch.stack([*weighted, loss(lambda _: actions, batch.stages[-1])]).sum(0)
    return total / (1 + earlier_weight * len(earlier)), actions, stages


def divergence(old: Normal, new: Normal, steps: Steps | None = None) -> Tensor:
    """Return KL(old || new) [K], summed over the actions [K, N, A] and averaged over the states.

    If ``steps`` are given, their padding is left out.
    """
    of_states = kl_divergence(old, new).sum(-1)
    return of_states.mean(-1) if steps is None else steps.mean(of_states)


def frozen(distribution: Normal) -> Normal:
    """Return the same distribution without gradients."""
    return Normal(distribution.mean.detach(), distribution.stddev.detach(), validate_args=False)


def kl_metric(
    policy: PolicyNet,
    rates: Tensor,
    learned: Sequence[Tensor],
    sample: MetaBatch,
    at: Stages,
    *,
    order: int = 2,
) -> Callable[[Tensor], Tensor]:
    """Return the function ``v -> M v``, where M is the Hessian of the adapted policies' mean KL.

    Two things matter:

    - The Hessian is taken ``at`` the policies that were adapted on all data. Policies adapted on
      the small ``sample`` would follow its noise, and after the first inner step they would not
      be the policies that collected the data.
    - The Hessian includes the derivatives of the inner gradients. When these were treated as
      constants, MAML did not even learn the point navigation.
    """
    start, share = spread_over_tasks(policy, sample.tasks), sample.share
    stages, _ = adapt_through(policy, rates, sample, order=order, at=at, start=start)
    actions = adapted_actions(policy, sample, stages, start)

    def kl(mean: Tensor, std: Tensor) -> Tensor:  # of several ranks, the part of this one
        moved = Normal(mean, std, validate_args=False)
        kls = divergence(frozen(actions), moved, sample.stages[-1])
        return (kls / (share.count or len(kls))).sum()

    outputs = (actions.mean, actions.stddev)
    return gauss_newton_product(outputs, kl, learned, start=start, share=share)


def trust_region_update(
    policy: PolicyNet,
    rates: Tensor,
    learned: Sequence[Tensor],
    batch: MetaBatch,
    sample: MetaBatch,
    *,
    max_kl: float,
    order: int = 2,
    earlier_weight: float = 1.0,
) -> StepReport:
    """One trust-region step on ``learned`` (theta, and alpha where it is learned).

    The trust region bounds the KL divergence between the *adapted* policies before and after the
    update. Its Hessian is computed on ``sample``, a part of ``batch``, to save time. The line
    search measures loss and KL on all data.
    """
    parts, before, reached, share = batch.parts(), list[Normal](), list[Stages](), batch.share
    losses_of = partial(meta_losses, policy, rates, earlier_weight=earlier_weight)

    def slope() -> tuple[Tensor, Tensor]:
        return mean_gradient(present_losses(), learned, share, TASKS_AT_ONCE)

    def present_losses() -> Iterator[Part]:
        for part in parts:
            theta = spread_over_tasks(policy, part.tasks)
            losses, actions, stages = losses_of(part, order=order, start=theta)
            before.append(frozen(actions))
            reached.append([[tensor.detach() for tensor in stage] for stage in stages])
            yield losses, theta

    def metric() -> Callable[[Tensor], Tensor]:
        return kl_metric(policy, rates, learned, sample, joined(reached), order=order)

    @torch.no_grad()
    def evaluate() -> tuple[float, float]:
        found = [losses_of(part, order=0) for part in parts]
        rows = zip(before, found, parts, strict=True)
        kls = [divergence(old, new, part.stages[-1]) for old, (_, new, _), part in rows]
        losses = mean_over_tasks((losses for losses, _, _ in found), share)
        return losses.item(), mean_over_tasks(kls, share).item()

    return trust_region_step(learned, slope, metric, evaluate, max_kl=max_kl)


def clipped_surrogate(policy: Callable[[Tensor], Normal], steps: Steps, clip: float) -> Tensor:
    """Return the clipped surrogate loss [K] of each task (Schulman et al. 2017, eq. 7)."""
    ratio = (log_prob(policy(steps.observations), steps.actions) - steps.log_probs).exp()
    bounded = ratio.clamp(1 - clip, 1 + clip)
    return -steps.mean(torch.minimum(ratio * steps.advantages, bounded * steps.advantages))


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
    earlier_weight: float = 1.0,
) -> StepReport:
    """Make ``epochs`` Adam steps on the clipped surrogate of the adapted policies, as in the outer loop of ProMP.

    Raises:
        NonFiniteError: the loss or a gradient is not finite. The step on it is not made.
    """
    parts, loss = batch.parts(), partial(clipped_surrogate, clip=clip)
    losses_of = partial(meta_losses, policy, rates, order=order, loss=loss, earlier_weight=earlier_weight)

    def losses() -> Iterator[Part]:
        for part in parts:
            start = spread_over_tasks(policy, part.tasks)
            yield losses_of(part, start=start)[0], start

    history = []
    for _ in range(epochs):
        mean, gradient = mean_gradient(losses(), learned, batch.share, TASKS_AT_ONCE)
        require_finite(("meta-loss", mean), ("meta-gradient", gradient))
        for p, g in zip(learned, gradient.split([p.numel() for p in learned]), strict=True):
            p.grad = g.view_as(p)
        optimizer.step()
        history.append(mean.item())
    return StepReport(history[0], history[-1], None, 1.0)
