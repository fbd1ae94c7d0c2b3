"""Atom records of PDB files: columns that are checked, elements that are told from the names.

Elements stand in columns 77 and 78, but many programs leave them out or put atom names one column
off, and then " CA ", an alpha carbon, looks like "CA  ", calcium.
"""

import re
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers
from scipy.spatial import cKDTree

from schnetpack_molfield.datasets.polymers import is_monomer

__all__ = ["complete_elements"]

#: Elements of the ions of simulation programs, by their names there.
_IONS = {
    "SOD": "Na", "POT": "K", "CLA": "Cl", "CAL": "Ca", "CES": "Cs", "LIT": "Li", "RUB": "Rb",
    "BAR": "Ba", "CAD": "Cd", "IOD": "I", "MAG": "Mg", "CIM": "Cl", "CIP": "Na",
}  # fmt: skip

#: Elements of amino acids and nucleotides; their atoms' names begin with the symbol.
_IN_MONOMERS = ("SE", "H", "D", "C", "N", "O", "S", "P")

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)\s*")
_THREE_DECIMALS = re.compile(r"\.\d{3}(?=[\s-]|\d+\.|$)")

#: Shorter contacts, in Angstrom, are those of H, B, C, N, O, F, Si, P and S only.
_SHORTEST = 1.62

_SYMBOLS = {symbol.upper() for symbol in atomic_numbers if symbol != "X"} | {"D"}


@dataclass(frozen=True)
class _Record:
    """An ATOM or HETATM line, whose columns have been checked."""

    line: str
    position: tuple[float, float, float]

    @property
    def name(self) -> str:
        return self.line[12:16].upper()

    @property
    def residue(self) -> str:
        return self.line[17:21].strip().upper()

    @property
    def element(self) -> str:
        """Symbol in the element's columns, empty if there is none."""
        symbol = self.line[76:78].strip().upper()
        return symbol if symbol in _SYMBOLS else ""


def complete_elements(text: str) -> str:
    """The text of a PDB file with the element in every atom record.

    Characters beyond ASCII, as in remarks, become question marks.

    Raises:
        ValueError: if a record's coordinates aren't in columns 31 to 54.
    """
    lines = text.encode("ascii", "replace").decode().splitlines()
    rows = [row for row, line in enumerate(lines) if line.upper().startswith(("ATOM", "HETATM"))]
    records = [_record(row + 1, lines[row]) for row in rows]
    symbols = [_certain(record) for record in records]
    doubtful = [i for i, symbol in enumerate(symbols) if symbol is None]
    near = _distance_to_next(records) if doubtful else np.empty(0)
    for i, row in enumerate(rows):
        symbol = symbols[i] or _by_columns(records[i].name, near[i])
        lines[row] = f"{lines[row][:76]:76s}{symbol:>2s}{lines[row][78:]}"
    return "\n".join([*lines, ""])


def _record(number: int, line: str) -> _Record:
    fields = [line[start : start + 8] for start in (30, 38, 46)]
    places = [match.start() for match in _THREE_DECIMALS.finditer(line[26:58])]
    shifted = len(places) == 3 and places != [8, 16, 24]
    if shifted or not all(_NUMBER.fullmatch(field) for field in fields):
        raise ValueError(
            f"line {number}: x, y and z must be the numbers in columns 31 to 38, 39 to 46 and 47 "
            "to 54; the columns are shifted, or the line is cut off"
        )
    x, y, z = map(float, fields)
    return _Record(line, (x, y, z))


def _certain(record: _Record) -> str | None:
    """The element, as far as residue and columns tell it; None where only the name is left."""
    name = record.name.strip().lstrip("0123456789")
    ion = re.sub(r"[\d+-]", "", record.residue)
    if is_monomer(record.residue) and name.startswith(_IN_MONOMERS):
        return next(symbol for symbol in _IN_MONOMERS if name.startswith(symbol))
    if record.element:
        return record.element
    if ion and re.sub(r"[\d+-]", "", name) == ion and (ion in _IONS or ion in _SYMBOLS):
        return _IONS.get(ion, ion)
    return None


def _by_columns(name: str, distance: float) -> str:
    """The element by an atom's name and the distance to the next atom; empty if there is none."""
    letters = re.sub(r"[^A-Z]", "", name)
    one, two = letters[:1], letters[:2]
    begins_early = name[:1].isalpha()  # in the column of the first of two letters
    full = len(name.strip()) == 4  # a hydrogen's name that needs all columns
    if begins_early and name[:2] == two and two in _SYMBOLS and not (full and one == "H"):
        heavy = two in ("SI", "CL", "BR") or distance > _SHORTEST
        return two if heavy or one not in _SYMBOLS else one
    return one if one in _SYMBOLS else ""


def _distance_to_next(records: list[_Record]) -> np.ndarray:
    """Distance in Angstrom from every atom to the next that isn't in the same place, (n_atoms,)."""
    positions = np.array([record.position for record in records])  # (n_atoms, 3)
    n_neighbors = min(4, len(positions))
    distances = cKDTree(positions).query(positions, k=[*range(1, n_neighbors + 1)])[0]
    return np.where(distances > 0.4, distances, np.inf).min(axis=1)
