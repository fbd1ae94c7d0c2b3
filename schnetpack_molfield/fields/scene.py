"""Isosurfaces in 3-D: pyvista draws, with transparent surfaces in the right order."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.fields.captions import quantity
from schnetpack_molfield.fields.palette import atom_colors, atom_radii, bonds, level_colors
from schnetpack_molfield.fields.surface_colors import SurfaceColors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_surfaces"]

#: Layers of transparent surfaces behind each other that are told apart.
_LAYERS = 12

#: Faces look outwards already.
_AS_THEY_ARE = {"consistent_normals": False, "split_vertices": False}


def draw_surfaces(
    meshes: Sequence[tuple[np.ndarray, np.ndarray]],
    levels: Sequence[float],
    atoms: Atoms,
    title: str,
    unit: str = "",
    camera: ArrayLike | None = None,
    width: float = 6.0,
    dpi: int = 200,
    colors: SurfaceColors | None = None,
) -> Figure:
    """Translucent surfaces, one mesh per level, around a ball-and-stick molecule.

    A legend tells levels and elements, a colour bar the quantity that the surfaces are coloured by.

    Args:
        meshes: vertices (n, 3) and faces (m, 3) of every surface.
        levels: value of the channel on every surface, for the legend.
        atoms: the molecule.
        title: of the picture.
        unit: of the levels.
        camera: (3,) direction from the molecule to the eye; None looks on its widest side.
        width: of the picture in inches.
        dpi: pixels per inch.
        colors: values on the surfaces that colour them; each has the colour of its level if None.

    Raises:
        ValueError: if the camera isn't a direction.
    """
    view, pixels = _view(atoms, camera), round(width * dpi)
    looks = _looks(levels, colors)
    image = _cropped(_photograph(meshes, looks, atoms, view, pixels))
    figure = optional_import("matplotlib.figure", "viz").Figure(layout="tight")
    figure.set_size_inches(width, width * image.shape[0] / image.shape[1] + 0.6)
    axes = figure.add_subplot(title=title)
    axes.imshow(image, interpolation="antialiased")
    axes.set_axis_off()
    handles = [*_level_handles(levels, unit, colors is None), *_element_handles(atoms)]
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "ncols": min(6, len(handles))}
    axes.legend(handles=handles, frameon=False, **place)
    if colors is not None:
        bar = {"label": colors.title, "extend": colors.extend, "shrink": 0.8, "pad": 0.02}
        figure.colorbar(colors.mappable, ax=axes, **bar)
    return figure


def _level_handles(levels: Sequence[float], unit: str, colored: bool) -> list[Any]:
    """Entries of the legend for the surfaces; grey where their colours say something else."""
    patches = optional_import("matplotlib.patches", "viz")
    colors = level_colors(levels) if colored else ["#9a9a9a"] * len(levels)
    return [
        patches.Patch(color=color, alpha=0.6, label=quantity(level, unit))
        for level, color in zip(levels, colors, strict=True)
    ]


def _element_handles(atoms: Atoms) -> list[Any]:
    """Entries of the legend for the elements, in the order of their numbers."""
    lines = optional_import("matplotlib.lines", "viz")
    _, first = np.unique(atoms.numbers, return_index=True)
    look = {"linestyle": "none", "marker": "o", "markeredgecolor": "black", "markersize": 9}
    return [
        lines.Line2D([], [], color=color, label=symbol, **look)
        for color, symbol in zip(atom_colors(atoms)[first], atoms[first].symbols, strict=True)
    ]


def _looks(levels: Sequence[float], colors: SurfaceColors | None) -> list[dict[str, Any]]:
    """How pyvista draws every surface."""
    look: dict[str, Any] = {"smooth_shading": True, "ambient": 0.35, "specular": 0.2}
    if colors is None:
        return [{"color": color, "opacity": 0.4, **look} for color in level_colors(levels)]
    scale = {"cmap": colors.colormap, "clim": colors.limits, "show_scalar_bar": False}
    return [
        {"scalars": x, "opacity": 0.75, "culling": "back", **scale, **look} for x in colors.values
    ]


def _photograph(
    meshes: Sequence[tuple[np.ndarray, np.ndarray]],
    looks: Sequence[dict[str, Any]],
    atoms: Atoms,
    view: tuple[np.ndarray, np.ndarray],
    pixels: int,
) -> np.ndarray:
    """Red, green and blue from 0 to 255 of a square picture on white, (pixels, pixels, 3)."""
    plotter = _plotter(pixels)
    _add_molecule(plotter, atoms)
    pyvista = optional_import("pyvista", "viz")
    for (vertices, faces), look in zip(meshes, looks, strict=True):
        surface = pyvista.PolyData.from_regular_faces(vertices.astype(np.float32), faces)
        surface = surface.compute_normals(cell_normals=False, **_AS_THEY_ARE)
        plotter.add_mesh(surface, **look)
    direction, upwards = view
    plotter.view_vector(direction.tolist(), upwards.tolist())
    plotter.camera.zoom(1.2)
    image = plotter.screenshot(return_img=True)
    plotter.close()
    return np.asarray(image)[..., :3]


def _plotter(pixels: int) -> Any:
    """An empty white scene, off the screen, also where there is no display."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    pyvista = optional_import("pyvista", "viz")
    plotter = pyvista.Plotter(off_screen=True, window_size=(pixels, pixels), lighting="none")
    plotter.add_light(pyvista.Light(light_type="headlight"))  # both sides of a surface look alike
    plotter.set_background("white")
    plotter.enable_depth_peeling(_LAYERS)
    plotter.enable_anti_aliasing("ssaa")
    return plotter


def _add_molecule(plotter: Any, atoms: Atoms) -> None:
    """Balls, and sticks between those that are bound."""
    pyvista = optional_import("pyvista", "viz")
    centers = pyvista.PolyData(atoms.positions.astype(np.float32))
    centers["radius"] = atom_radii(atoms)
    centers["color"] = np.round(255 * atom_colors(atoms)).astype(np.uint8)
    ball = pyvista.Sphere(radius=1.0, theta_resolution=32, phi_resolution=32)
    balls = centers.glyph(scale="radius", orient=False, geom=ball)
    plotter.add_mesh(balls, scalars="color", rgb=True, smooth_shading=True, specular=0.4)
    ends = bonds(atoms)  # (n_bonds, 2, 3)
    if len(ends):
        lines = pyvista.line_segments_from_points(ends.reshape(-1, 3).astype(np.float32))
        plotter.add_mesh(lines.tube(radius=0.09), color="#6b6b6b", smooth_shading=True)


def _view(atoms: Atoms, camera: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Direction to the eye (3,) and what is up (3,)."""
    centered = atoms.positions - atoms.positions.mean(axis=0)
    along, across, normal = np.linalg.svd(np.concatenate([centered, np.zeros((3, 3))]))[2]
    if camera is None:
        return normal + 0.45 * across + 0.25 * along, across
    direction = np.asarray(camera, dtype=float)
    if direction.shape != (3,) or not 0 < np.linalg.norm(direction) < np.inf:
        raise ValueError(f"camera must be a direction of three numbers, got {camera!r}")
    cosines = np.abs(np.stack([across, along]) @ direction) / np.linalg.norm(direction)
    return direction, across if cosines[0] < 0.9 else along


def _cropped(image: np.ndarray, border: float = 0.03) -> np.ndarray:
    """The part of a picture (n, n, 3) that isn't white, with a border of a share of its size."""
    drawn = image.min(axis=2) < 250  # (n, n)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if len(rows) == 0:
        return image
    edge = round(border * len(image))
    top, left = max(0, rows[0] - edge), max(0, columns[0] - edge)
    return image[top : rows[-1] + edge + 1, left : columns[-1] + edge + 1]
