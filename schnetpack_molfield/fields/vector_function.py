"""Vector-valued molecular functions: one soft density per kind of atom or atomic property."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from schnetpack_molfield.checks import atomic_number, check_positive
from schnetpack_molfield.fields.atom_function import AtomBatch, AtomFunction
from schnetpack_molfield.fields.geometry import squared_distances
from schnetpack_molfield.fields.tables import (
    N_ELEMENTS,
    ElementTable,
    property_table,
    radii_table,
)

__all__ = ["VectorFunction"]


class VectorFunction(AtomFunction):
    r"""The function of Lhotka & Probst, eq. (1).

    .. math:: f_t(x) = \sum_a w_{at} \exp\left(-\beta (|x - r_a|^2 / R_a^2 - 1)\right)

    With w = 1 for atoms of type t and 0 for others this is their function: it is 1 on the sphere
    of radius R_a around a lone atom and exp(beta) at its centre. With a property of the element
    as the weight it is a smooth map of that property. Amplitudes are absolute: nothing is
    rescaled, and points are not snapped to voxels.

    Lhotka & Probst 2025, *Implicit Neural Representations of Molecular Vector-Valued Functions*,
    arXiv 2502.10848.

    Example:
        >>> f = VectorFunction({"C": "C", "polar": ["N", "O"]}, beta=2.0)
        >>> f(points, atomic_numbers, positions)  # (n_points, 2)

    Args:
        elements: element symbols, one channel each; or a mapping from channel names to an
            element or a group of elements.
        properties: atomic properties, one further channel each, see `tables.property_table`.
        atom_channels: names of further channels whose weights are given per atom with every
            call, as columns of `atom_values`: partial charges, or 1 for ligand atoms and 0 for
            protein atoms.
        beta: inverse width of an atom's edge.
        radii: R, by name or per element, see `tables.radii_table`.
    """

    units = ""

    def __init__(
        self,
        elements: Sequence[str] | Mapping[str, str | Sequence[str]] = ("H", "C", "N", "O"),
        properties: Sequence[str] = (),
        atom_channels: Sequence[str] = (),
        beta: float = 2.0,
        radii: str | Mapping[str, float] = "vdw",
    ) -> None:
        check_positive("beta", beta)
        groups = elements if isinstance(elements, Mapping) else {e: e for e in elements}
        self.channels = [*elements, *properties, *atom_channels]
        if len(set(self.channels)) < len(self.channels) or not self.channels:
            raise ValueError(f"channels must have different names, got {self.channels}")
        self.beta = beta
        self.radii = radii_table(radii)
        self.groups = _membership([_as_group(g) for g in groups.values()])  # (n_elements, n)
        self.properties = [property_table(name) for name in properties]
        self.n_atom_channels = len(atom_channels)

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Channels (n_molecules, n_points, n_channels)."""
        weights = self._weights(atoms)  # (n_molecules, n_atoms, n_channels)
        radii = self.radii(atoms.numbers, points).unsqueeze(1)  # (n_molecules, 1, n_atoms)
        scaled = squared_distances(points, atoms.positions) / radii.square()
        return torch.exp(self.beta * (1 - scaled)) @ weights

    def _weights(self, atoms: AtomBatch) -> Tensor:
        """What every atom contributes to every channel: (n_molecules, n_atoms, n_channels)."""
        if atoms.values.shape[-1] != self.n_atom_channels:
            names = self.channels[len(self.channels) - self.n_atom_channels :]
            raise ValueError(
                f"atom_values must have {self.n_atom_channels} columns, one for each of {names}, "
                f"got {atoms.values.shape[-1]}"
            )
        groups = self.groups.to(atoms.positions)[atoms.numbers]  # (B, A, n_groups)
        properties = [self._property(table, atoms).unsqueeze(-1) for table in self.properties]
        return torch.cat([groups, *properties, atoms.values], dim=-1)

    def _property(self, table: ElementTable, atoms: AtomBatch) -> Tensor:
        """A property per atom, zero where there is no atom: (n_molecules, n_atoms)."""
        return table(atoms.numbers, atoms.positions) * (atoms.numbers > 0)


def _as_group(elements: str | Sequence[str]) -> list[int]:
    """Atomic numbers of an element or of a group of elements."""
    return [atomic_number(e) for e in ([elements] if isinstance(elements, str) else elements)]


def _membership(groups: list[list[int]]) -> Tensor:
    """(n_elements, n_groups) 1 where the element is in the group."""
    table = torch.zeros(N_ELEMENTS, len(groups))
    for column, numbers in enumerate(groups):
        table[numbers, column] = 1.0
    return table
