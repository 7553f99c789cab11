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
from mpsearch.maml.trust_region import flat_gradient
from mpsearch.shares import Share

Contributions = tuple[list[Tensor], list[Tensor]]  # of each task to the gradient of theta [k, ...]; the sums for alpha
Part = tuple[Tensor, Sequence[Tensor]]  # the losses [k] of some tasks, and theta with a task axis, each [k, ...]


def contributions(
    loss: Tensor, start: Sequence[Tensor], learned: Sequence[Tensor], *, retain_graph: bool | None = None
) -> Contributions:
    """Return the gradients of ``loss`` with respect to ``start``, and to what is learned beside theta.

    Args:
        start: theta with a task axis, each [k, ...], from which the loss was computed.
        learned: theta, and alpha where it is learned.
    """
    inputs = [*start, *learned[len(start) :]]
    found = torch.autograd.grad(loss, inputs, retain_graph=retain_graph, allow_unused=True)
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
    total = torch.zeros(values.shape[1:])
    for some in values.split(at_once):
        total = total + some.sum(0)
    return total


def _in_task_order(parts: Sequence[Sequence[Tensor]], share: Share) -> Iterator[Tensor]:
    """Yield tensors [K, ...] of all tasks. Their memory has the layout of the parts, on which rounding depends, too."""
    every = share.gather(torch.cat([torch.cat([x.flatten(1) for x in part], dim=1) for part in parts]))
    for x, columns in zip(parts[0], every.split([x[0].numel() for x in parts[0]], dim=1), strict=True):
        layout = (x[0].numel(), *torch.empty_like(x).stride()[1:])
        yield torch.empty_strided((len(every), *x.shape[1:]), layout).copy_(columns.view(len(every), *x.shape[1:]))


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
        found.append(contributions(losses.sum(), start, learned))
        values.append(losses.detach())
    every = share.gather(torch.cat(values))
    return every.mean(), add_up(found, share, at_once) / len(every)


def mean_hessian_product(
    loss: Tensor, learned: Sequence[Tensor], damping: float, *, start: Sequence[Tensor], share: Share
) -> Callable[[Tensor], Tensor]:
    """Return the function ``v -> (M + damping I) v``, where M is the Hessian of the sum of the ranks' losses.

    With one rank it is :func:`~mpsearch.maml.trust_region.hessian_product`.

    Args:
        loss: the part of this rank's tasks in the mean over all tasks.
        start: theta with a task axis, each [k, ...], from which the loss was computed.
    """
    gradient = flat_gradient(loss, learned, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        found = contributions(gradient @ vector, start, learned, retain_graph=True)
        return add_up([found], share) + damping * vector

    return product
