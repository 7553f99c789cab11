"""A trust-region step for any parameters (Schulman et al. 2015, appendix C)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mpsearch.errors import NonFiniteError

BACKTRACK = 0.8  # the line search multiplies the step by this factor after each failed attempt
BACKTRACKS = 15  # the number of attempts of the line search


@dataclass(frozen=True)
class StepReport:
    """A report of a trust-region step.

    Attributes:
        loss_before, loss_after: the surrogate loss before and after the step; they are equal if no step was found.
        kl: the mean KL divergence between the policies before and after the step; ``None`` if it was not measured.
        fraction: the fraction of the full step that the line search took; 0 if no step was found.
    """

    loss_before: float
    loss_after: float
    kl: float | None
    fraction: float


def flat_gradient(
    loss: Tensor, parameters: Sequence[Tensor], *, retain_graph: bool | None = None, create_graph: bool = False
) -> Tensor:
    """Return the gradient of ``loss`` as one vector, with zeros for parameters that do not affect the loss."""
    gradients = torch.autograd.grad(
        loss, parameters, retain_graph=retain_graph, create_graph=create_graph, allow_unused=True
    )
    pairs = zip(gradients, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).reshape(-1) for g, p in pairs])


def hessian_product(
    loss: Tensor,
    parameters: Sequence[Tensor],
    damping: float,
) -> Callable[[Tensor], Tensor]:
    """Return the function ``v -> (M + damping I) v``, where M is the Hessian of ``loss``.

    The product is computed without building the matrix M (Pearlmutter 1994). It is right for any
    loss. The outer loop of MAML has :func:`~mpsearch.maml.gradients.gauss_newton_product`, which
    is faster.
    """
    gradient = flat_gradient(loss, parameters, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        return flat_gradient(gradient @ vector, parameters, retain_graph=True) + damping * vector

    return product


def conjugate_gradient(
    product: Callable[[Tensor], Tensor], target: Tensor, iterations: int, tolerance: float = 1e-10
) -> Tensor:
    """Solve ``M x = target`` for a positive definite matrix M by the conjugate gradient method.

    Args:
        product: the function ``v -> M v``.
        target: [N] the right-hand side.
        iterations: the largest number of iterations.
        tolerance: stop when the squared norm of the residual is below this.
    """
    x = torch.zeros_like(target)
    residual = target.clone()
    direction = residual.clone()
    square = residual @ residual
    for _ in range(iterations):
        if square < tolerance:
            break
        image = product(direction)
        curvature = direction @ image
        if curvature <= 0:  # rounding in float32; the x found so far is still a descent direction
            break
        step = square / curvature
        x += step * direction
        residual -= step * image
        square, previous = residual @ residual, square
        direction = residual + (square / previous) * direction
    return x


def require_finite(*named: tuple[str, Tensor]) -> None:
    """Check that all tensors are finite.

    Args:
        named: pairs of the tensor's name, for the message, and the tensor.

    Raises:
        NonFiniteError: a tensor is not finite.
    """
    for name, value in named:
        if not torch.isfinite(value).all():
            raise NonFiniteError(f"the {name} is not finite: training has diverged; a smaller step may help")


def trust_region_step(
    parameters: Sequence[Tensor],
    gradient: Callable[[], tuple[Tensor, Tensor]],
    metric: Callable[[], Callable[[Tensor], Tensor]],
    evaluate: Callable[[], tuple[float, float]],
    *,
    max_kl: float,
    iterations: int = 10,
) -> StepReport:
    """Change ``parameters`` in place by a step that lowers a loss within a trust region.

    If the line search finds no such step, the parameters stay unchanged.

    Args:
        parameters: the parameters of the policy.
        gradient: returns the surrogate loss and its gradient as one vector.
        metric: returns the function ``v -> M v``, where M is the Hessian of the mean KL
            divergence from the present policy. It measures the length of a step, and must be
            positive definite.
        evaluate: returns the loss and the KL divergence at the present values of the parameters.
        max_kl: the largest mean KL divergence that is allowed.
        iterations: the number of iterations of the conjugate gradient method.

    Raises:
        NonFiniteError: loss, gradient or step is not finite. The parameters are unchanged.
    """
    start_loss, slope = gradient()
    product = metric()
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
