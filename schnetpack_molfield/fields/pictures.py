"""Pictures of fields: slices, surfaces, and an interactive view."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from ase.neighborlist import natural_cutoffs, neighbor_list

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.fields.cube import write_cube
from schnetpack_molfield.fields.grid import Grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours of surfaces at positive and negative levels.
POSITIVE, NEGATIVE = "#3b6fb6", "#c44e52"


def draw_slice(points: np.ndarray, values: np.ndarray, atoms: Atoms, label: str) -> Figure:
    """Colours and contours of a channel on a planar square, and the atoms projected on it.

    Args:
        points: (n, n, 3) in the plane.
        values: (n, n).
        atoms: the molecule; atoms more than 2 Angstrom from the plane are left out.
        label: of the colour bar.
    """
    figure = optional_import("matplotlib.figure", "viz").Figure(figsize=(6, 5), layout="tight")
    axes = figure.add_subplot(aspect="equal", xlabel="x' (Å)", ylabel="y' (Å)")
    origin, frame = _frame_of(points)
    u, v, _ = np.moveaxis((points - origin) @ frame.T, -1, 0)  # (n, n) each
    signed = values.min() < 0 < values.max()
    limit = np.quantile(np.abs(values), 0.98) or 1.0  # nuclear cusps must not hide the rest
    colors = {"cmap": "RdBu_r", "vmin": -limit} if signed else {"cmap": "viridis", "vmin": 0}
    image = axes.pcolormesh(u, v, values, shading="gouraud", vmax=limit, **colors)
    if np.ptp(values) > 0:
        levels = np.linspace(-limit if signed else 0, limit, 11)
        axes.contour(u, v, values, levels=levels, colors="black", linewidths=0.4)
    figure.colorbar(image, label=label, extend="max")
    _draw_projected(axes, atoms, (atoms.positions - origin) @ frame.T)
    return figure


def draw_surfaces(
    meshes: Sequence[tuple[np.ndarray, np.ndarray]],
    levels: Sequence[float],
    atoms: Atoms,
    title: str,
) -> Figure:
    """Translucent surfaces, one mesh per level, around a ball-and-stick molecule.

    Args:
        meshes: vertices (n, 3) and faces (m, 3) of every surface.
        levels: value of the channel on every surface.
        atoms: the molecule.
        title: of the picture.
    """
    figure = optional_import("matplotlib.figure", "viz").Figure(figsize=(6, 6), layout="tight")
    axes = figure.add_subplot(projection="3d", title=title)
    for start, end in _bonds(atoms):
        axes.plot(*np.stack([start, end], axis=1), color="0.3", linewidth=3)
    sizes = 250 * covalent_radii[atoms.numbers]
    axes.scatter(
        *atoms.positions.T,
        s=sizes,
        c=jmol_colors[atoms.numbers],
        edgecolors="0.2",
        depthshade=False,
    )
    for (vertices, faces), level in zip(meshes, levels, strict=True):
        color = NEGATIVE if level < 0 else POSITIVE
        axes.plot_trisurf(*vertices.T, triangles=faces, color=color, alpha=0.35, linewidth=0)
    everything = np.concatenate([atoms.positions, *(vertices for vertices, _ in meshes)])
    _fit_view(axes, everything)
    return figure


def view_surfaces(grid: Grid, values: np.ndarray, levels: Sequence[float], atoms: Atoms) -> Any:
    """A py3Dmol view with one surface per level.

    Args:
        grid: where the values are.
        values: (nx, ny, nz).
        levels: values on the surfaces.
        atoms: the molecule.
    """
    view = optional_import("py3Dmol", "viz").view(width=600, height=500)
    xyz = io.StringIO()
    atoms.write(xyz, format="xyz")
    view.addModel(xyz.getvalue(), "xyz")
    view.setStyle({"stick": {"radius": 0.12}, "sphere": {"scale": 0.25}})
    with TemporaryDirectory() as folder:
        cube = Path(folder, "field.cube")
        write_cube(cube, atoms, grid, values)
        volume = cube.read_text()
    for level in levels:
        color = NEGATIVE if level < 0 else POSITIVE
        view.addVolumetricData(volume, "cube", {"isoval": level, "color": color, "opacity": 0.7})
    view.zoomTo()
    return view


def save(figure: Figure, path: Path | None) -> Figure:
    """Write a figure to a file, if there is one, and hand it back."""
    if path is not None:
        figure.savefig(path, dpi=200)
    return figure


def _frame_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (3,) of a planar square of points (n, n, 3) and its axes and normal (3, 3)."""
    along, across = points[-1, 0] - points[0, 0], points[0, -1] - points[0, 0]
    along, across = along / np.linalg.norm(along), across / np.linalg.norm(across)
    return points.mean(axis=(0, 1)), np.stack([along, across, np.cross(along, across)])


def _draw_projected(axes: Any, atoms: Atoms, local: np.ndarray) -> None:
    """Symbols of the atoms near the plane at their coordinates (n_atoms, 3) in its frame."""
    near = np.abs(local[:, 2]) < 2.0
    axes.scatter(
        *local[near, :2].T, s=90, c=jmol_colors[atoms.numbers[near]], edgecolors="black", zorder=3
    )
    for symbol, (x, y, _) in zip(np.array(atoms.symbols)[near], local[near], strict=True):
        axes.annotate(symbol, (x, y), ha="center", va="center", fontsize=7, zorder=4)


def _bonds(atoms: Atoms) -> np.ndarray:
    """End points (n_bonds, 2, 3) of bonds by covalent radii."""
    molecule = Atoms(atoms.numbers, atoms.positions)
    i, j = neighbor_list("ij", molecule, natural_cutoffs(molecule, mult=1.15))
    return np.stack([atoms.positions[i[i < j]], atoms.positions[j[i < j]]], axis=1)


def _fit_view(axes: Any, points: np.ndarray) -> None:
    """Equal scales on all axes of a 3-D picture, around `points` (n, 3)."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    half = np.ptp(points, axis=0).max() / 2
    axes.set(**{f"{k}lim": (m - half, m + half) for k, m in zip("xyz", middle, strict=True)})
    axes.set_box_aspect((1, 1, 1), zoom=1.3)
    axes.set_axis_off()
