"""Archives of electron densities on regular grids.

They hold, besides `Z`, `R` (Angstrom) and `n_atoms` in the ragged layout of `archives`,

- `rho_e_bohr3`: all grids one after the other, each in C order;
- `grid_shape` (n_molecules, 3) and `grid_origin_A` (n_molecules, 3);
- `grid_spacing_A`: one number for all molecules, or one for each.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import Bohr

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.datasets.readers.layouts import Layout

__all__ = ["LABELS", "density_frames"]

#: What a database of densities holds, with units.
LABELS = [
    Label("rho_e_bohr3", keys.electron_density, "e/Ang^3"),
    Label(keys.grid_shape, keys.grid_shape, ""),
    Label("grid_origin_A", keys.grid_origin, "Ang"),
    Label("grid_spacing_A", keys.grid_spacing, "Ang"),
]


def density_frames(path: Path, arrays: Mapping[str, np.ndarray], layout: Layout) -> RawSource:
    """Open an archive of densities.

    Args:
        path: the file, for messages.
        arrays: what it holds.
        layout: where the atoms of each molecule are.

    Raises:
        ValueError: if a key is missing or the grids don't add up to the density.
    """
    missing = [label.key for label in LABELS if label.key not in arrays]
    if missing:
        raise ValueError(f"an archive of densities needs the key {missing[0]}")
    sizes = arrays[keys.grid_shape].astype(int).prod(axis=1)  # (n_molecules,)
    cells = np.concatenate([[0], np.cumsum(sizes)])
    if len(sizes) != layout.count or arrays["rho_e_bohr3"].shape != (cells[-1],):
        raise ValueError(
            f"grid_shape adds up to {cells[-1]} points of {len(sizes)} molecules, but rho_e_bohr3 "
            f"has shape {arrays['rho_e_bohr3'].shape} and n_atoms {layout.count} molecules"
        )
    return RawSource(
        path,
        read=lambda: _frames(arrays, layout, cells),
        label_of={label.key: label for label in LABELS}.__getitem__,
        count=layout.count,
        split=arrays.get("split"),
        length_unit="Ang",
    )


def _frames(
    arrays: Mapping[str, np.ndarray], layout: Layout, cells: np.ndarray
) -> Iterator[RawFrame]:
    """Molecules with their densities in e/Ang^3; `cells` (n_molecules + 1,) are their offsets."""
    spacing = np.broadcast_to(arrays["grid_spacing_A"], layout.count)
    for m in range(layout.count):
        numbers, positions = layout.atoms(m)
        density = arrays["rho_e_bohr3"][cells[m] : cells[m + 1]] / np.float32(Bohr**3)
        values = {
            "rho_e_bohr3": density,  # (n_grid,)
            keys.grid_shape: arrays[keys.grid_shape][m].astype(int),  # (3,)
            "grid_origin_A": arrays["grid_origin_A"][m],  # (3,)
            "grid_spacing_A": spacing[m],  # ()
        }
        atoms = Atoms(numbers, positions=positions)
        yield RawFrame(atoms, {key: Value(np.asarray(v), False) for key, v in values.items()})
