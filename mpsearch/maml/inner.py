"""The inner loop: one differentiable policy-gradient step on all tasks at once, with the package ``higher``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from mpsearch.policies import PolicyNet, log_prob
from mpsearch.records import Array, Episodes
from mpsearch.shares import Share

with warnings.catch_warnings():  # compiling higher 0.2.1 gives warnings about which a user can do nothing
    warnings.simplefilter("ignore")
    import higher as higher  # lesson 04 imports it from here


# How sums are rounded depends on where a task's numbers begin in memory. With a multiple of 16 transitions, all tasks
# begin alike, so that a rank that has only some of them finds the same sums.
ALIGNED = 16


@dataclass(frozen=True)
class Steps:
    """N transitions of each of K tasks, as tensors for a loss.

    A loss is a mean over all transitions of a task. Therefore a long episode has more weight than a short one.

    Attributes:
        observations, actions: [K, N, O], [K, N, A].
        log_probs: [K, N] log-densities of the actions under the policy that drew them.
        advantages: [K, N].
        weights: [K, N] 1 for transitions and 0 for padding, if the tasks have different numbers of transitions;
            ``None`` if there is no padding.
    """

    observations: Tensor
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    weights: Tensor | None = None

    @classmethod
    def of(
        cls, episodes: Episodes, advantages: Array, dtype: torch.dtype = torch.float32, share: Share | None = None
    ) -> Steps:
        """Return all transitions of ``episodes`` with their ``advantages`` [K, E, T].

        N = E * T. If episodes ended before the time limit, N is the largest number of transitions of any task,
        rounded up to a multiple of ``ALIGNED`` if there are as many.
        """
        arrays = (episodes.observations[:, :, :-1], episodes.actions, episodes.log_probs, advantages)
        steps = cls(*(torch.as_tensor(x, dtype=dtype).flatten(1, 2) for x in arrays))
        if episodes.lengths is None:
            return steps
        return steps._counting(torch.from_numpy(episodes.mask).flatten(1, 2), share or Share())

    def _counting(self, mask: Tensor, share: Share) -> Steps:
        """Keep only the transitions in ``mask`` [K, N]. Tasks with fewer repeat their first one, with weight 0."""
        counts = mask.sum(-1, keepdim=True)
        (most,) = share.largest(int(counts.max()))
        most = -(-most // ALIGNED) * ALIGNED
        order = mask.int().argsort(dim=-1, descending=True, stable=True)[:, :most]
        counting = torch.arange(order.shape[1]) < counts
        order, rows = torch.where(counting, order, order[:, :1]), torch.arange(len(order))[:, None]
        return replace(self._map(lambda x: x[rows, order]), weights=counting.to(self.log_probs))

    def __getitem__(self, index: Tensor | slice) -> Steps:
        """Return the transitions ``index`` of every task."""
        return self._map(lambda x: x[:, index])

    def of_tasks(self, index: slice) -> Steps:
        """Return all transitions of the tasks ``index``."""
        return self._map(lambda x: x[index])

    def sample(self, size: int, generator: torch.Generator, share: Share | None = None) -> Steps:
        """Draw ``size`` random transitions of each task, separately for each; all of them if a task has no more.

        Args:
            share: which of all tasks these are, if other ranks have others.
        """
        keys = (share or Share()).draw(torch.rand, self.log_probs.shape, generator)
        if self.weights is not None:
            keys = keys.masked_fill(self.weights == 0, 2.0)  # padding comes last
        index = keys.argsort(dim=-1)[:, :size]
        rows = torch.arange(len(index))[:, None]
        return self._map(lambda x: x[rows, index])

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean [K] of ``values`` [K, N] over the transitions of each task, without padding."""
        if self.weights is None:
            return values.mean(-1)
        return (values * self.weights).sum(-1) / self.weights.sum(-1)

    def _map(self, function: Callable[[Tensor], Tensor]) -> Steps:
        weights = None if self.weights is None else function(self.weights)
        four = map(function, (self.observations, self.actions, self.log_probs, self.advantages))
        return replace(Steps(*four), weights=weights)


def surrogate(policy: Callable[[Tensor], Normal], steps: Steps) -> Tensor:
    """Return the policy-gradient loss ``-E[pi(a|s) / pi_old(a|s) A]`` [K] of each task.

    For the policy that drew the actions, its gradient is the policy gradient. Its Hessian also
    gives credit to exploration before adaptation (Rothfuss et al. 2019, section 5, "LVC"). For
    other policies, the ratio corrects for the difference of the two (importance sampling).
    """
    ratio = (log_prob(policy(steps.observations), steps.actions) - steps.log_probs).exp()
    return -steps.mean(ratio * steps.advantages)


def spread_over_tasks(policy: nn.Module, tasks: int) -> list[Tensor]:
    """Return the policy's parameters with a leading task axis [K, ...], as K views of theta."""
    return [p.expand(tasks, *p.shape) for p in policy.parameters()]


def inner_step(
    policy: PolicyNet,
    parameters: Sequence[Tensor],
    rates: Tensor,
    steps: Steps,
    *,
    order: int = 2,
) -> tuple[list[Tensor], Tensor]:
    """Return ``theta_k - alpha * grad L_k(theta_k)`` for all tasks k (Finn et al. 2017, eq. 1).

    Args:
        policy: the architecture.
        parameters: theta_k, each [K, ...].
        rates: alpha, one for each parameter tensor, [len(parameters)].
        steps: the transitions from which the losses are computed.
        order: 2 keeps the computation graph of the whole step. 1 treats the inner gradient as a
            constant (first-order MAML). 0 keeps no graph, which is enough to act and to evaluate.

    Returns:
        theta'_k, each [K, ...], and the losses L_k(theta_k) [K].
    """
    groups = [{"params": [p]} for p in policy.parameters()]  # a group each, with its own rate
    sgd = torch.optim.SGD(groups, lr=1.0)
    if order == 0:
        parameters = [p.detach().requires_grad_() for p in parameters]
    with (
        torch.enable_grad(),
        higher.innerloop_ctx(
            policy,
            sgd,
            copy_initial_weights=False,
            track_higher_grads=order > 0,
            override={"lr": list(rates)},
        ) as (functional, optimizer),
    ):
        functional.update_params(list(parameters))
        losses = surrogate(functional, steps)
        detach = (lambda gradients: [g.detach() for g in gradients]) if order == 1 else None
        # By taking the sum, each task's slice receives exactly the gradient of its own loss.
        return list(optimizer.step(losses.sum(), grad_callback=detach)), losses
