"""Electron densities on regular grids: archives of them, and databases to train on.

An archive holds, besides `Z`, `R` (Angstrom) and `n_atoms` in the ragged layout of `archives`,

- `rho_e_bohr3`: all grids one after the other, each in C order;
- `grid_shape` (n_molecules, 3) and `grid_origin_A` (n_molecules, 3);
- `grid_spacing_A`: one number for all molecules, or one for each.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Bohr

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.checked import OwnData
from schnetpack_molfield.datasets.frames import Frame, FrameSource
from schnetpack_molfield.datasets.labels import Label

__all__ = ["ElectronDensities", "density_frames"]

#: What a database of densities holds, with units.
LABELS = [
    Label("rho_e_bohr3", keys.electron_density, "e/Ang^3"),
    Label(keys.grid_shape, keys.grid_shape, ""),
    Label("grid_origin_A", keys.grid_origin, "Ang"),
    Label("grid_spacing_A", keys.grid_spacing, "Ang"),
]


def density_frames(path: Path, arrays: Mapping[str, np.ndarray], atoms: np.ndarray) -> FrameSource:
    """Open an archive of densities.

    Args:
        path: the file, for messages.
        arrays: what it holds.
        atoms: (n_molecules + 1,) first atom of every molecule, and the end of the last one.

    Raises:
        ValueError: if a key is missing or the grids don't add up to the density.
    """
    missing = [label.key for label in LABELS if label.key not in arrays]
    if missing:
        raise ValueError(f"an archive of densities needs the key {missing[0]}")
    n_molecules = len(atoms) - 1
    sizes = arrays[keys.grid_shape].astype(int).prod(axis=1)  # (n_molecules,)
    cells = np.concatenate([[0], np.cumsum(sizes)])
    if len(sizes) != n_molecules or arrays["rho_e_bohr3"].shape != (cells[-1],):
        raise ValueError(
            f"grid_shape adds up to {cells[-1]} points of {len(sizes)} molecules, but rho_e_bohr3 "
            f"has shape {arrays['rho_e_bohr3'].shape} and n_atoms {n_molecules} molecules"
        )
    return FrameSource(
        path,
        LABELS,
        read=lambda: _frames(arrays, atoms, cells),
        count=n_molecules,
        split=arrays.get("split"),
    )


def _frames(
    arrays: Mapping[str, np.ndarray], atoms: np.ndarray, cells: np.ndarray
) -> Iterator[Frame]:
    """Molecules with their densities in e/Ang^3, from the offsets of their atoms and cells."""
    n_molecules = len(atoms) - 1
    spacing = np.broadcast_to(arrays["grid_spacing_A"], n_molecules)
    for m in range(n_molecules):
        own = slice(atoms[m], atoms[m + 1])
        density = arrays["rho_e_bohr3"][cells[m] : cells[m + 1]] / np.float32(Bohr**3)
        labels = {
            keys.electron_density: density[None],  # (1, n_grid)
            keys.grid_shape: arrays[keys.grid_shape][m][None].astype(int),  # (1, 3)
            keys.grid_origin: arrays["grid_origin_A"][m][None],  # (1, 3)
            keys.grid_spacing: spacing[m][None],  # (1,)
        }
        yield Frame(Atoms(arrays["Z"][own], positions=arrays["R"][own]), labels)


class ElectronDensities(OwnData):
    """A database of densities on grids, as `molfield import` writes it from an archive.

    Args:
        kwargs: the arguments of `schnetpack.data.AtomsDataModule`.
    """

    hint = (
        "`molfield import DENSITIES.npz --out FILE.db` makes one from an archive of densities on "
        "grids"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_properties=[label.name for label in LABELS], **kwargs)
