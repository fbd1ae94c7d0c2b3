"""Slices of a field: colours, contours and the atoms near the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import check_choice, check_positive, optional_import
from schnetpack_molfield.fields.palette import atom_colors, atom_radii, color_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SliceStyle", "draw_slice"]

#: Atoms that are further from the plane, in Angstrom, can't be seen.
_FADED = 3.0

#: What is drawn around the atoms at least and at most, and around colours, in Angstrom.
_NEAREST, _FURTHEST, _MARGIN = 1.0, 2.5, 0.5

#: Inches beside a slice for the numbers and the colour bar.
_LABELS = 1.6

#: Smallest letters, in points, that are drawn into atoms.
_SMALLEST = 3.0


@dataclass(frozen=True)
class SliceStyle:
    """How a slice looks.

    Attributes:
        limits: values at the ends of the colours; the range of 98 % of the values if None.
        levels: values of the contours; eleven over the colours if None.
        colormap: name of one of matplotlib's; blue for positive, red for negative values if None.
        width: of the picture in inches.

    Raises:
        ValueError: for limits that don't grow, an unknown colour map or a bad width.
    """

    limits: tuple[float, float] | None = None
    levels: Sequence[float] | None = None
    colormap: str | None = None
    width: float = 6.0

    def __post_init__(self) -> None:
        check_positive("width", self.width)
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ValueError(f"limits must be a lower and an upper value, got {self.limits}")
        if self.colormap is not None:
            known = list(optional_import("matplotlib", "viz").colormaps)
            check_choice("colour map", self.colormap, known)


def draw_slice(
    points: np.ndarray,
    values: np.ndarray,
    atoms: Atoms,
    title: str,
    style: SliceStyle,
    crop: bool = True,
) -> Figure:
    """Colours and contours of a channel on a planar square, and the atoms projected on it.

    The contour at zero is thick, those at negative values are dashed. Atoms fade with their
    distance from the plane.

    Args:
        points: (n, n, 3) in the plane.
        values: (n, n).
        atoms: the molecule.
        title: of the colour bar.
        style: colours, contours and size.
        crop: show only what is near the atoms.
    """
    origin, frame = _frame_of(points)
    u, v, _ = np.moveaxis((points - origin) @ frame.T, -1, 0)  # (n, n) each
    local = (atoms.positions - origin) @ frame.T  # (n_atoms, 3)
    colormap, *automatic = color_range(values)
    low, high = style.limits or automatic
    # as far as the first of eleven contours
    colored = np.abs(values) > 0.1 * max(abs(low), abs(high))  # (n, n)
    window = _window(u, v, local, colored, crop)
    figure = optional_import("matplotlib.figure", "viz").Figure(layout="tight")
    (left, right), (lower, upper) = window
    aspect = (upper - lower) / (right - left)
    labels = min(_LABELS, 0.5 * style.width)
    panel = (style.width - labels) / max(1.0, aspect)  # width of the slice itself, in inches
    figure.set_size_inches(panel + labels, panel * aspect + 0.6)
    axes = figure.add_subplot(aspect="equal", xlabel="x′ / Å", ylabel="y′ / Å")
    image = axes.pcolormesh(
        u, v, values, shading="gouraud", cmap=style.colormap or colormap, vmin=low, vmax=high
    )
    image.set_rasterized(True)  # an SVG of triangles takes 17 MB
    _draw_contours(axes, u, v, values, style.levels, low, high)
    _draw_atoms(axes, atoms, local, 72 * panel / (right - left))
    axes.set(xlim=window[0], ylim=window[1])
    _add_colorbar(figure, axes, image, title, values, (low, high))
    return figure


def _frame_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (3,) of a planar square of points (n, n, 3) and its axes and normal (3, 3)."""
    along, across = points[-1, 0] - points[0, 0], points[0, -1] - points[0, 0]
    along, across = along / np.linalg.norm(along), across / np.linalg.norm(across)
    return points.mean(axis=(0, 1)), np.stack([along, across, np.cross(along, across)])


def _window(
    u: np.ndarray, v: np.ndarray, local: np.ndarray, colored: np.ndarray, crop: bool
) -> np.ndarray:
    """Ends (2, 2) of what is shown along u and v: atoms, and the colours near them."""
    ends = np.array([[u.min(), u.max()], [v.min(), v.max()]], dtype=float)
    if not crop:
        return ends
    first, last = local[:, :2].min(axis=0), local[:, :2].max(axis=0)  # (2,) each
    seen = np.stack([u[colored], v[colored]])  # (2, n_colored)
    lower = np.minimum(first - _NEAREST, seen.min(axis=1, initial=np.inf) - _MARGIN)
    upper = np.maximum(last + _NEAREST, seen.max(axis=1, initial=-np.inf) + _MARGIN)
    near = np.stack(
        [np.maximum(lower, first - _FURTHEST), np.minimum(upper, last + _FURTHEST)], axis=1
    )
    near = np.clip(near, ends[:, :1], ends[:, 1:])  # (2, 2)
    return near if (np.diff(near, axis=1) > 1.0).all() else ends


def _draw_contours(
    axes: Any,
    u: np.ndarray,
    v: np.ndarray,
    values: np.ndarray,
    levels: Sequence[float] | None,
    low: float,
    high: float,
) -> None:
    chosen = np.linspace(low, high, 11) if levels is None else np.unique(np.asarray(levels, float))
    chosen = np.where(np.abs(chosen) < 1e-9 * max(abs(low), abs(high)), 0.0, chosen)
    chosen = chosen[(chosen > values.min()) & (chosen < values.max())]
    if levels is None and not low < 0 < high:
        chosen = chosen[chosen != 0]  # noise around zero makes no contour
    if len(chosen):
        widths = np.where(chosen == 0, 1.8, 0.5)
        dashes = np.where(chosen < 0, "dashed", "solid")
        axes.contour(
            u, v, values, levels=chosen, colors="black", linewidths=widths, linestyles=dashes
        )


def _draw_atoms(axes: Any, atoms: Atoms, local: np.ndarray, points_per_angstrom: float) -> None:
    """Balls of the atoms near the plane at their coordinates (n_atoms, 3) in its frame."""
    patches = optional_import("matplotlib.patches", "viz")
    opacity = np.clip(1 - np.abs(local[:, 2]) / _FADED, 0, 1)
    radii, colors = atom_radii(atoms), atom_colors(atoms)
    for i in np.argsort(local[:, 2]):
        if opacity[i] == 0:
            continue
        place, look = local[i, :2], {"alpha": float(opacity[i]), "zorder": 3}
        edge = {"edgecolor": "black", "linewidth": 0.8}
        axes.add_patch(patches.Circle(place, radii[i], facecolor=colors[i], **edge, **look))
        letters = min(10.0, 0.9 * radii[i] * points_per_angstrom)
        if letters >= _SMALLEST:
            centered = {"ha": "center", "va": "center", "fontsize": letters, "clip_on": True}
            axes.text(*place, atoms.symbols[i], **centered, **look)


def _add_colorbar(
    figure: Figure,
    axes: Any,
    image: Any,
    title: str,
    values: np.ndarray,
    limits: tuple[float, float],
) -> None:
    """A bar as high as the slice."""
    toolkit = optional_import("mpl_toolkits.axes_grid1", "viz")
    beside = toolkit.make_axes_locatable(axes).append_axes("right", size="4%", pad=0.1)
    below, above = values.min() < limits[0], values.max() > limits[1]
    extend = {(0, 0): "neither", (0, 1): "max", (1, 0): "min", (1, 1): "both"}[below, above]
    figure.colorbar(image, cax=beside, label=title, extend=extend)
