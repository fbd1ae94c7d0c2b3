"""Proteins, nucleic acids and their ligands from PDB and mmCIF files, by gemmi."""

import gemmi
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from schnetpack_molfield.datasets.pdb_records import complete_elements
from schnetpack_molfield.datasets.polymers import Residues, is_water, polymer_atoms
from schnetpack_molfield.text_files import CUT_OFF

__all__ = ["LIGAND", "PROTEIN", "parse_mmcif", "parse_pdb"]

#: Values of the array `part` of the atoms of a complex.
PROTEIN, LIGAND = 0, 1

_ALTERNATIVE = "_atom_site.label_alt_id"
_NUMBERS = {**atomic_numbers, "D": 1, "X": 0}
_POLYMER, _WATER = gemmi.EntityType.Polymer.value, gemmi.EntityType.Water.value


def parse_pdb(text: str) -> list[Atoms]:
    """The models of a PDB file.

    Raises:
        ValueError: if it is cut off, its columns are shifted, or an atom has no element.
    """
    records = [line[:6].strip().upper() for line in text.splitlines() if line.strip()]
    if records and records[-1] not in ("END", "ENDMDL"):
        raise ValueError(f"it ends with {records[-1]} and {CUT_OFF} END")
    structure = gemmi.read_pdb_string(complete_elements(text), split_chain_on_ter=True)
    sizes = [sum(map(len, chain)) for model in structure for chain in model]
    chains = np.repeat(np.arange(len(sizes)), sizes)  # (n_atoms,)
    return _models(gemmi.FlatStructure(structure), chains, has_entities=False, waters=False)


def parse_mmcif(text: str, waters: bool = False) -> list[Atoms]:
    """The models of an mmCIF file.

    Args:
        text: what stands in the file.
        waters: keep them.

    Raises:
        ValueError: if it is cut off, a crystal's CIF, or an atom has no element.
    """
    document = gemmi.cif.read_string(text)
    if len(document) != 1:
        raise ValueError(f"it has {len(document)} blocks of data, expected one")
    block = document.sole_block()
    if block.find_loop("_atom_site_fract_x"):
        raise ValueError("it is a crystal in fractional coordinates; fields are of molecules")
    _complete_columns(block)
    structure = gemmi.make_structure_from_block(block)
    flat = gemmi.FlatStructure(structure)
    _check_end(text, block, flat)
    chains = np.unique(_text(np.asarray(flat.subchains)), return_inverse=True)[1]
    has_entities = bool(np.all(np.asarray(flat.entity_type) > 0))
    return _models(flat, chains, has_entities, waters)


def _complete_columns(block: gemmi.cif.Block) -> None:
    """Add the column of alternative locations, without which gemmi finds no atoms."""
    loop = block.find_loop("_atom_site.Cartn_x").get_loop()
    if loop is not None and _ALTERNATIVE not in loop.tags:
        loop.add_columns([_ALTERNATIVE], ".")


def _check_end(text: str, block: gemmi.cif.Block, flat: gemmi.FlatStructure) -> None:
    """Raise ValueError if atoms are missing at the end, as far as a file can tell.

    A table ends where another follows, or with a line "#". Programs that write no such lines list
    the residues and elements that there are.
    """
    last = next((item for item in reversed(list(block)) if item.loop or item.pair), None)
    is_last = last is not None and last.loop and last.loop.tags[0].startswith("_atom_site.")
    if not is_last or text.rstrip(" \n").endswith("\n#"):
        return
    ends_lines = any(line.strip() == "#" for line in text.splitlines())
    listed = {
        "_chem_comp.id": set(_text(np.asarray(flat.residue_names))),
        "_atom_type.symbol": {name.upper() for name in np.asarray(flat.element_names).astype(str)},
        "_struct_asym.id": set(_text(np.asarray(flat.subchains))),
    }
    missing = [
        name
        for tag, present in listed.items()
        for name in map(gemmi.cif.as_string, block.find_values(tag))
        if name not in present and name.upper() not in present
    ]
    sizes = np.unique(np.asarray(flat.model_num), return_counts=True)[1]
    if ends_lines or missing or not text.endswith("\n") or len(set(sizes)) > 1:
        without = f" without the {missing[0]} it lists" if missing else ""
        raise ValueError(f"it ends among its atoms{without} and {CUT_OFF} #")


def _models(
    flat: gemmi.FlatStructure, chains: np.ndarray, has_entities: bool, waters: bool
) -> list[Atoms]:
    """One frame per model, without all but the first alternative locations, and without waters."""
    numbers, charges = _numbers(flat), np.asarray(flat.charge)
    alternative, index = _is_alternative(flat), _residue_index(flat, chains)
    entities = np.asarray(flat.entity_type)
    frames = []
    for model in np.unique(flat.model_num):
        rows = np.flatnonzero((np.asarray(flat.model_num) == model) & ~alternative)
        residues = _residues(flat, rows, index, chains, numbers)
        water = is_water(residues)[residues.index]
        polymer = polymer_atoms(residues)
        if has_entities:
            water |= entities[rows] == _WATER
            polymer = entities[rows] == _POLYMER
        keep = (~water | water.all() | waters) & ~(water & (residues.number == 0))
        _check_elements(residues, keep)
        atoms = Atoms(residues.number[keep], residues.positions[keep])
        part = np.where(polymer, PROTEIN, LIGAND)[keep]
        if len(np.unique(part)) == 2:
            atoms.new_array("part", part)
        left_out = water & ~keep & (residues.number == 8)
        atoms.info["n_waters"] = int(left_out.sum())
        if charges[rows][keep].any():
            atoms.info["charge"] = int(charges[rows][keep].sum())
        frames.append(atoms)
    return frames


def _residues(
    flat: gemmi.FlatStructure,
    rows: np.ndarray,
    index: np.ndarray,
    chains: np.ndarray,
    numbers: np.ndarray,
) -> Residues:
    """The atoms of these rows."""
    return Residues(
        index=np.unique(index[rows], return_inverse=True)[1],
        residue=_text(np.asarray(flat.residue_names))[rows],
        chain=chains[rows],
        atom=np.char.replace(_text(np.asarray(flat.atom_names))[rows], "*", "'"),
        number=numbers[rows],
        is_hetero=(np.asarray(flat.het_flags) == ord("H"))[rows],
        positions=np.asarray(flat.pos)[rows],
    )


def _residue_index(flat: gemmi.FlatStructure, chains: np.ndarray) -> np.ndarray:
    """Number of the residue of each atom, (n_atoms,): rows in turn that are called alike."""
    names = np.unique(_text(np.asarray(flat.residue_names)), return_inverse=True)[1]
    called = np.column_stack([flat.model_num, chains, flat.resnums, flat.icodes, names])
    return np.cumsum((np.diff(called, axis=0, prepend=called[:1]) != 0).any(axis=1))


def _is_alternative(flat: gemmi.FlatStructure) -> np.ndarray:
    """Whether each atom is in another than its residue's first alternative location, (n_atoms,)."""
    chain = np.asarray(flat.chain_ids)  # (n_atoms, 8) characters
    place = np.column_stack([flat.model_num, flat.resnums, flat.icodes, chain])
    residue = np.unique(place, axis=0, return_inverse=True)[1].ravel()  # (n_atoms,)
    location = np.asarray(flat.altlocs, dtype=int)  # 0 where there is one location only
    first = np.full(len(residue), 127)
    np.minimum.at(first, residue, np.where(location > 0, location, 127))
    return location > first[residue]


def _text(codes: np.ndarray) -> np.ndarray:
    """Strings (n,) of characters (n, length), which are padded by zeros."""
    return np.ascontiguousarray(codes).view(f"S{codes.shape[1]}").ravel().astype(str)


def _numbers(flat: gemmi.FlatStructure) -> np.ndarray:
    """Atomic numbers (n_atoms,), 0 where there is no element."""
    names, which = np.unique(np.asarray(flat.element_names).astype(str), return_inverse=True)
    return np.array([_NUMBERS.get(name.capitalize(), 0) for name in names], dtype=int)[which]


def _check_elements(residues: Residues, keep: np.ndarray) -> None:
    unknown = np.flatnonzero(keep & (residues.number == 0))
    if len(unknown):
        name, residue = residues.atom[unknown[0]], residues.residue[unknown[0]]
        raise ValueError(
            f"atom {unknown[0]} ({name} of {residue}) has no element: correct the element's "
            "column, or remove it if it is no atom"
        )
