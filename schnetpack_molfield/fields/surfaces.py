"""Surfaces where a field has a value: as meshes, in pictures and in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from schnetpack_molfield.checks import check_new_file
from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms
from schnetpack_molfield.fields.captions import caption
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.mesh import COLORED, SUFFIXES, marching_cubes, write_mesh
from schnetpack_molfield.fields.pictures import check_pixels, picture_path, save, view_surfaces
from schnetpack_molfield.fields.scene import draw_surfaces
from schnetpack_molfield.fields.surface_box import SurfaceBox, surface_box
from schnetpack_molfield.fields.surface_colors import SurfaceColors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FieldWithSurfaces"]


class FieldWithSurfaces(ElectronicField):
    """A field of a molecule with isosurfaces, which may have the colours of another quantity."""

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

    def to_mesh(
        self,
        path: str | Path,
        channel: str | None = None,
        level: float = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
        *,
        color_by: str | FieldAroundAtoms | None = None,
        color_limits: tuple[float, float] | None = None,
    ) -> None:
        """Write an isosurface as PLY, OBJ, GLB or STL; arguments as in `isosurface` and `render`.

        Raises:
            FileExistsError: if the file exists and `force` is not set.
            ValueError: if colours are asked for in a STL file.
        """
        path = check_new_file(path, SUFFIXES if color_by is None else COLORED, force)
        vertices, faces = self.isosurface(channel, level, spacing, margin)
        colors = None
        if color_by is not None:
            colors = self._colors(color_by, [vertices], color_limits).rgba(0)
        write_mesh(path, vertices, faces, colors)

    def render(
        self,
        path: str | Path | None = None,
        channel: str | None = None,
        level: float | Sequence[float] = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
        force: bool = False,
        *,
        color_by: str | FieldAroundAtoms | None = None,
        color_limits: tuple[float, float] | None = None,
        camera: ArrayLike | None = None,
        width: float = 6.0,
        dpi: int = 200,
    ) -> Figure:
        """Draw isosurfaces at `level`, and at -level where there is one, with the molecule.

        Args:
            path: file to write, `*.png`, `*.pdf` or `*.svg`; none if None.
            channel: name of the channel; may be left out if there is only one.
            level: value of the channel on the surface, in its unit; or several, which are drawn
                without their negatives.
            spacing: grid spacing in Angstrom.
            margin: how far from the atoms to search at first, in Angstrom.
            force: overwrite the file if it exists.
            color_by: channel, name of a derived field such as `esp`, or a field with one channel,
                whose values colour the surfaces; without it they have the colour of their level.
            color_limits: values at the ends of the colours; those of 98 % of the values if None.
            camera: (3,) direction from the molecule to the eye; its widest side if None.
            width: of the picture in inches.
            dpi: pixels per inch.
        """
        path, column = picture_path(path, force), self.index(channel)
        check_pixels(width, dpi)
        boxes = self._boxes(column, level, spacing, margin)
        meshes = [marching_cubes(box.grid, box.values, x, box.far) for x, box in boxes.items()]
        name, levels = self.channels[column], list(boxes)
        unit = self.units[name]
        title, colors = caption(name, unit), None
        if color_by is not None:
            vertices = [vertices for vertices, _ in meshes]
            colors = self._colors(color_by, vertices, color_limits)
        look: dict[str, Any] = {"camera": camera, "width": width, "dpi": dpi, "colors": colors}
        figure = draw_surfaces(meshes, levels, self.atoms, title, unit, **look)
        return save(figure, path, dpi)

    def view(
        self,
        channel: str | None = None,
        level: float | Sequence[float] = 0.0,
        spacing: float = 0.2,
        margin: float = 4.0,
    ) -> Any:
        """An interactive py3Dmol view for notebooks; arguments as in `render`."""
        column = self.index(channel)
        boxes = self._boxes(column, level, spacing, margin)
        widest = max(boxes.values(), key=lambda box: box.grid.n_points)
        name = self.channels[column]
        return view_surfaces(
            widest.grid, widest.values, list(boxes), self.atoms, name, self.units[name]
        )

    def _colors(
        self,
        color_by: str | FieldAroundAtoms,
        vertices: list[np.ndarray],
        limits: tuple[float, float] | None,
    ) -> SurfaceColors:
        field = self.quantity(color_by) if isinstance(color_by, str) else color_by
        return SurfaceColors.of(field, vertices, limits)

    def _boxes(
        self, column: int, level: float | Sequence[float], spacing: float, margin: float
    ) -> dict[float, SurfaceBox]:
        """A box for each level; for one level, also for its negative where that is reached."""
        if isinstance(level, Sequence):
            levels = map(float, level)
            return {x: surface_box(self, column, x, spacing, margin) for x in levels}
        box = surface_box(self, column, float(level), spacing, margin)
        boxes = {float(level): box}
        if level != 0 and box.values.min() < -level < box.values.max():
            boxes[-float(level)] = surface_box(self, column, -float(level), spacing, margin)
        return boxes
