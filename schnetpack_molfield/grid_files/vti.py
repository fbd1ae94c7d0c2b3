"""VTK's image data, .vti (ParaView), by pyvista: first axis fastest, atoms among the field data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume, stated_unit
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["read", "write"]


def read(path: Path) -> Volume:
    """All scalar arrays at the points of an image, in Angstrom.

    Raises:
        ValueError: if there is none.
    """
    image = _read_image(path)
    names = [name for name in image.point_data if image.point_data[name].ndim == 1]
    if not names:
        raise ValueError(f"{path} has no values at its points")
    nx, ny, nz = image.dimensions
    turned = np.array(image.direction_matrix)  # columns are the directions of the axes
    grid = Grid(np.array(image.origin), (turned * image.spacing).T, (nx, ny, nz))
    arrays = [np.array(image.point_data[name], dtype=float) for name in names]
    values = np.stack([x.reshape((nx, ny, nz), order="F") for x in arrays], axis=-1)
    channels, units = zip(*map(stated_unit, names), strict=True)
    return Volume(grid, values, list(channels), list(units), _atoms(image))


def write(path: Path, volume: Volume) -> None:
    """Write all quantities in their own units, which stand in the names of the arrays.

    Raises:
        ValueError: if the vectors of the grid aren't at right angles.
    """
    pyvista, grid = optional_import("pyvista", "viz"), volume.grid
    spacing = np.linalg.norm(grid.steps, axis=1)  # (3,)
    directions = grid.steps / spacing[:, None]
    if np.abs(directions @ directions.T - np.eye(3)).max() > 1e-6:
        raise ValueError("a .vti file holds grids with right angles only")
    image = pyvista.ImageData(dimensions=grid.shape, spacing=spacing, origin=grid.origin)
    image.direction_matrix = directions.T
    for k, title in enumerate(volume.titles()):
        image.point_data[title or "values"] = volume.values[..., k].ravel(order="F")
    image.field_data["atomic_numbers"] = volume.atoms.numbers
    image.field_data["positions / Ang"] = volume.atoms.positions
    with replace_when_complete(path) as partial:
        image.save(partial)


def _read_image(path: Path) -> Any:
    pyvista = optional_import("pyvista", "viz")
    if not path.read_bytes()[:200].lstrip().startswith(b"<"):
        raise ValueError(f"{path} is no .vti file, which is XML")
    try:
        image = pyvista.read(path)
    except Exception as error:  # VTK raises whatever comes up
        raise ValueError(f"{path} is no whole .vti file: {error}") from error
    if not isinstance(image, pyvista.ImageData) or image.n_points == 0:
        raise ValueError(f"{path} holds no image data, or is cut off")
    return image


def _atoms(image: Any) -> Atoms:
    if "atomic_numbers" not in image.field_data:
        return Atoms()
    positions = np.asarray(image.field_data["positions / Ang"]).reshape(-1, 3)
    return Atoms(np.asarray(image.field_data["atomic_numbers"]), positions)
