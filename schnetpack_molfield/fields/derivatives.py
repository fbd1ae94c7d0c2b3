"""Derivatives of functions of space, one channel at a time, by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Evaluate", "channel_gradient", "channel_laplacian"]

Evaluate = Callable[[Tensor], Tensor]


def _total_derivative(values: Tensor, points: Tensor, create_graph: bool) -> Tensor:
    """Derivative of sum(values) by the points, zero where `values` does not depend on `points`."""
    if not values.requires_grad:
        return torch.zeros_like(points)
    (derivative,) = torch.autograd.grad(
        values.sum(), points, retain_graph=True, create_graph=create_graph, allow_unused=True
    )
    return torch.zeros_like(points) if derivative is None else derivative


def _leaf(points: Tensor) -> Tensor:
    """`points` themselves if they are part of a graph, else a copy that starts one."""
    return points if points.requires_grad else points.detach().requires_grad_()


def channel_gradient(evaluate: Evaluate, points: Tensor) -> Tensor:
    """Gradient of every channel with respect to the point it is evaluated at.

    Args:
        evaluate: function (n_points, 3) -> (n_points, n_channels), row by row.
        points: (n_points, 3). If they require gradients, so does the result.

    Returns:
        (n_points, n_channels, 3), in units of the channel per Angstrom.
    """
    create_graph = points.requires_grad
    with torch.enable_grad():
        points = _leaf(points)  # (n_points, 3)
        values = evaluate(points)  # (n_points, n_channels)
        columns = [_total_derivative(v, points, create_graph) for v in values.unbind(1)]
    return torch.stack(columns, dim=1)  # (n_points, n_channels, 3)


def channel_laplacian(evaluate: Evaluate, points: Tensor) -> Tensor:
    """Laplacian of every channel: the trace of its Hessian.

    Args:
        evaluate: twice differentiable function (n_points, 3) -> (n_points, n_channels).
        points: (n_points, 3). If they require gradients, so does the result.

    Returns:
        (n_points, n_channels), in units of the channel per square Angstrom.
    """
    create_graph = points.requires_grad
    with torch.enable_grad():
        points = _leaf(points)
        gradient = channel_gradient(evaluate, points)  # (n_points, n_channels, 3)
        columns = [_divergence(g, points, create_graph) for g in gradient.unbind(1)]
    return torch.stack(columns, dim=1)  # (n_points, n_channels)


def _divergence(vectors: Tensor, points: Tensor, create_graph: bool) -> Tensor:
    """Sum over k of d vectors[:, k] / d points[:, k]: (n_points,)."""
    return torch.stack(
        [_total_derivative(vectors[:, k], points, create_graph)[:, k] for k in range(3)]
    ).sum(dim=0)
