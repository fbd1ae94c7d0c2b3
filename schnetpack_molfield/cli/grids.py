"""Ask before a grid is computed that would take hours and fill the memory."""

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from schnetpack_molfield.fields import Grid

__all__ = ["confirm_grid"]

#: Points from which on a grid is asked about.
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
    n_points = grid.n_points * n_fields
    if n_points < MANY:
        return
    nx, ny, nz = grid.shape
    text = f"a grid of {nx} x {ny} x {nz} points ({n_points:.1e} values, {n_points * 4e-9:.1f} GB)"
    if not sys.stdin.isatty():
        raise ValueError(f"{text} is too large: choose a larger --spacing or a smaller --margin")
    typer.confirm(f"{text} takes long; go on?", abort=True)
