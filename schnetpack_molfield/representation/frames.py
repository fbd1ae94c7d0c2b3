"""Canonical coordinates of a chart: equivariant features become first-layer weights.

The first layer of the canonical INR acts on canonical coordinates u of a point x. For every frame
here u is linear in the harmonics Y(x - o) of the point, so coordinates and first layer together
are one weight W_c (9, n_hidden) per chart, and evaluating them at the points of a chart is one
matrix product Y W_c. Rotating the molecule rotates Y and W_c alike, so values are invariant.
"""

import torch
from torch import Tensor, nn

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.dense import DEGREES, EquivariantDense, ScaledDense

__all__ = [
    "FRAMES",
    "EquivariantProjection",
    "GramSchmidtFrame",
    "InvariantCoordinates",
    "SoftPolarFrame",
    "inverse_square_root",
    "make_frame",
    "soft_polar_frame",
]


class EquivariantProjection(nn.Module):
    r"""Coordinates along learned, unnormalised equivariant axes of degree 1 and 2.

    .. math:: u_k(x) = \sum_{lm} A_{lmk} Y_{lm}(x - o)

    Polynomial in the features, so as smooth as they are. Where symmetry makes every vector of the
    chart vanish, the axes of degree 2 may still tell directions apart.

    Args:
        n_channels: number of channels of the chart's features.
        n_hidden: width of the INR's first layer.
    """

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__()
        self.axes = EquivariantDense(n_channels, n_hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Map the features (n_charts, 9, n_channels) to first-layer weights (n_charts, 9, h)."""
        return self.axes(features)


class InvariantCoordinates(nn.Module):
    """No frame: the chart sees distances only. For ablation.

    Args:
        n_channels: number of channels of the chart's features.
        n_hidden: width of the INR's first layer.
    """

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__()
        self.scalar = ScaledDense(n_channels, n_hidden, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map the features (n_charts, 9, n_channels) to first-layer weights (n_charts, 9, h)."""
        scalar = self.scalar(features.narrow(1, 0, 1))  # (n_charts, 1, h)
        return nn.functional.pad(scalar, [0, 0, 0, 8])  # (n_charts, 9, h)


class _Frame(nn.Module):
    """Coordinates u = Q^T x / d in a frame Q of the chart, the same for every channel."""

    def __init__(self, n_channels: int, n_hidden: int, n_vectors: int) -> None:
        super().__init__()
        self.degrees = list(DEGREES)
        self.vectors = ScaledDense(n_channels, n_vectors, bias=False)
        self.scalar = ScaledDense(n_channels, n_hidden, bias=False)
        self.axes = ScaledDense(n_vectors, n_hidden, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map the features (n_charts, 9, n_channels) to first-layer weights (n_charts, 9, h)."""
        scalars, vectors, _ = features.split(self.degrees, dim=1)
        axes = self.axes(self.frame(vectors))  # (n_charts, 3, h)
        weights = torch.cat([self.scalar(scalars), axes], dim=1)  # (n_charts, 4, h)
        return nn.functional.pad(weights, [0, 0, 0, 5])

    def frame(self, vectors: Tensor) -> Tensor:
        """Map the chart's vectors (n_charts, 3, n_channels) to the frame (n_charts, 3, k)."""
        raise NotImplementedError


def inverse_square_root(matrix: Tensor, n_iterations: int = 12) -> Tensor:
    """Inverse square root of symmetric positive definite matrices, shape (..., 3, 3).

    The coupled Newton-Schulz iteration (Higham 2008, *Functions of Matrices*, eq. 6.35). Each
    step is polynomial: no eigenvectors, whose derivative is undefined at equal eigenvalues, and
    the result is exactly equivariant after any number of steps. Twelve of them reach 1e-6 for
    eigenvalues within a factor of 400.
    """
    identity = torch.eye(3, dtype=matrix.dtype, device=matrix.device)
    trace = matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1)[..., None, None]
    root = matrix / trace
    inverse = identity.expand_as(matrix)
    for _ in range(n_iterations):
        step = 1.5 * identity - 0.5 * (inverse @ root)
        root, inverse = root @ step, step @ inverse
    return inverse * torch.rsqrt(trace)


def soft_polar_frame(vectors: Tensor, epsilon: float = 1.0) -> Tensor:
    r"""Soft polar frame of vectors V, shape (n, 3, k), to Q of the same shape.

    .. math:: Q = (V V^T + \epsilon I)^{-1/2} V

    Exactly equivariant under O(3), infinitely differentiable everywhere, orthonormal where V is
    well conditioned; it shrinks to zero where symmetry leaves no direction. `epsilon` is the
    square of the length below which a vector counts as no direction.
    """
    identity = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    gram = vectors @ vectors.transpose(1, 2)  # (n, 3, 3)
    return inverse_square_root(gram + epsilon * identity) @ vectors


class SoftPolarFrame(_Frame):
    """The soft polar frame of three learned vectors of the chart; see `soft_polar_frame`.

    Args:
        n_channels: number of channels of the chart's features.
        n_hidden: width of the INR's first layer.
    """

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__(n_channels, n_hidden, n_vectors=3)

    def frame(self, vectors: Tensor) -> Tensor:
        """Map the chart's vectors (n_charts, 3, n_channels) to the frame (n_charts, 3, 3)."""
        return soft_polar_frame(self.vectors(vectors))


class GramSchmidtFrame(_Frame):
    """Two learned vectors, orthonormalised in order. For ablation: not continuous.

    Where the first vector vanishes, or the second is parallel to it, the frame jumps, and energies
    along a path through such a geometry jump with it. Use it to see what that costs.

    Args:
        n_channels: number of channels of the chart's features.
        n_hidden: width of the INR's first layer.
    """

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__(n_channels, n_hidden, n_vectors=2)
        self.epsilon = 1e-12

    def frame(self, vectors: Tensor) -> Tensor:
        """Map the chart's vectors (n_charts, 3, n_channels) to the frame (n_charts, 3, 2)."""
        first, second = self.vectors(vectors).unbind(dim=-1)  # (n_charts, 3) each
        first = first * torch.rsqrt(first.square().sum(dim=1, keepdim=True) + self.epsilon)
        second = second - first * (first * second).sum(dim=1, keepdim=True)
        second = second * torch.rsqrt(second.square().sum(dim=1, keepdim=True) + self.epsilon)
        return torch.stack([first, second], dim=-1)


FRAMES: dict[str, type[nn.Module]] = {
    "projection": EquivariantProjection,
    "soft": SoftPolarFrame,
    "gram_schmidt": GramSchmidtFrame,
    "none": InvariantCoordinates,
}


def make_frame(name: str, n_channels: int, n_hidden: int) -> nn.Module:
    """Build the frame of that name; an unknown one raises ValueError with the nearest known."""
    check_choice("frame", name, list(FRAMES))
    return FRAMES[name](n_channels, n_hidden)
