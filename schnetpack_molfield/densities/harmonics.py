"""Real spherical harmonics of high degree, without a compiler that starts anew for every shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["real_harmonics"]


def real_harmonics(directions: Tensor, degree: int) -> Tensor:
    """Orthonormal real spherical harmonics of degree 0 to `degree`, differentiable.

    Normalised associated Legendre functions of z by their recurrence in the degree, times the real
    and imaginary parts of (x + i y)^m.

    Args:
        directions: (..., 3) of length 1.
        degree: the highest one.

    Returns:
        (..., (degree + 1)^2), by degree and within it by order from -degree to degree.
    """
    x, y, z = directions.unbind(-1)
    columns: dict[tuple[int, int], Tensor] = {}
    real, imaginary = torch.ones_like(x), torch.zeros_like(x)
    sectoral = 1 / math.sqrt(4 * math.pi)  # Legendre's function of degree and order m
    for m in range(degree + 1):
        if m > 0:
            real, imaginary = x * real - y * imaginary, x * imaginary + y * real
            sectoral *= math.sqrt((2 * m + 1) / (2 * m)) * (math.sqrt(2) if m == 1 else 1)
        for offset, legendre in enumerate(_legendre(z, m, degree, sectoral)):
            columns[m + offset, m] = legendre * real
            if m > 0:
                columns[m + offset, -m] = legendre * imaginary
    ordered = [columns[k, m] for k in range(degree + 1) for m in range(-k, k + 1)]
    return torch.stack(ordered, dim=-1)


def _legendre(z: Tensor, m: int, degree: int, sectoral: float) -> list[Tensor]:
    """Legendre functions of order m over (1 - z^2)^(m/2), of degree m to `degree`, (...) each."""
    functions = [torch.full_like(z, sectoral)]
    before, factor_before = torch.zeros_like(z), 0.0
    for k in range(m + 1, degree + 1):
        factor = math.sqrt((4 * k**2 - 1) / (k**2 - m**2))
        following = factor * z * functions[-1]
        if factor_before:
            following = following - factor / factor_before * before
        before, factor_before = functions[-1], factor
        functions.append(following)
    return functions
