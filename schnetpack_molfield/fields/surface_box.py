"""A box around a molecule that a surface of its field doesn't leave."""

from __future__ import annotations

from dataclasses import dataclass
from warnings import warn

import numpy as np

from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms
from schnetpack_molfield.fields.grid import Grid

__all__ = ["SurfaceBox", "far_value", "surface_box"]

#: A box is widened to at most so many Angstrom around the atoms, or twice the margin asked for.
_WIDEST = 20.0

#: By how much it is widened at once.
_GROWTH = 1.25

#: Angstrom between the points on the walls of a box that is only tried.
_TRIAL_SPACING = 0.4

#: Distance in Angstrom at which a field is taken for what it is far from the molecule.
_FAR = 100.0


@dataclass(frozen=True)
class SurfaceBox:
    """One channel of a field on a grid that is to hold a surface.

    Attributes:
        grid: where the values are.
        values: (nx, ny, nz).
        far: value far from the molecule, which tells the outside of a surface.
    """

    grid: Grid
    values: np.ndarray
    far: float


def surface_box(
    field: FieldAroundAtoms, column: int, level: float, spacing: float, margin: float
) -> SurfaceBox:
    """The box `margin` around the atoms, or the first wider one that the surface doesn't leave.

    A surface that leaves every box, such as the nodal plane of an orbital, is told by a warning.

    Args:
        field: what is asked.
        column: which channel.
        level: value on the surface.
        spacing: of the grid in Angstrom.
        margin: in Angstrom.
    """
    far = far_value(field, column)
    box = first = _box(field, column, spacing, margin, far)
    widest = max(_WIDEST, 2 * margin)
    while _leaves(box, level):
        margin = _next_margin(field, column, level, margin, far, widest)
        if margin > widest:
            warn(
                f"the surface at level {level:g} leaves the box, and one {widest:g} Angstrom "
                "around the atoms as well: it has holes where it does",
                stacklevel=4,
            )
            return first
        box = _box(field, column, spacing, margin, far)
    return box


def far_value(field: FieldAroundAtoms, column: int) -> float:
    """A channel 100 Angstrom beyond the atoms, the median of six directions."""
    lower, upper = field.atoms.positions.min(axis=0), field.atoms.positions.max(axis=0)
    walls = np.concatenate([np.diag(lower - upper - _FAR), np.diag(upper - lower + _FAR)])
    return float(field(lower / 2 + upper / 2 + walls)[:, column].median())


def _box(
    field: FieldAroundAtoms, column: int, spacing: float, margin: float, far: float
) -> SurfaceBox:
    grid, values = field.grid(spacing, margin)
    return SurfaceBox(grid, values[..., column].numpy(force=True), far)


def _leaves(box: SurfaceBox, level: float) -> bool:
    """Whether the surface crosses the walls, or can only be beyond them."""
    walls = box.values[box.grid.on_walls]
    if walls.min() < level < walls.max():
        return True
    reached = box.values.min() < level < box.values.max()
    return not reached and not _outside(walls, level, box.far)


def _outside(walls: np.ndarray, level: float, far: float) -> bool:
    """Whether all values on the walls are on the far side of the level."""
    return bool((walls >= level).all() if far >= level else (walls <= level).all())


def _next_margin(
    field: FieldAroundAtoms, column: int, level: float, margin: float, far: float, widest: float
) -> float:
    """The next margin whose box has walls outside the surface; beyond `widest` if there is none."""
    margin *= _GROWTH
    while margin <= widest:
        trial = Grid.around(field.atoms.positions, _TRIAL_SPACING, margin)
        walls = field(trial.to_lab(np.argwhere(trial.on_walls)))[:, column].numpy(force=True)
        if _outside(walls, level, far):
            break
        margin *= _GROWTH
    return margin
