"""What the data doctor sees of a data set: structures, energies in eV, forces in eV/Angstrom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree, Rydberg, kcal, kJ, mol

from schnetpack_molfield.datasets.frames import Frame

__all__ = ["ENERGY_UNITS", "FORCE_UNITS", "Observations", "Observer", "find_labels"]

#: Units of energy and length that data sets come in, in eV and Angstrom.
ENERGY_UNITS = {
    "eV": 1.0,
    "kcal/mol": kcal / mol,
    "kJ/mol": kJ / mol,
    "Ha": Hartree,
    "Ry": Rydberg,
    "meV": 1e-3,
}
LENGTH_UNITS = {"Ang": 1.0, "Bohr": Bohr, "nm": 10.0}
#: Units of force, in eV/Angstrom.
FORCE_UNITS = {
    f"{energy}/{length}": e / a
    for energy, e in ENERGY_UNITS.items()
    for length, a in LENGTH_UNITS.items()
}
_SPELLINGS = {"Hartree": "Ha", "Rydberg": "Ry", "A": "Ang", "Angstrom": "Ang", "a0": "Bohr"}
#: Names that are looked for first.
_ENERGIES = ("energy", "total_energy", "energy_U0")


def find_labels(units: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Names of the energy and of the forces among labels with these units, None without one."""
    energies = [name for name, unit in units.items() if usual_spelling(unit) in ENERGY_UNITS]
    forces = [name for name, unit in units.items() if usual_spelling(unit) in FORCE_UNITS]
    named = [name for name in _ENERGIES if name in energies]
    energy = next(iter(named or (energies if len(energies) == 1 else [])), None)
    return energy, "forces" if "forces" in forces else next(iter(forces), None)


def usual_spelling(unit: str) -> str:
    """The unit as it is spelt in the tables of this module."""
    return "/".join(_SPELLINGS.get(part, part) for part in unit.replace(" ", "").split("/"))


@dataclass(frozen=True)
class Observations:
    """Frames of one data set, in the order of their files.

    Attributes:
        frames: the structures.
        energy: (n_frames,) in eV, NaN where there is none; None without energies.
        forces: (n_atoms, 3) of every frame in eV/Angstrom; None without forces.
        units: stated units of energy and forces by the names "energy" and "forces".
        names: names of these two labels in the data, likewise.
        sources: file and number of every frame.
    """

    frames: list[Atoms]
    energy: np.ndarray | None = None
    forces: list[np.ndarray] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    sources: list[tuple[str, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frames)

    def name(self, frame: int) -> str:
        """What to call a frame in a message: its number, and its file if there are several."""
        if not self.sources:
            return f"{frame}"
        file, number = self.sources[frame]
        return f"{number}" if self.sources[0][0] == self.sources[-1][0] else f"{number} of {file}"

    @cached_property
    def groups(self) -> list[np.ndarray]:
        """Numbers of the frames with the same atoms in the same order, group by group."""

        def key(frame: int) -> tuple[bytes, bool]:
            return self.frames[frame].numbers.tobytes(), bool(self.frames[frame].pbc.any())

        ordered = sorted(range(len(self)), key=key)  # stable: frames stay in order
        return [np.array(list(members)) for _, members in groupby(ordered, key=key)]


class Observer:
    """Collects frames on their way from a file into a database.

    Args:
        units: stated unit of every label.
        limit: how many atoms to keep at most, of all frames together; beyond it nothing is kept.
    """

    def __init__(self, units: Mapping[str, str], limit: float = np.inf) -> None:
        energy, forces = find_labels(units)
        self._names = {k: v for k, v in (("energy", energy), ("forces", forces)) if v is not None}
        self._units = {kind: usual_spelling(units[name]) for kind, name in self._names.items()}
        self._limit = limit
        self._frames: list[Frame] = []
        self._sources: list[tuple[str, int]] = []
        self._n_atoms = 0

    @property
    def full(self) -> bool:
        """Whether there were more atoms than the limit."""
        return self._n_atoms > self._limit

    def watch(self, frames: Iterator[Frame], file: str) -> Iterator[Frame]:
        """Pass the frames of a file on, and remember them."""
        for number, frame in enumerate(frames):
            self._n_atoms += len(frame.atoms)
            if self.full:
                self._frames.clear()
            else:
                kept = {k: v for k, v in frame.properties.items() if k in self._names.values()}
                self._frames.append(Frame(frame.atoms, kept))
                self._sources.append((file, number))
            yield frame

    def observations(self) -> Observations:
        """What was seen, in eV and Angstrom."""
        energy = forces = None
        if name := self._names.get("energy"):
            factor = ENERGY_UNITS[self._units["energy"]]
            energy = factor * np.array(
                [float(np.sum(p.get(name, np.nan))) for _, p in self._frames]
            )
        if name := self._names.get("forces"):
            factor = FORCE_UNITS[self._units["forces"]]
            forces = [
                factor * np.asarray(p.get(name, np.full((len(atoms), 3), np.nan)), dtype=float)
                for atoms, p in self._frames
            ]
        return Observations(
            [frame.atoms for frame in self._frames],
            energy,
            forces,
            self._units,
            self._names,
            self._sources,
        )
