"""The field of one molecule: ask it anywhere, integrate it, write it, look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase import Atoms
from numpy.typing import ArrayLike
from torch import Tensor

from schnetpack_molfield.fields.checks import check_atoms, check_new_file
from schnetpack_molfield.fields.derivatives import Evaluate
from schnetpack_molfield.fields.field import Field
from schnetpack_molfield.fields.grid import Grid, check_positive
from schnetpack_molfield.fields.quadrature import atom_centered_quadrature

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from schnetpack.model import AtomisticModel

PICTURES = (".png", ".pdf", ".svg")


class MolecularField(Field):
    """A queryable function of space that belongs to a molecule.

    It wraps any function of points: an exact one (`VectorFunction(...).of(atoms)`), one of a
    quantum-chemical calculation, or a trained model's. Points are in Angstrom in the lab frame of
    the atoms. See `Field` for shapes, units and derivatives.

    Example:
        >>> field = PromoleculeDensity().of(ase.build.molecule("C6H6"))
        >>> field(field.atoms.positions)  # (12, 1)
        >>> field.to_cube("rho.cube", spacing=0.2)
        >>> vertices, faces = field.isosurface(level=0.01)

    Args:
        evaluate: function from points (n, 3), of the field's dtype and device, to channels
            (n, n_channels), row by row.
        atoms: the molecule.
        channels: names of the channels.
        units: unit of every channel, or one unit for all.
        dtype: precision; torch's default dtype if None.
        device: where to compute.
        block_size: number of points evaluated together.

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

    @classmethod
    def from_model(
        cls,
        model: str | Path | AtomisticModel,
        atoms: Atoms | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
        time: float | None = None,
    ) -> MolecularField:
        """The field of a molecule by a trained model, which sees the molecule once.

        Args:
            model: file `best_model`, the folder of the run with it, or a model.
            atoms: the molecule; a function of time needs none, its charts then stand in its place.
            dtype: precision; that of the model if None.
            device: where to compute.
            time: for a function of point and time, in the unit of its training data.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file isn't a model, the model has no field, the structure is bad, or
                atoms and time aren't what the model's field is a function of.
        """
        from schnetpack_molfield.interfaces.field_model import learned_field

        return learned_field(model, atoms, dtype, device, time)

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
        middle = self.atoms.positions.mean(axis=0) if center is None else np.asarray(center, float)
        frame = _plane_frame(self.atoms.positions, normal)  # (3, 3) rows: along, across, normal
        if size is None:
            in_plane = (self.atoms.positions - middle) @ frame[:2].T  # (n_atoms, 2)
            size = 2 * (float(np.abs(in_plane).max()) + 3.0)
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

    def isosurface(
        self,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Triangle mesh of the surface where a channel has a value.

        Args:
            channel: name of the channel; may be left out if there is only one.
            level: the value, in the channel's unit.
            spacing: grid spacing of the search in Angstrom.
            margin: how far from the atoms to search in Angstrom.

        Returns:
            Vertices (n, 3) in Angstrom in the lab frame and faces (m, 3), which face away from
            the enclosed volume.

        Raises:
            ValueError: if the channel does not take this value on the grid.
        """
        from schnetpack_molfield.interfaces.mesh import marching_cubes

        return marching_cubes(*self._channel_on_grid(channel, spacing, margin), level)

    def to_cube(
        self,
        path: str | Path,
        channel: str | None = None,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
    ) -> Grid:
        """Write a channel as a Gaussian cube file.

        The grid is moved by less than 1e-6 Angstrom to one that the file's digits hold exactly,
        so that the values belong to the very points a reader gets.

        Args:
            path: file to write, `*.cube` or `*.cub`.
            channel: name of the channel; may be left out if there is only one.
            spacing: distance between points in Angstrom.
            margin: distance of the grid's walls from the outermost atoms in Angstrom.
            force: overwrite the file if it exists.

        Returns:
            The grid that was written.

        Raises:
            FileExistsError: if the file exists and `force` is not set.
        """
        from schnetpack_molfield.interfaces.cube import write_cube

        path, column = check_new_file(path, (".cube", ".cub"), force), self.index(channel)
        grid = Grid.around(self.atoms.positions, spacing, margin).as_written_in_cube()
        values = self(grid.points)[:, column].view(grid.shape)  # (nx, ny, nz)
        label = self._label(self.channels[column])
        write_cube(path, self.atoms, grid, values.numpy(force=True), label)
        return grid

    def to_mesh(
        self,
        path: str | Path,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
    ) -> None:
        """Write an isosurface as PLY, OBJ, GLB or STL; arguments as in `isosurface`.

        Raises:
            FileExistsError: if the file exists and `force` is not set.
        """
        from schnetpack_molfield.interfaces.mesh import SUFFIXES, write_mesh

        path = check_new_file(path, SUFFIXES, force)
        write_mesh(path, *self.isosurface(channel, level, spacing, margin))

    def picture(
        self,
        path: str | Path | None = None,
        channel: str | None = None,
        center: ArrayLike | None = None,
        normal: ArrayLike | None = None,
        size: float | None = None,
        spacing: float = 0.05,
        force: bool = False,
    ) -> Figure:
        """Draw a slice with contours and the atoms near it; save it if a path is given.

        Args:
            path: file to write, `*.png`, `*.pdf` or `*.svg`.
            channel: name of the channel; may be left out if there is only one.
            center: centre of the slice, see `plane`.
            normal: direction perpendicular to it, see `plane`.
            size: edge of the slice in Angstrom, see `plane`.
            spacing: distance between points in Angstrom.
            force: overwrite the file if it exists.
        """
        from schnetpack_molfield.interfaces.pictures import draw_slice, save

        path, column = _picture_path(path, force), self.index(channel)
        points, values = self.plane(center, normal, size, spacing)
        figure = draw_slice(
            points.numpy(force=True),
            values[..., column].numpy(force=True),
            self.atoms,
            self._label(self.channels[column]),
        )
        return save(figure, path)

    def render(
        self,
        path: str | Path | None = None,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
    ) -> Figure:
        """Draw isosurfaces at `level`, and at -level where there is one, with the molecule.

        Args:
            path: file to write, `*.png`, `*.pdf` or `*.svg`; none if None.
            channel: name of the channel; may be left out if there is only one.
            level: value of the channel on the surface, in its unit.
            spacing: grid spacing in Angstrom.
            margin: how far from the atoms to search in Angstrom.
            force: overwrite the file if it exists.
        """
        from schnetpack_molfield.interfaces.mesh import marching_cubes
        from schnetpack_molfield.interfaces.pictures import draw_surfaces, save

        path = _picture_path(path, force)
        grid, values = self._channel_on_grid(channel, spacing, margin)
        levels = _levels(values, level)
        meshes = [marching_cubes(grid, values, level) for level in levels]
        title = self._label(self.channels[self.index(channel)])
        return save(draw_surfaces(meshes, levels, self.atoms, title), path)

    def view(
        self,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
    ) -> Any:
        """An interactive py3Dmol view for notebooks; arguments as in `render`."""
        from schnetpack_molfield.interfaces.pictures import view_surfaces

        grid, values = self._channel_on_grid(channel, spacing, margin)
        return view_surfaces(grid, values, _levels(values, level), self.atoms)

    def _integral_over_space(self, channel: str | None) -> float:
        """Integral by the quadrature around the nuclei."""
        column = self.index(channel)
        numbers = torch.as_tensor(self.atoms.numbers, device=self.device)
        positions = self._as_points(self.atoms.positions)
        points, weights = atom_centered_quadrature(numbers, positions)
        return float((self(points)[:, column] * weights).double().sum())

    def _channel_on_grid(
        self, channel: str | None, spacing: float, margin: float
    ) -> tuple[Grid, np.ndarray]:
        """A grid around the atoms and one channel (nx, ny, nz) on it."""
        column = self.index(channel)
        grid, values = self.grid(spacing, margin)
        return grid, values[..., column].numpy(force=True)

    def _label(self, channel: str) -> str:
        """Name and unit of a channel, for people."""
        unit = self.units[channel]
        return f"{channel} ({unit})" if unit else channel


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


def _levels(values: np.ndarray, level: float) -> list[float]:
    """The level, and its negative if the values reach it as well."""
    return [level, -level] if level != 0 and values.min() < -level < values.max() else [level]


def _picture_path(path: str | Path | None, force: bool) -> Path | None:
    """The checked path of a picture, or None."""
    return None if path is None else check_new_file(path, PICTURES, force)
