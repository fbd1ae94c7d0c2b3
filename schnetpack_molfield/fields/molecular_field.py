"""The field of one molecule: ask it anywhere, write it, look at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase import Atoms
from numpy.typing import ArrayLike

from schnetpack_molfield.checks import check_new_file
from schnetpack_molfield.fields.arithmetic import combined
from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms
from schnetpack_molfield.fields.cube import write_field
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.learned_field import ask_model
from schnetpack_molfield.fields.mesh import SUFFIXES, marching_cubes, write_mesh
from schnetpack_molfield.fields.pictures import draw_slice, draw_surfaces, save, view_surfaces
from schnetpack_molfield.fields.surface_box import surface_box

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from schnetpack.model import AtomisticModel

PICTURES = (".png", ".pdf", ".svg")


class MolecularField(FieldAroundAtoms):
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
            atoms: the molecule. A function of time doesn't need it: it only says where the field
                is looked for, and stands in files and pictures; without it, charts do.
            dtype: precision; that of the model if None.
            device: where to compute.
            time: for a function of point and time, in the unit of its training data.

        Returns:
            The field with the channels of all heads of the model, `output_key.channel` where two
            heads share a name.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file isn't a model, the model has no field, the structure is bad, or
                atoms and time aren't what the model's field is a function of.
        """
        return cls(**ask_model(model, atoms, dtype, device, time)._asdict())

    def __repr__(self) -> str:
        names = (self.label(channel) for channel in self.channels)
        dtype = str(self.dtype).removeprefix("torch.")
        return f"<MolecularField of {self.atoms.symbols}: {', '.join(names)}; {dtype}>"

    def __add__(self, other: MolecularField) -> MolecularField:
        """The sum of two fields of the same molecule, with the same channels and units."""
        return combined(self, other, 1.0) if isinstance(other, MolecularField) else NotImplemented

    def __sub__(self, other: MolecularField) -> MolecularField:
        """The difference of two fields, such as `density - PromoleculeDensity().of(atoms)`."""
        return combined(self, other, -1.0) if isinstance(other, MolecularField) else NotImplemented

    def isosurface(
        self,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Triangle mesh of the surface where a channel has a value.

        The box is widened until the surface doesn't leave it; a warning says where none does.

        Args:
            channel: name of the channel; may be left out if there is only one.
            level: the value, in the channel's unit.
            spacing: grid spacing of the search in Angstrom.
            margin: how far from the atoms to search at first, in Angstrom.

        Returns:
            Vertices (n, 3) in Angstrom in the lab frame and faces (m, 3), which face away from
            the enclosed volume.

        Raises:
            ValueError: if the channel does not take this value on the grid.
        """
        box = surface_box(self, self.index(channel), level, spacing, margin)
        return marching_cubes(box.grid, box.values, level, box.far)

    def to_cube(
        self,
        path: str | Path,
        channel: str | None = None,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
        units: str | None = None,
    ) -> Grid:
        """Write a channel as a Gaussian cube file.

        Values are in the unit that programs expect in such a file: densities in e/bohr^3,
        potentials in Ha/e, orbitals in 1/bohr^1.5, anything else in the channel's own unit. The
        comment line says which. The grid is moved by less than 1e-6 Angstrom to one that the
        file's digits hold exactly, so that the values belong to the very points a reader gets.

        Args:
            path: file to write, `*.cube` or `*.cub`.
            channel: name of the channel; may be left out if there is only one.
            spacing: distance between points in Angstrom.
            margin: distance of the grid's walls from the outermost atoms in Angstrom.
            force: overwrite the file if it exists.
            units: unit of the values in the file, in place of the custom.

        Returns:
            The grid that was written.

        Raises:
            FileExistsError: if the file exists and `force` is not set.
            ValueError: if the channel's unit can't be converted to `units`.
        """
        path = check_new_file(path, (".cube", ".cub"), force)
        grid = Grid.around(self.atoms.positions, spacing, margin).as_written_in_cube()
        write_field(path, self, grid, channel, units)
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
        path, column = _picture_path(path, force), self.index(channel)
        points, values = self.plane(center, normal, size, spacing)
        figure = draw_slice(
            points.numpy(force=True),
            values[..., column].numpy(force=True),
            self.atoms,
            self.label(channel),
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
        path = _picture_path(path, force)
        grid, values = self._channel_on_grid(channel, spacing, margin)
        levels = _levels(values, level)
        meshes = [marching_cubes(grid, values, level) for level in levels]
        title = self.label(channel)
        return save(draw_surfaces(meshes, levels, self.atoms, title), path)

    def view(
        self,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
    ) -> Any:
        """An interactive py3Dmol view for notebooks; arguments as in `render`."""
        grid, values = self._channel_on_grid(channel, spacing, margin)
        return view_surfaces(grid, values, _levels(values, level), self.atoms)

    def _channel_on_grid(
        self, channel: str | None, spacing: float, margin: float
    ) -> tuple[Grid, np.ndarray]:
        """A grid around the atoms and one channel (nx, ny, nz) on it."""
        column = self.index(channel)
        grid, values = self.grid(spacing, margin)
        return grid, values[..., column].numpy(force=True)


def _levels(values: np.ndarray, level: float) -> list[float]:
    """The level, and its negative if the values reach it as well."""
    return [level, -level] if level != 0 and values.min() < -level < values.max() else [level]


def _picture_path(path: str | Path | None, force: bool) -> Path | None:
    """The checked path of a picture, or None."""
    return None if path is None else check_new_file(path, PICTURES, force)
