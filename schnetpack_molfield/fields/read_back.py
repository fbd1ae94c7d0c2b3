"""Molecules read back from their functions: atoms are the peaks of channels of elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from ase import Atoms
from ase.data import atomic_numbers
from torch import Tensor

from schnetpack_molfield.checks import check_positive
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.peaks import Peaks, find_peaks

__all__ = ["atoms_of", "element_channels", "molecules_of"]


def element_channels(channels: Sequence[str]) -> dict[int, int]:
    """Columns of the channels that are elements, and their atomic numbers.

    The name of such a channel is a symbol, or ends in one behind a colon or dot: `C`, `ligand:C`,
    `functions.C`.

    Raises:
        ValueError: if there is none.
    """
    symbols = [name.replace(".", ":").split(":")[-1] for name in channels]
    columns = {k: atomic_numbers[s] for k, s in enumerate(symbols) if atomic_numbers.get(s)}
    if not columns:
        raise ValueError(
            f"no channel of this field is an element: {', '.join(channels)}; atoms can be read "
            "back from channels called H, C, N, ... as VectorFunction has them"
        )
    return columns


def atoms_of(
    field: Any,  # a FieldAroundAtoms
    level: float | None = None,
    spacing: float = 0.35,
    margin: float = 1.5,
    separation: float = 0.5,
) -> Atoms:
    """The atoms that a field shows; see `FieldAroundAtoms.to_atoms`."""
    columns = element_channels(field.channels)
    if level is not None:
        check_positive("level", level)
    check_positive("separation", separation)
    grid = Grid.around(field.atoms.positions, spacing, margin)
    seeds = torch.as_tensor(grid.points, dtype=field.dtype, device=field.device)

    def evaluate(points: Tensor, idx_m: Tensor) -> Tensor:
        return field(points)[:, list(columns)]  # (n_points, n_elements)

    idx_m = torch.zeros(len(seeds), dtype=torch.long, device=field.device)
    peaks = find_peaks(evaluate, seeds, idx_m, level, separation)
    return molecules_of(peaks, list(columns.values()), 1)[0]


def molecules_of(peaks: Peaks, numbers: Sequence[int], n_molecules: int) -> list[Atoms]:
    """Atoms at the peaks, heavy ones first in every molecule.

    Args:
        peaks: of the channels of elements.
        numbers: atomic number of each channel.
        n_molecules: number of molecules, of which some may have no peak.
    """
    elements = torch.tensor(numbers, device=peaks.channels.device)[peaks.channels]  # (n_peaks,)
    order = torch.argsort((peaks.idx_m * 2 + (elements == 1)), stable=True)
    sizes = torch.bincount(peaks.idx_m, minlength=n_molecules).tolist()
    elements, positions = elements[order].cpu(), peaks.positions[order].double().cpu()
    return [
        Atoms(z.numpy(), positions=r.numpy())
        for z, r in zip(elements.split(sizes), positions.split(sizes), strict=True)
    ]
