"""A trust-region step (Schulman et al. 2015, appendix C) on any parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mpsearch.errors import NonFiniteError

BACKTRACK = 0.8
BACKTRACKS = 15


@dataclass(frozen=True)
class StepReport:
    """What a trust-region step did.

    Attributes:
        loss_before, loss_after: the surrogate loss; equal if no step was found.
        kl: mean KL divergence between the policies before and after; ``None`` if not measured.
        fraction: of the full step that the line search took; 0 if none.
    """

    loss_before: float
    loss_after: float
    kl: float | None
    fraction: float


def flat_gradient(
    loss: Tensor, parameters: Sequence[Tensor], *, retain_graph: bool | None = None, create_graph: bool = False
) -> Tensor:
    """The gradient of ``loss`` as one vector; parameters it does not depend on count as zero."""
    gradients = torch.autograd.grad(
        loss, parameters, retain_graph=retain_graph, create_graph=create_graph, allow_unused=True
    )
    pairs = zip(gradients, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).reshape(-1) for g, p in pairs])


def hessian_product(
    loss: Tensor, parameters: Sequence[Tensor], damping: float
) -> Callable[[Tensor], Tensor]:  # fmt: skip
    """``v -> (H + damping I) v`` with H the Hessian of ``loss``, not built (Pearlmutter 1994)."""
    gradient = flat_gradient(loss, parameters, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        return flat_gradient(gradient @ vector, parameters, retain_graph=True) + damping * vector

    return product


def conjugate_gradient(
    product: Callable[[Tensor], Tensor], target: Tensor, iterations: int, tolerance: float = 1e-10
) -> Tensor:
    """Solve ``A x = target`` for a positive definite A given by its ``product`` with a vector."""
    x = torch.zeros_like(target)
    residual = target.clone()
    direction = residual.clone()
    square = residual @ residual
    for _ in range(iterations):
        if square < tolerance:
            break
        image = product(direction)
        curvature = direction @ image
        if curvature <= 0:  # rounding, in float32: what was found so far still leads downhill
            break
        step = square / curvature
        x += step * direction
        residual -= step * image
        square, previous = residual @ residual, square
        direction = residual + (square / previous) * direction
    return x


def require_finite(*named: tuple[str, Tensor]) -> None:
    """Raise :class:`NonFiniteError` with the name of the first tensor that is not finite."""
    for name, value in named:
        if not torch.isfinite(value).all():
            raise NonFiniteError(f"the {name} is not finite: training has diverged; a smaller step may help")


def trust_region_step(
    parameters: Sequence[Tensor],
    gradient: Callable[[], tuple[Tensor, Tensor]],
    sampled_kl: Callable[[], Tensor],
    evaluate: Callable[[], tuple[float, float]],
    *,
    max_kl: float,
    iterations: int = 10,
    damping: float = 1e-5,
) -> StepReport:
    """Minimise a surrogate loss within mean KL ``max_kl`` of the present policy, in place.

    Args:
        gradient: the surrogate loss and its gradient as one vector.
        sampled_kl: KL from the present policy on a sample, differentiable twice; its Hessian is
            the metric.
        evaluate: (loss, KL) at the parameters' present values, for the line search.
        max_kl, iterations, damping: size of the region; of the conjugate gradient.

    Raises:
        NonFiniteError: the loss, its gradient or the step is not finite; nothing has changed.
    """
    start_loss, slope = gradient()
    product = hessian_product(sampled_kl(), parameters, damping)
    direction = conjugate_gradient(product, -slope, iterations)
    curvature = direction @ product(direction)
    full_step = direction * (2 * max_kl / curvature.clamp_min(1e-12)).sqrt()
    require_finite(("meta-loss", start_loss), ("meta-gradient", slope))
    require_finite(("trust-region step", full_step))
    start = parameters_to_vector(parameters).detach().clone()
    for attempt in range(BACKTRACKS):
        fraction = BACKTRACK**attempt
        vector_to_parameters(start + fraction * full_step, parameters)
        new_loss, kl = evaluate()
        if new_loss < start_loss.item() and kl <= max_kl:
            return StepReport(start_loss.item(), new_loss, kl, fraction)
    vector_to_parameters(start, parameters)
    return StepReport(start_loss.item(), start_loss.item(), 0.0, 0.0)
