"""Isosurfaces as triangle meshes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["COLORED", "SUFFIXES", "marching_cubes", "write_mesh"]

#: Endings of the mesh files that can be written.
SUFFIXES = (".ply", ".obj", ".glb", ".stl")

#: Those that hold colours.
COLORED = (".ply", ".obj", ".glb")


def marching_cubes(
    grid: Grid, values: np.ndarray, level: float, far: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of the surface where interpolated values equal a level.

    Lewiner et al., J. Graph. Tools 8, 1 (2003), by scikit-image. The outside of a surface that
    doesn't leave the grid is where the grid's walls are. The outside of one that does is the side
    that far from the molecule is on; that of higher values, as of a distance, if it is the level.

    Args:
        grid: where the values are.
        values: (nx, ny, nz).
        level: value on the surface.
        far: value far from the molecule.

    Returns:
        Vertices (n, 3) in the lab frame and faces (m, 3), which face away from the enclosed
        volume.

    Raises:
        ValueError: if the values do not reach the level.
    """
    measure = optional_import("skimage.measure", "viz")
    if not values.min() < level < values.max():
        raise ValueError(
            f"level {level:g} is outside the values on the grid, "
            f"{values.min():g} to {values.max():g}; choose one in between"
        )
    walls = values[grid.on_walls]
    closed = not walls.min() < level < walls.max()
    higher_outside = bool(walls.max() > level) if closed else far >= level
    direction = "descent" if higher_outside == (np.linalg.det(grid.steps) > 0) else "ascent"
    indices, faces, _, _ = measure.marching_cubes(values, level, gradient_direction=direction)
    return grid.to_lab(indices), faces


def write_mesh(
    path: str | Path, vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray | None = None
) -> None:
    """Write a mesh in the format of the file's ending, one of `SUFFIXES`.

    Args:
        path: file to write; one that exists is overwritten.
        vertices: (n, 3).
        faces: (m, 3).
        colors: (n, 4) from 0 to 255, in one of the formats `COLORED`.
    """
    trimesh = optional_import("trimesh", "viz")
    mesh = trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False)
    with replace_when_complete(Path(path)) as partial:
        mesh.export(partial, file_type=partial.suffix.lower().removeprefix("."))
