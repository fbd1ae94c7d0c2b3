"""Molecules from numpy archives, the compressed `.npz` layout of many published data sets.

Three layouts, told apart by the shapes of the atomic numbers:

- one composition: `Z` (n_atoms,), `R` (n_frames, n_atoms, 3);
- ragged: `Z` (n_all_atoms,), `R` (n_all_atoms, 3), `n_atoms` (n_molecules,);
- padded: `Z` (n_molecules, n_max) with zeros behind the atoms, `R` (n_molecules, n_max, 3).

`archive_keys` has the names under which they are found. Lengths are in Angstrom unless the key
says otherwise (`R_bohr`). Labels state their unit in the key (`E_eV`, `F_kcal_mol_A`,
`mu_Debye`), NaN stands for a label that isn't available, `split` numbers the partitions (0 is
training), and `iso_atom_E_eV` or `atomref_U0_Ha` (n_elements, 2) list single-atom references.
MD17 and rMD17 archives are known by their keys. Archives with `grid_shape` are read as densities
on grids, see `densities`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from ase import Atoms

from schnetpack_molfield import properties as keys_of_fields
from schnetpack_molfield.datasets import label_names
from schnetpack_molfield.datasets.catalogue import WANTED
from schnetpack_molfield.datasets.elements import atomic_number_of, elements_of_types
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, References
from schnetpack_molfield.datasets.labels import Label, label_of
from schnetpack_molfield.datasets.qm9_reference import ATOMREFS
from schnetpack_molfield.datasets.readers.archive_keys import Keys, find_keys
from schnetpack_molfield.datasets.readers.cells import boxes
from schnetpack_molfield.datasets.readers.density_archives import density_frames
from schnetpack_molfield.datasets.readers.layouts import Layout, layout_of
from schnetpack_molfield.datasets.references import TABLE_PREFIXES, TABLES, read_table
from schnetpack_molfield.datasets.stated_units import unit_words
from schnetpack_molfield.datasets.units import length_in_angstrom

__all__ = ["open_archive"]

Arrays = Mapping[str, np.ndarray]

_NO_LABELS = {"split"}

#: Archives whose units are known by their keys: MD17 and other sets of sGDML, and rMD17.
_MD17 = ({"z", "R", "E", "F"}, {"nuclear_charges", "coords", "energies", "forces"})


def open_archive(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a numpy archive of molecules.

    Args:
        path: the `.npz` file.
        elements: of atom types, where it has types.

    Raises:
        ValueError: if the file is damaged, isn't in one of the layouts, or has a key for cell or
            atoms that can't be read.
    """
    arrays = _load(path)
    keys = find_keys(arrays)
    numbers = _numbers(arrays, keys, elements)
    n_atoms = arrays[keys.n_atoms] if keys.n_atoms else None
    layout = layout_of(numbers, arrays[keys.positions], n_atoms)
    if keys_of_fields.grid_shape in arrays:
        return density_frames(path, arrays, layout)
    label_of_key = partial(_label_of, units=_units(arrays))
    labels = {
        key: label_of_key(key)
        for key, array in arrays.items()
        if key not in keys and _is_label(label_of_key(key), array, layout)
    }
    return RawSource(
        path=path,
        read=lambda: _frames(arrays, layout, labels, *_boxes(arrays, keys, layout.count)),
        label_of=label_of_key,
        count=layout.count,
        references=_references(arrays, list(labels.values())),
        split=arrays.get("split"),
        unit_words=unit_words({k: str(a.item()) for k, a in arrays.items() if _is_word(a)}),
        length_unit=keys.length_unit(keys.positions, arrays)
        or ("Ang" if _is_md17(arrays) else None),
    )


def _load(path: Path) -> Arrays:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (BadZipFile, EOFError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"not a readable numpy archive ({error})") from error


def _numbers(arrays: Arrays, keys: Keys, elements: Mapping[str, str]) -> np.ndarray:
    """Atomic numbers, from numbers, symbols or types."""
    if keys.numbers is None:
        types = arrays[str(keys.types)]
        return elements_of_types(types.ravel(), elements).reshape(types.shape)
    numbers = arrays[keys.numbers]
    if numbers.dtype.kind in "US":
        symbols = numbers.astype(str)
        known = {name: atomic_number_of(name, elements) for name in np.unique(symbols)}
        return np.vectorize(known.get, otypes=[int])(symbols)
    if (numbers % 1 != 0).any():
        raise ValueError(
            f"{keys.numbers!r} holds {numbers[numbers % 1 != 0][0]}, which is no atomic number"
        )
    return numbers.astype(int)


def _is_word(array: np.ndarray) -> bool:
    return array.dtype.kind == "U" and array.size == 1


def _is_md17(arrays: Arrays) -> bool:
    return any(format <= arrays.keys() for format in _MD17)


def _units(arrays: Arrays) -> dict[str, str]:
    """Units that the archive, or its format, states for all frames."""
    energy = str(arrays["e_unit"]) if "e_unit" in arrays else None
    if energy is None and _is_md17(arrays):
        energy = "kcal/mol"
    if energy is None:
        return {}
    length = str(arrays["r_unit"]) if "r_unit" in arrays else "Ang"
    return {label_names.energy: energy, label_names.forces: f"{energy}/{length}"}


def _label_of(key: str, units: Mapping[str, str]) -> Label:
    label = label_of(key)
    stated = label.unit is None and label.name in units and label.row is not None
    return label.in_unit(units[label.name]) if stated else label


def _is_label(label: Label, array: np.ndarray, layout: Layout) -> bool:
    """Whether an array may be a label; one that has to be is checked to be of every frame."""
    wanted = label.usual and label.row is not None and label.row.name in WANTED
    if label.key in _NO_LABELS or _table(label.key) is not None:
        return False
    if wanted and array.dtype.kind not in "fiu":
        raise ValueError(f"{label.key!r} holds {array.dtype} values, expected real numbers")
    if wanted and not layout.fits(array):
        raise ValueError(
            f"{label.key!r} has shape {array.shape}, but there are {layout.count} frames"
        )
    return wanted or (array.dtype.kind == "f" and layout.fits(array))


def _boxes(arrays: Arrays, keys: Keys, n_frames: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Cell vectors in the unit of the positions (n_frames, 3, 3), and pbc (n_frames, 3)."""
    pbc = np.asarray(arrays[keys.pbc] if keys.pbc else keys.cell is not None, dtype=bool)
    try:
        pbc = np.broadcast_to(
            pbc[:, None] if pbc.shape == (n_frames,) != (3,) else pbc, (n_frames, 3)
        )
    except ValueError as error:
        raise ValueError(
            f"'pbc' has shape {pbc.shape}, expected (3,) or ({n_frames}, 3)"
        ) from error
    if keys.cell is None:
        return None, pbc
    cells = boxes(arrays[keys.cell], n_frames, keys.cell)
    if keys.cell == "lattice" and _is_md17(arrays) and not np.allclose(cells, cells.mT):
        raise ValueError(
            "versions of sGDML write the vectors of 'lattice' as rows or as columns; give them as "
            "rows under the key 'cell'"
        )
    own = keys.length_unit(keys.cell, arrays) or "Ang"
    of_positions = keys.length_unit(keys.positions, arrays) or "Ang"
    return cells * (length_in_angstrom(own) / length_in_angstrom(of_positions)), pbc


def _frames(
    arrays: Arrays,
    layout: Layout,
    labels: Mapping[str, Label],
    cells: np.ndarray | None,
    pbc: np.ndarray,
) -> Iterator[RawFrame]:
    for frame in range(layout.count):
        numbers, positions = layout.atoms(frame)
        cell = None if cells is None else cells[frame]
        atoms = Atoms(numbers=numbers, positions=positions, cell=cell, pbc=pbc[frame])
        values = {key: layout.value(arrays[key], label.row, frame) for key, label in labels.items()}
        yield RawFrame(atoms, values)


def _references(arrays: Arrays, labels: Sequence[Label]) -> dict[str, References]:
    """Single-atom values by the key of their label."""
    found: dict[str, References] = {}
    for key, table in arrays.items():
        name = _table(key)
        if name is not None:
            found[_owner(name, key, labels).key] = read_table(table, key)
    if "qm9_index" in arrays:
        of_qm9 = {label.name: label for label in labels}
        found |= {
            of_qm9[name].key: table
            for name, (unit, table) in ATOMREFS.items()
            if name in of_qm9 and of_qm9[name].unit == unit
        }
    return found


def _table(key: str) -> str | None:
    """The label that a table of single-atom values names, '' for the energy; None for others."""
    if key in TABLES:
        return ""
    prefix = next((prefix for prefix in TABLE_PREFIXES if key.startswith(prefix)), None)
    return key.removeprefix(prefix) if prefix else None


def _owner(name: str, key: str, labels: Sequence[Label]) -> Label:
    for label in labels:
        named = name.lower() in (label.key.lower(), label.key.lower().removeprefix("e_"))
        if named or (name == "" and label.name == label_names.energy):
            return label
    raise ValueError(
        f"{key!r} holds single-atom values of {name or 'the energy'}, which isn't there"
    )
