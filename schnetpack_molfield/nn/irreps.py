"""The layout of equivariant features: degrees 0 to L in the rows of one tensor.

Features have the shape (n, (L + 1)^2, n_channels): row 0 holds scalars, rows 1 to 3 vectors, rows 4
to 8 tensors of degree 2, and so on, with e3nn's order and sign of the components and the parity of
spherical harmonics, 0e + 1o + 2e + ...
"""

import torch
from e3nn import o3
from torch import Tensor

__all__ = ["DEGREE", "degree_of_row", "irreps", "n_rows", "row_sizes"]

#: Largest degree L of features unless told otherwise.
DEGREE = 2


def row_sizes(degree: int) -> list[int]:
    """Number of rows of each degree 0 to L: 1, 3, 5, ..."""
    return [2 * order + 1 for order in range(degree + 1)]


def n_rows(degree: int) -> int:
    """Number of rows of all degrees up to L, (L + 1)^2."""
    return (degree + 1) ** 2


def degree_of_row(degree: int) -> Tensor:
    """Degree of each row, shape ((L + 1)^2,)."""
    return torch.arange(degree + 1).repeat_interleave(torch.tensor(row_sizes(degree)))


def irreps(degree: int) -> o3.Irreps:
    """The rows as e3nn's irreps: 0e + 1o + 2e for L = 2."""
    return o3.Irreps.spherical_harmonics(degree)
