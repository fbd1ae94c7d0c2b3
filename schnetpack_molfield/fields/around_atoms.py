"""A function of space around atoms: they decide where it is asked if nothing else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from ase import Atoms
from numpy.typing import ArrayLike
from torch import Tensor

from schnetpack_molfield.checks import check_atoms, check_positive
from schnetpack_molfield.fields.derivatives import Evaluate
from schnetpack_molfield.fields.field import Field
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.quadrature import atom_centered_quadrature
from schnetpack_molfield.fields.read_back import atoms_of

__all__ = ["FieldAroundAtoms", "square"]


class FieldAroundAtoms(Field):
    """Integrals, lines, planes and grids of a field, placed by the atoms it belongs to.

    Arguments are those of `Field`, and `atoms`, the molecule.

    Raises:
        ValueError: if there are no atoms, or one has a position that is not finite.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        atoms: Atoms,
        channels: Sequence[str],
        units: str | Mapping[str, str] = "",
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
        block_size: int = 65536,
    ) -> None:
        check_atoms(atoms)
        super().__init__(evaluate, channels, units, dtype, device, block_size)
        self.atoms = atoms.copy()

    def integral(
        self,
        channel: str | None = None,
        *,
        box: ArrayLike | None = None,
        spacing: float | None = None,
        margin: float = 4.0,
    ) -> float:
        """Integral over all space, or over a box by the midpoint rule.

        Args:
            channel: name of the channel; may be left out if there is only one.
            box: (2, 3) lower and upper corner in Angstrom; the atoms' box, `margin` wider, if only
                `spacing` is given. Without both, the integral is taken over all space by a
                quadrature around the nuclei, which resolves nuclear cusps and asks for a
                function that decays.
            spacing: longest edge of a cell in Angstrom, 0.1 by default.
            margin: in Angstrom.
        """
        if box is None and spacing is None:
            return self._integral_over_space(channel)
        if box is None:
            positions = self.atoms.positions
            box = np.stack([positions.min(axis=0) - margin, positions.max(axis=0) + margin])
        return super().integral(channel, box=box, spacing=0.1 if spacing is None else spacing)

    def line(self, start: ArrayLike, end: ArrayLike, n: int = 101) -> tuple[Tensor, Tensor]:
        """Points (n, 3) from `start` to `end`, both included, and values (n, n_channels)."""
        a, b = (np.asarray(x, dtype=float).reshape(3) for x in (start, end))
        points = self._as_points(a + np.linspace(0, 1, n)[:, None] * (b - a))
        return points, self(points)

    def plane(
        self,
        center: ArrayLike | None = None,
        normal: ArrayLike | None = None,
        size: float | None = None,
        spacing: float = 0.1,
    ) -> tuple[Tensor, Tensor]:
        """Points (n, n, 3) on a square in a plane and values (n, n, n_channels).

        Args:
            center: centre of the square; the centroid of the atoms if None.
            normal: direction perpendicular to it; that in which the atoms extend least if None.
            size: edge of the square in Angstrom; 3 Angstrom around all atoms if None.
            spacing: distance between points in Angstrom.
        """
        check_positive("spacing", spacing)
        if size is not None:
            check_positive("size", size)
        middle, frame, size = square(self.atoms.positions, center, normal, size)
        ticks = np.linspace(-size / 2, size / 2, int(np.ceil(size / spacing)) + 1)
        u, v = np.meshgrid(ticks, ticks, indexing="ij")
        points = middle + u[..., None] * frame[0] + v[..., None] * frame[1]  # (n, n, 3)
        values = self(points.reshape(-1, 3))
        return self._as_points(points.reshape(-1, 3)).view(points.shape), values.view(*u.shape, -1)

    def grid(self, spacing: float = 0.2, margin: float = 4.0) -> tuple[Grid, Tensor]:
        """A regular grid around the atoms and values (nx, ny, nz, n_channels) on it.

        Args:
            spacing: distance between points in Angstrom.
            margin: distance of the grid's walls from the outermost atoms in Angstrom.
        """
        grid = Grid.around(self.atoms.positions, spacing, margin)
        return grid, self(grid.points).view(*grid.shape, -1)

    def to_atoms(
        self,
        level: float | None = None,
        spacing: float = 0.35,
        margin: float = 1.5,
        separation: float = 0.5,
    ) -> Atoms:
        """The atoms that the function shows: peaks of its channels that are elements.

        They are found without the atoms of the field, which only say where to look. Bumps have to
        be narrow enough to be apart, as those of `VectorFunction(radii={"C": 0.7, ...})` are: two
        Gaussians nearer than two standard deviations make one peak.

        Args:
            level: height from which a peak is an atom; half the highest value found if None.
            spacing: of the grid from which peaks are climbed, in Angstrom.
            margin: how far from the atoms of the field they may be, in Angstrom.
            separation: distance in Angstrom below which two peaks are one atom, of the element
                whose channel is higher.

        Returns:
            Atoms at the peaks, heavy ones first; none where nothing is positive.

        Raises:
            ValueError: if no channel is an element: `C`, `ligand:C`, `functions.C`.
        """
        return atoms_of(self, level, spacing, margin, separation)

    def _integral_over_space(self, channel: str | None) -> float:
        """Integral by the quadrature around the nuclei."""
        column = self.index(channel)
        numbers = torch.as_tensor(self.atoms.numbers, device=self.device)
        positions = self._as_points(self.atoms.positions)
        points, weights = atom_centered_quadrature(numbers, positions)
        return float((self(points)[:, column] * weights).double().sum())


def square(
    positions: np.ndarray, center: ArrayLike | None, normal: ArrayLike | None, size: float | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Where the square of `FieldAroundAtoms.plane` lies around atoms at positions (n_atoms, 3).

    Returns:
        Its centre (3,), the directions along it, across it and normal to it as rows (3, 3), and
        its edge in Angstrom.
    """
    middle = positions.mean(axis=0) if center is None else np.asarray(center, float)
    frame = _plane_frame(positions, normal)
    if size is None:
        in_plane = (positions - middle) @ frame[:2].T  # (n_atoms, 2)
        size = 2 * (float(np.abs(in_plane).max()) + 3.0)
    return middle, frame, size


def _plane_frame(positions: np.ndarray, normal: ArrayLike | None) -> np.ndarray:
    """Orthonormal rows (3, 3): two vectors in the plane and its normal."""
    centered = positions - positions.mean(axis=0)
    if normal is None:
        return np.linalg.svd(np.concatenate([centered, np.zeros((3, 3))]))[2]
    axis = np.asarray(normal, dtype=float)
    if axis.shape != (3,) or not np.linalg.norm(axis) > 0:
        raise ValueError(f"normal must be a vector of length 3 that is not zero, got {normal!r}")
    axis = axis / np.linalg.norm(axis)
    along = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    along /= np.linalg.norm(along)
    return np.stack([along, np.cross(axis, along), axis])
