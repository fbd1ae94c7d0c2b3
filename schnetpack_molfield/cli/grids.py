"""Ask before so many points are computed that it would take hours and fill the memory."""

import math
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from schnetpack_molfield.fields import Grid

__all__ = ["confirm_grid", "confirm_slice"]

#: Points from which on the user is asked.
MANY = 10**8


def confirm_grid(grid: "Grid", n_fields: int = 1) -> None:
    """Ask whether a very large grid is meant; where nobody can answer, refuse it.

    Args:
        grid: the grid.
        n_fields: how many fields are computed on it.

    Raises:
        ValueError: if it is very large and there is no terminal.
        typer.Abort: if the answer is no.
    """
    nx, ny, nz = grid.shape
    _confirm(f"a grid of {nx} x {ny} x {nz} points", grid.n_points * n_fields, "--margin")


def confirm_slice(
    positions: "np.ndarray",
    size: float | None,
    spacing: float,
    center: "Sequence[float] | None" = None,
    normal: "Sequence[float] | None" = None,
) -> None:
    """The same for a slice, as `MolecularField.plane` makes it.

    Args:
        positions: of the atoms, (n_atoms, 3) in Angstrom.
        size: its edge in Angstrom; None for what is near the atoms.
        spacing: distance between points in Angstrom.
        center: its centre; the atoms' centroid if None.
        normal: direction perpendicular to it; that in which the atoms extend least if None.
    """
    from schnetpack_molfield.fields.around_atoms import square

    _, _, edge = square(positions, center, normal, size)
    n = math.ceil(edge / spacing) + 1
    _confirm(f"a slice of {n} x {n} points", n**2, "--size")


def _confirm(text: str, n_values: int, extent: str) -> None:
    if n_values < MANY:
        return
    text = f"{text} ({n_values:.1e} values, {n_values * 4e-9:.1f} GB)"
    if not sys.stdin.isatty():
        raise ValueError(f"{text} is too large: choose a larger --spacing or a smaller {extent}")
    typer.confirm(f"{text} takes long; go on?", abort=True)
