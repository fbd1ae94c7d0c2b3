"""Functions of space that are computed from atoms, for one molecule or for a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from ase import Atoms
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield.checks import check_atoms, check_points
from schnetpack_molfield.fields.derivatives import Evaluate, channel_gradient
from schnetpack_molfield.fields.molecular_field import MolecularField

__all__ = ["AtomBatch", "AtomFunction"]


@dataclass(frozen=True)
class AtomBatch:
    """Atoms of molecules side by side, padded to the largest one by atoms of number 0.

    Attributes:
        numbers: (n_molecules, n_atoms) atomic numbers, 0 where there is no atom.
        positions: (n_molecules, n_atoms, 3) in Angstrom.
        values: (n_molecules, n_atoms, n_values) further numbers per atom, 0 where there is none.
    """

    numbers: Tensor
    positions: Tensor
    values: Tensor

    @property
    def absent(self) -> Tensor:
        """(n_molecules, 1, n_atoms) True where there is no atom."""
        return (self.numbers == 0).unsqueeze(1)


class AtomFunction(ABC):
    """A function of points and atoms, defined once and evaluated for any molecules.

    Everything is a differentiable function of points and atom positions, in their dtype and on
    their device. Points and atoms of a batch are flat, as in SchNetPack, with the index of the
    molecule that each belongs to, in ascending order.

    Attributes:
        channels: names of the channels.
        units: unit of every channel.
        pairs_per_block: pairs of a point and an atom evaluated together; a few temporaries of
            this size exist at once.
    """

    channels: list[str]
    units: str
    pairs_per_block: int = 2**20

    @abstractmethod
    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Channels (n_molecules, n_points, n_channels) at points (n_molecules, n_points, 3)."""

    def __call__(
        self,
        points: Tensor,
        atomic_numbers: Tensor,
        positions: Tensor,
        idx_m: Tensor | None = None,
        point_idx_m: Tensor | None = None,
        atom_values: Tensor | None = None,
    ) -> Tensor:
        """Values at points, each in the field of its own molecule.

        Args:
            points: (n_points, 3) in Angstrom.
            atomic_numbers: (n_atoms,).
            positions: (n_atoms, 3) in Angstrom.
            idx_m: (n_atoms,) molecule of every atom, ascending; None if there is one molecule.
            point_idx_m: (n_points,) molecule of every point, ascending; None likewise.
            atom_values: (n_atoms, n_values) further numbers per atom, where the function asks
                for them.

        Returns:
            (n_points, n_channels).
        """
        atoms, indices = (atomic_numbers, positions, atom_values), (idx_m, point_idx_m)
        return self._in_blocks(lambda evaluate, x: evaluate(x), points, *atoms, *indices)

    def gradient(
        self,
        points: Tensor,
        atomic_numbers: Tensor,
        positions: Tensor,
        idx_m: Tensor | None = None,
        point_idx_m: Tensor | None = None,
        atom_values: Tensor | None = None,
    ) -> Tensor:
        """Gradients (n_points, n_channels, 3) at points; arguments as in a call."""
        atoms, indices = (atomic_numbers, positions, atom_values), (idx_m, point_idx_m)
        return self._in_blocks(channel_gradient, points, *atoms, *indices)

    def of(
        self,
        atoms: Atoms,
        atom_values: Tensor | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
    ) -> MolecularField:
        """The field of one molecule, to be asked, integrated, written and drawn.

        Args:
            atoms: the molecule.
            atom_values: (n_atoms, n_values) further numbers per atom.
            dtype: precision; torch's default dtype if None.
            device: where to compute.
        """
        check_atoms(atoms)
        dtype = dtype or torch.get_default_dtype()
        numbers = torch.as_tensor(atoms.numbers, device=device)
        positions = torch.as_tensor(atoms.positions, dtype=dtype, device=device)

        def evaluate(points: Tensor) -> Tensor:
            return self(points, numbers, positions, atom_values=atom_values)

        return MolecularField(
            evaluate,
            atoms,
            self.channels,
            self.units,
            dtype=dtype,
            device=device,
            block_size=max(1, self.pairs_per_block // len(atoms)),
        )

    def _in_blocks(
        self,
        operation: Callable[[Evaluate, Tensor], Tensor],
        points: Tensor,
        atomic_numbers: Tensor,
        positions: Tensor,
        atom_values: Tensor | None,
        idx_m: Tensor | None,
        point_idx_m: Tensor | None,
    ) -> Tensor:
        """Apply `operation` to blocks of the padded points and undo the padding."""
        check_points(points)
        atoms = _dense_atoms(atomic_numbers, positions, atom_values, idx_m)
        n_molecules, n_atoms = atoms.numbers.shape
        dense, is_point = _to_dense(points, point_idx_m, n_molecules)  # (B, P, 3), (B, P)
        size = max(1, self.pairs_per_block // (n_molecules * n_atoms))

        def apply(block: Tensor) -> Tensor:  # (B, p, 3) -> (B, p, ...)
            def evaluate(flat: Tensor) -> Tensor:
                return self.evaluate(flat.view(block.shape), atoms).flatten(0, 1)

            return operation(evaluate, block.reshape(-1, 3)).unflatten(0, block.shape[:2])

        return torch.cat([apply(block) for block in dense.split(size, dim=1)], dim=1)[is_point]


def _dense_atoms(
    atomic_numbers: Tensor, positions: Tensor, atom_values: Tensor | None, idx_m: Tensor | None
) -> AtomBatch:
    """Check flat atoms and pad them to (n_molecules, n_atoms, ...)."""
    n_atoms = len(atomic_numbers)
    if n_atoms == 0:
        raise ValueError("the structure has no atoms; a molecular field needs at least one")
    if positions.shape != (n_atoms, 3):
        raise ValueError(
            f"positions must have shape ({n_atoms}, 3), one row per atomic number, "
            f"got {tuple(positions.shape)}"
        )
    if atom_values is None:
        atom_values = positions.new_zeros(n_atoms, 0)
    if atom_values.dim() != 2 or len(atom_values) != n_atoms:
        raise ValueError(
            f"atom_values must have shape ({n_atoms}, n_values), got {tuple(atom_values.shape)}"
        )
    n_molecules = 1 if idx_m is None else int(idx_m[-1]) + 1
    return AtomBatch(
        _to_dense(atomic_numbers.long(), idx_m, n_molecules)[0],
        _to_dense(positions, idx_m, n_molecules)[0],
        _to_dense(atom_values.to(positions), idx_m, n_molecules)[0],
    )


def _to_dense(rows: Tensor, idx_m: Tensor | None, n_molecules: int) -> tuple[Tensor, Tensor]:
    """Pad flat rows to (n_molecules, n_rows, ...) with the mask (n_molecules, n_rows)."""
    if idx_m is None:
        if n_molecules > 1:
            raise ValueError(
                f"there are {n_molecules} molecules: give point_idx_m, the molecule of every point"
            )
        return rows.unsqueeze(0), rows.new_ones(1, len(rows), dtype=torch.bool)
    if len(idx_m) != len(rows) or (idx_m.diff() < 0).any() or (idx_m >= n_molecules).any():
        raise ValueError(
            f"the molecule index of {len(rows)} rows must have one ascending entry per row, "
            f"below {n_molecules}; sort by molecule first"
        )
    return to_dense_batch(rows, idx_m, batch_size=n_molecules)
