"""Molecules from numpy archives, the compressed `.npz` layout of many published data sets.

Two layouts, told apart by the key `n_atoms`:

- ragged: `Z` (n_all_atoms,), `R` (n_all_atoms, 3), `n_atoms` (n_molecules,);
- one composition: `Z` (n_atoms,), `R` (n_frames, n_atoms, 3), optionally `cell_A` (n_frames, 3, 3).

Both in Angstrom. Labels state their unit in the key (`E_eV`, `F_kcal_mol_A`, `mu_Debye`), NaN
stands for a label that isn't available, `split` numbers the partitions (0 is training), and
`iso_atom_E_eV` or `atomref_U0_Ha` (n_elements, 2) list single-atom references. Archives with
`grid_shape` are read as densities on grids, see `densities`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from ase import Atoms

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.densities import density_frames
from schnetpack_molfield.datasets.frames import Frame, FrameSource
from schnetpack_molfield.datasets.labels import Label, choose_labels, label_of
from schnetpack_molfield.datasets.qm9_reference import ATOMREFS

__all__ = ["read_archive"]

Arrays = Mapping[str, np.ndarray]

_STRUCTURE = {"Z", "R", "n_atoms", "cell_A", "split"}
_ATOMREF_PREFIXES = ("iso_atom_", "atomref_")


def read_archive(path: Path, wanted: dict[str, str | None] | None = None) -> FrameSource:
    """Open a numpy archive of molecules.

    Args:
        path: the `.npz` file.
        wanted: labels to take, with their unit or None for the one in the key; None takes all.

    Raises:
        ValueError: if the file is damaged or isn't in one of the two layouts.
    """
    arrays = _load(path)
    offsets = _offsets(arrays)  # (n_frames + 1,)
    if keys.grid_shape in arrays:
        return density_frames(path, arrays, offsets)
    candidates = {
        key: label_of(key) for key, array in arrays.items() if _is_label(key, array, offsets)
    }
    labels = choose_labels(candidates, wanted or {})
    return FrameSource(
        path=path,
        labels=labels,
        read=lambda: _frames(arrays, offsets, labels),
        count=len(offsets) - 1,
        atomrefs=_atomrefs(arrays, labels),
        split=arrays.get("split"),
    )


def _load(path: Path) -> Arrays:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (BadZipFile, EOFError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"not a readable numpy archive ({error})") from error


def _offsets(arrays: Arrays) -> np.ndarray:
    """First atom of every frame in the flat list of atoms, and the end of the last one."""
    if not {"Z", "R"} <= arrays.keys():
        raise ValueError(f"expected the keys Z and R, found {', '.join(arrays)}")
    numbers, positions = arrays["Z"], arrays["R"]
    if "n_atoms" in arrays:
        offsets = np.concatenate([[0], np.cumsum(arrays["n_atoms"], dtype=int)])
        if positions.shape != (offsets[-1], 3) or numbers.shape != (offsets[-1],):
            raise ValueError(
                f"n_atoms adds up to {offsets[-1]} atoms, "
                f"but Z has shape {numbers.shape} and R {positions.shape}"
            )
        return offsets
    if numbers.ndim != 1 or positions.shape[1:] != (len(numbers), 3):
        raise ValueError(
            f"Z has shape {numbers.shape} and R {positions.shape}, "
            "expected (n_atoms,) and (n_frames, n_atoms, 3)"
        )
    return np.arange(len(positions) + 1) * len(numbers)


def _is_label(key: str, array: np.ndarray, offsets: np.ndarray) -> bool:
    if key in _STRUCTURE or key.startswith(_ATOMREF_PREFIXES) or array.dtype.kind != "f":
        return False
    return array.ndim > 0 and len(array) in (len(offsets) - 1, offsets[-1])


def _frames(arrays: Arrays, offsets: np.ndarray, labels: list[Label]) -> Iterator[Frame]:
    ragged = "n_atoms" in arrays
    value = _ragged_value if ragged else _row_value
    positions = arrays["R"].reshape(-1, 3)  # (n_all_atoms, 3)
    for frame, (start, stop) in enumerate(zip(offsets[:-1], offsets[1:], strict=True)):
        numbers = arrays["Z"][start:stop] if ragged else arrays["Z"]  # (n_atoms,)
        atoms = Atoms(numbers=numbers, positions=positions[start:stop])
        if "cell_A" in arrays:
            atoms.set_cell(arrays["cell_A"][frame])
            atoms.set_pbc(True)
        labelled = {
            label.name: value(arrays[label.key], frame, slice(start, stop), len(positions))
            for label in labels
        }
        yield Frame(atoms, labelled)


def _ragged_value(array: np.ndarray, frame: int, atoms: slice, n_all_atoms: int) -> np.ndarray:
    """Per-atom labels of the ragged layout are as long as all atoms together."""
    return array[atoms] if len(array) == n_all_atoms else array[frame][None]


def _row_value(array: np.ndarray, frame: int, atoms: slice, n_all_atoms: int) -> np.ndarray:
    """Per-atom labels of one composition have a second axis as long as the molecule.

    Three numbers for a molecule of three atoms are taken for a vector of the whole molecule.
    """
    row = array[frame]
    n_atoms = atoms.stop - atoms.start
    per_atom = row.ndim > 0 and len(row) == n_atoms and (row.ndim > 1 or n_atoms != 3)
    return row if per_atom else row[None]


def _atomrefs(arrays: Arrays, labels: list[Label]) -> dict[str, list[float]]:
    """Single-atom references for the chosen labels, by atomic number."""
    names = {label.key.lower(): label.name for label in labels}
    found = {}
    for key, table in arrays.items():
        for prefix in _ATOMREF_PREFIXES:
            name = names.get(key.removeprefix(prefix).lower())
            if key.startswith(prefix) and name:
                found[name] = _by_atomic_number({int(z): value for z, value in table.tolist()})
    if "qm9_index" in arrays:
        units = {label.name: label.unit for label in labels}
        found |= {
            name: _by_atomic_number(table)
            for name, (unit, table) in ATOMREFS.items()
            if units.get(name) == unit
        }
    return found


def _by_atomic_number(table: Mapping[int, float]) -> list[float]:
    values = np.zeros(100)
    values[list(table)] = list(table.values())
    return values.tolist()
