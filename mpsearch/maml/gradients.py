"""Gradients of means over tasks. With several ranks, each computes the contributions of its own tasks.

The contributions of all tasks are gathered, and every rank adds them in the order of the tasks, as a rank does that has
all tasks. A sum of the ranks' sums would round differently. The conjugate gradient method, which solves an
ill-conditioned system in float32, turned a relative difference of 1e-8 into one of 1e-3 in a single update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from mpsearch import ranks
from mpsearch.shares import Share

DAMPING = 1e-5  # the multiple of the identity that is added to a Hessian
Contributions = tuple[list[Tensor], list[Tensor]]  # of each task to the gradient of theta [k, ...]; the sums for alpha
Part = tuple[Tensor, Sequence[Tensor]]  # the losses [k] of some tasks, and theta with a task axis, each [k, ...]


def contributions(
    outputs: Sequence[Tensor],
    start: Sequence[Tensor],
    learned: Sequence[Tensor],
    weights: Sequence[Tensor] | None = None,
    *,
    retain_graph: bool | None = None,
) -> Contributions:
    """Return the gradients of ``outputs`` with respect to ``start``, and to what is learned beside theta.

    Args:
        outputs: a loss, or tensors of which the sum is taken with the ``weights``.
        start: theta with a task axis, each [k, ...], from which the outputs were computed.
        learned: theta, and alpha where it is learned.
        weights: one tensor for each output, of its shape.
    """
    inputs = [*start, *learned[len(start) :]]
    found = torch.autograd.grad(outputs, inputs, weights, retain_graph=retain_graph, allow_unused=True)
    filled = [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]
    return filled[: len(start)], filled[len(start) :]


def add_up(parts: Sequence[Contributions], share: Share, at_once: int | None = None) -> Tensor:
    """Return the sum over the tasks of all ranks as one vector.

    Args:
        parts: the contributions of this rank's tasks, in the order of the tasks.
        at_once: add up so many tasks before adding their sum to the others; by default, all.
    """
    theta = [_sum(every, at_once or len(every)) for every in _in_task_order([part[0] for part in parts], share)]
    alpha = [ranks.total(torch.stack(sums).sum(0)) for sums in zip(*(part[1] for part in parts), strict=True)]
    return torch.cat([x.reshape(-1) for x in (*theta, *alpha)])


def _sum(values: Tensor, at_once: int) -> Tensor:
    total = torch.zeros_like(values[0])
    for some in values.split(at_once):
        total = total + some.sum(0)
    return total


def _in_task_order(parts: Sequence[Sequence[Tensor]], share: Share) -> Iterator[Tensor]:
    """Yield tensors [K, ...] of all tasks. Their memory has the layout of the parts, on which rounding depends, too."""
    every = share.gather(torch.cat([torch.cat([x.flatten(1) for x in part], dim=1) for part in parts]))
    for x, columns in zip(parts[0], every.split([x[0].numel() for x in parts[0]], dim=1), strict=True):
        layout = (x[0].numel(), *torch.empty_like(x).stride()[1:])
        of_all = torch.empty_strided((len(every), *x.shape[1:]), layout, dtype=x.dtype)
        yield of_all.copy_(columns.view_as(of_all))


def mean_over_tasks(values: Iterable[Tensor], share: Share) -> Tensor:
    """Return the mean over the tasks of all ranks of values that are given in parts [k]."""
    return share.gather(torch.cat(list(values))).mean()


def mean_gradient(
    parts: Iterable[Part], learned: Sequence[Tensor], share: Share, at_once: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean loss over the tasks of all ranks, and its gradient with respect to ``learned`` as one vector.

    The computation graph of each part is freed before the next part is computed.
    """
    values, found = [], []
    for losses, start in parts:
        found.append(contributions([losses.sum()], start, learned))
        values.append(losses.detach())
    every = share.gather(torch.cat(values))
    return every.mean(), add_up(found, share, at_once) / len(every)


def gauss_newton_product(
    outputs: Sequence[Tensor],
    loss: Callable[..., Tensor],
    learned: Sequence[Tensor],
    damping: float = DAMPING,
    *,
    start: Sequence[Tensor],
    share: Share,
) -> Callable[[Tensor], Tensor]:
    """Return the function ``v -> (M + damping I) v``, where M is the Hessian of a loss at its minimum.

    There the slope of the loss is zero, so that it does not count how the outputs bend, and M = J^T F J (Schraudolph
    2002). J are the first derivatives of the outputs with respect to ``learned``, and F is the Hessian of the loss
    with respect to the outputs. No matrix is built: J^T u is a gradient, and as it is linear in u, its derivative
    with respect to u gives J v. This takes half to two thirds of the time of the second derivatives of the loss.

    Args:
        outputs: tensors that were computed from ``start``.
        loss: a function of the outputs, whose slope is zero at them. Of several ranks, it gives this rank's part.
        start: theta with a task axis, each [k, ...].
    """
    inputs = [*start, *learned[len(start) :]]
    u = [torch.zeros_like(x, requires_grad=True) for x in outputs]
    pulled = torch.autograd.grad(outputs, inputs, u, create_graph=True, allow_unused=True)  # J^T u
    at = [x.detach().requires_grad_() for x in outputs]
    slopes = torch.autograd.grad(loss(*at), at, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        parts = vector.split([p.numel() for p in learned])
        pairs = [
            (g, v.view_as(p).expand_as(g)) for g, v, p in zip(pulled, parts, learned, strict=True) if g is not None
        ]
        moves = torch.autograd.grad([g for g, _ in pairs], u, [v for _, v in pairs], retain_graph=True)  # J v
        curved = torch.autograd.grad(slopes, at, moves, retain_graph=True)  # F J v
        found = contributions(outputs, start, learned, curved, retain_graph=True)  # J^T F J v
        return add_up([found], share) + damping * vector

    return product
