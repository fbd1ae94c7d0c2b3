"""Channels of a vector-valued function by names such as C, N+O, ligand or protein:C."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import atomic_number, check_choice
from schnetpack_molfield.datasets.biomolecules import LIGAND, PROTEIN

__all__ = ["channel_members", "default_channels"]

PARTS = {"protein": PROTEIN, "ligand": LIGAND}


def default_channels(atoms: Atoms) -> list[str]:
    """One channel per element; where there are a protein and a ligand, one per element of each."""
    if not atoms.has("part"):
        return [str(atoms.symbols[atoms.numbers == z][0]) for z in np.unique(atoms.numbers)]
    parts = [(name, atoms[atoms.arrays["part"] == part]) for name, part in PARTS.items()]
    return [f"{name}:{symbol}" for name, a in parts for symbol in sorted(set(a.symbols))]


def channel_members(channels: Sequence[str], atoms: Atoms) -> np.ndarray:
    """Which atoms are in which channel.

    A channel is one element or several (`C`, `N+O`), the `protein` or the `ligand` of a complex,
    or elements of one of them (`protein:C`, `ligand:N+O`).

    Args:
        channels: names of the channels.
        atoms: the molecule, with the array `part` where it is a complex.

    Returns:
        Whether the atom is in the channel, (n_atoms, n_channels).

    Raises:
        ValueError: for an unknown element or part, or a channel without atoms.
    """
    return np.stack([_members(name, atoms) for name in channels], axis=1)


def _members(channel: str, atoms: Atoms) -> np.ndarray:
    """Whether each atom is in the channel, (n_atoms,)."""
    part, _, elements = (channel, "", "") if channel in PARTS else channel.rpartition(":")
    members = np.ones(len(atoms), dtype=bool)
    if part:
        check_choice("part of a complex", part, list(PARTS))
        if not atoms.has("part"):
            raise ValueError(f"channel {channel!r}: the structure isn't a protein with a ligand")
        members &= atoms.arrays["part"] == PARTS[part]
    if channel not in PARTS:
        members &= np.isin(atoms.numbers, [atomic_number(e) for e in elements.split("+")])
    if not members.any():
        raise ValueError(
            f"channel {channel!r} has no atoms; there are {', '.join(default_channels(atoms))}"
        )
    return members
