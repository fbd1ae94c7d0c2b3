"""Regular grids in the lab frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.units import Bohr

from schnetpack_molfield.checks import check_positive

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """Points origin + i a + j b + k c of a regular grid, in Angstrom.

    Attributes:
        origin: (3,) the first point.
        steps: (3, 3) the vectors a, b and c from a point to the next, one per row.
        shape: number of points along each.
    """

    origin: np.ndarray
    steps: np.ndarray
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, positions: np.ndarray, spacing: float, margin: float) -> Grid:
        """Smallest grid, centred, that contains a box `margin` wider than `positions`.

        Args:
            positions: (n, 3) in Angstrom.
            spacing: distance between neighbouring points in Angstrom.
            margin: distance between the outermost positions and the walls in Angstrom.

        Raises:
            ValueError: if there is no such grid.
        """
        check_positive("spacing", spacing)
        lower, upper = positions.min(axis=0) - margin, positions.max(axis=0) + margin
        with np.errstate(over="ignore"):
            intervals = np.ceil((upper - lower) / spacing - 1e-9)
        if not (np.isfinite(intervals).all() and (upper >= lower).all()):
            raise ValueError(f"no grid has margin {margin:g} and spacing {spacing:g} Angstrom")
        origin = (lower + upper - intervals * spacing) / 2
        nx, ny, nz = (int(n) + 1 for n in intervals)
        return cls(origin, spacing * np.eye(3), (nx, ny, nz))

    @classmethod
    def midpoints(cls, lower: np.ndarray, upper: np.ndarray, spacing: float) -> Grid:
        """Centres of the cells that fill a box exactly: the points of the midpoint rule.

        Args:
            lower: (3,) corner of the box in Angstrom.
            upper: (3,) opposite corner.
            spacing: longest edge that a cell may have, in Angstrom.
        """
        check_positive("spacing", spacing)
        lower, upper = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
        if lower.shape != (3,) or upper.shape != (3,) or not (upper > lower).all():
            raise ValueError(
                f"box must be a lower and an upper corner, lower < upper, got {lower}, {upper}"
            )
        shape = np.ceil((upper - lower) / spacing - 1e-9).astype(int)
        steps = np.diag((upper - lower) / shape)
        nx, ny, nz = (int(n) for n in shape)
        return cls(lower + steps.sum(axis=0) / 2, steps, (nx, ny, nz))

    @property
    def n_points(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    @property
    def points(self) -> np.ndarray:
        """(n_points, 3), the last index running fastest."""
        indices = np.indices(self.shape).reshape(3, -1)  # (3, n_points)
        return self.origin + indices.T @ self.steps

    @property
    def on_walls(self) -> np.ndarray:
        """(nx, ny, nz) whether each point is on one of the six walls."""
        walls = np.ones(self.shape, dtype=bool)
        walls[1:-1, 1:-1, 1:-1] = False
        return walls

    @property
    def cell_volume(self) -> float:
        """Volume that belongs to one point, in cubic Angstrom."""
        return float(abs(np.linalg.det(self.steps)))

    def to_lab(self, indices: np.ndarray) -> np.ndarray:
        """Lab coordinates of fractional grid indices (n, 3)."""
        return self.origin + indices @ self.steps

    def as_written_in_cube(self) -> Grid:
        """The nearest grid that a cube file, with six decimals in bohr, holds without loss."""
        origin, steps = (np.round(x / Bohr, 6) * Bohr for x in (self.origin, self.steps))
        return Grid(origin, steps, self.shape)
