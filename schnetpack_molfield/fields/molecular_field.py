"""The field of one molecule: ask it anywhere, write it, look at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from ase import Atoms
from numpy.typing import ArrayLike

from schnetpack_molfield.checks import check_new_file
from schnetpack_molfield.fields.arithmetic import combined
from schnetpack_molfield.fields.captions import caption
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.learned_field import ask_model
from schnetpack_molfield.fields.pictures import check_pixels, picture_path, save
from schnetpack_molfield.fields.slices import SliceStyle, draw_slice
from schnetpack_molfield.fields.surfaces import FieldWithSurfaces
from schnetpack_molfield.grid_files.endings import CUBES

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from schnetpack.model import AtomisticModel

__all__ = ["MolecularField"]


class MolecularField(FieldWithSurfaces):
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
        """The sum of fields of a molecule and of it or a part of it, with the same channels."""
        return combined(self, other, 1.0) if isinstance(other, MolecularField) else NotImplemented

    def __sub__(self, other: MolecularField) -> MolecularField:
        """The difference to a field of the same molecule, or of a part of it.

        For example of a complex to its fragments, of the densities of an ion and the molecule
        (Fukui functions), of two models.
        """
        return combined(self, other, -1.0) if isinstance(other, MolecularField) else NotImplemented

    def to_grid(
        self,
        path: str | Path,
        channel: str | None = None,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
        units: str | None = None,
    ) -> Grid:
        """Write values on a grid around the atoms, in the format of the file's ending.

        It is moved to the nearest grid that the format holds to its last digit, so that the values
        belong to the very points a reader gets: by less than 1e-6 Angstrom in a cube, by up to half
        a step in a CCP4 map, which begins at whole steps.

        Args:
            path: file to write: `*.cube`, `*.dx`, `*.ccp4`, `*.mrc`, `*.map`, `*.vti` or `*.npz`.
            channel: name of the channel; may be left out if there is only one. In .vti and .npz
                files all channels are written without it.
            spacing: distance between points in Angstrom.
            margin: distance of the grid's walls from the outermost atoms in Angstrom.
            force: overwrite the file if it exists.
            units: unit of the values in the file. Without it the channel's own, in cubes what
                programs expect there: e/bohr^3, Ha/e, 1/bohr^1.5.

        Returns:
            The grid that was written.

        Raises:
            FileExistsError: if the file exists and `force` is not set.
            ValueError: if the channel's unit can't be converted to `units`.
        """
        from schnetpack_molfield import grid_files

        path = check_new_file(path, grid_files.WRITTEN, force)
        grid = grid_files.nearest_grid(path, Grid.around(self.atoms.positions, spacing, margin))
        grid_files.write_field(path, self, grid, channel, units)
        return grid

    def to_cube(
        self,
        path: str | Path,
        channel: str | None = None,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
        units: str | None = None,
    ) -> Grid:
        """Write a channel as a Gaussian cube file: `to_grid` for `*.cube` and `*.cub`."""
        check_new_file(path, CUBES, force)
        return self.to_grid(path, channel, spacing, margin, force, units)

    def picture(
        self,
        path: str | Path | None = None,
        channel: str | None = None,
        center: ArrayLike | None = None,
        normal: ArrayLike | None = None,
        size: float | None = None,
        spacing: float = 0.05,
        force: bool = False,
        *,
        limits: tuple[float, float] | None = None,
        levels: Sequence[float] | None = None,
        colormap: str | None = None,
        width: float = 6.0,
        dpi: int = 200,
    ) -> Figure:
        """Draw a slice with contours and the atoms near it; save it if a path is given.

        Args:
            path: file to write, `*.png`, `*.pdf` or `*.svg`.
            channel: name of the channel; may be left out if there is only one.
            center: centre of the slice, see `plane`.
            normal: direction perpendicular to it, see `plane`.
            size: edge of the slice in Angstrom; what is near the atoms if None.
            spacing: distance between points in Angstrom.
            force: overwrite the file if it exists.
            limits: values at the ends of the colours; those of 98 % of the values if None.
            levels: values of the contours; eleven over the colours if None.
            colormap: one of matplotlib's; blue for positive and red for negative values if None.
            width: of the picture in inches.
            dpi: pixels per inch.
        """
        path, column = picture_path(path, force), self.index(channel)
        check_pixels(width, dpi)
        style = SliceStyle(limits, levels, colormap, width)
        points, values = self.plane(center, normal, size, spacing)
        name = self.channels[column]
        figure = draw_slice(
            points.numpy(force=True),
            values[..., column].numpy(force=True),
            self.atoms,
            caption(name, self.units[name]),
            style,
            crop=size is None,
        )
        return save(figure, path, dpi)
