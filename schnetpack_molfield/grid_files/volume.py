"""Values on a regular grid with what a file says about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from schnetpack_molfield.fields.grid import Grid

__all__ = ["Volume", "stated_unit"]


@dataclass(frozen=True)
class Volume:
    """One or more quantities on a grid, and the atoms that they belong to.

    Attributes:
        grid: where the values are, in Angstrom.
        values: (nx, ny, nz, n_channels).
        channels: names, "" where the file has none.
        units: of the channels, "" where the file doesn't say.
        atoms: the molecule; without atoms where the format has none.

    Raises:
        ValueError: if the values don't fit the grid or the channels.
    """

    grid: Grid
    values: np.ndarray
    channels: list[str]
    units: list[str]
    atoms: Atoms = field(default_factory=Atoms)

    def __post_init__(self) -> None:
        expected = (*self.grid.shape, len(self.channels))
        if self.values.shape != expected or len(self.units) != len(self.channels):
            raise ValueError(f"the values have shape {self.values.shape}, expected {expected}")
        if abs(np.linalg.det(self.grid.steps)) < 1e-12:
            raise ValueError(f"its voxels have no volume: {self.grid.steps.tolist()}")

    @classmethod
    def of_one(
        cls,
        grid: Grid,
        values: np.ndarray,
        name: str = "",
        unit: str = "",
        atoms: Atoms | None = None,
    ) -> Volume:
        """A single quantity, values (nx, ny, nz)."""
        return cls(grid, values[..., None], [name], [unit], Atoms() if atoms is None else atoms)

    def titles(self) -> list[str]:
        """Names with units in brackets, as they stand in comments."""
        pairs = zip(self.channels, self.units, strict=True)
        return [f"{name} ({unit})" if unit else name for name, unit in pairs]

    def only(self) -> np.ndarray:
        """Values (nx, ny, nz) of the only channel.

        Raises:
            ValueError: if there are several.
        """
        if len(self.channels) != 1:
            raise ValueError(f"name a channel, one of: {', '.join(self.channels)}")
        return self.values[..., 0]

    def check_finite(self) -> None:
        """Raise ValueError if a value is NaN or infinite."""
        bad = np.argwhere(~np.isfinite(self.values).all(axis=-1))  # (n_bad, 3)
        if len(bad):
            raise ValueError(
                f"{len(bad)} of its {self.grid.n_points} voxels aren't numbers, the first is "
                f"{tuple(bad[0].tolist())}"
            )


def stated_unit(comment: str) -> tuple[str, str]:
    """Name and unit in a comment such as `rho (e/Ang^3)`; the unit is "" without brackets."""
    found = re.match(r"\s*(.*?)\s*\(([^()]*)\)\s*$", comment)
    known = found and re.search(r"(/|Ang|bohr|V\b|Ha\b|eV\b)", found[2])
    return (found[1], found[2]) if found and known else (comment.strip(), "")
