"""Sums and differences of fields of the same molecule, or of a molecule and parts of it."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

import numpy as np
import torch
from ase import Atoms
from scipy.spatial import cKDTree
from torch import Tensor

from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms

__all__ = ["combined"]

#: Distance in Angstrom within which two atoms are one.
_SAME_PLACE = 1e-4

AnyField = TypeVar("AnyField", bound=FieldAroundAtoms)


def combined(first: AnyField, second: AnyField, factor: float) -> AnyField:
    """The field first + factor * second, in the more precise of both dtypes.

    The second one may be of a part of the first one's molecule, such as a ligand of a complex.

    Raises:
        ValueError: if it has atoms that the first one hasn't, or other channels or units.
    """
    _check_alike(first, second)
    dtype = torch.promote_types(first.dtype, second.dtype)

    def evaluate(points: Tensor) -> Tensor:
        return _values(first, points) + factor * _values(second, points)

    return type(first)(
        evaluate,
        first.atoms,
        first.channels,
        first.units,
        dtype,
        first.device,
        min(first.block_size, second.block_size),
    )


def _values(field: FieldAroundAtoms, points: Tensor) -> Tensor:
    """Values (n_points, n_channels) of a field that may have another precision and device."""
    return field.evaluate(points.to(device=field.device, dtype=field.dtype)).to(points)


def _check_alike(first: FieldAroundAtoms, second: FieldAroundAtoms) -> None:
    _check_atoms(first.atoms, second.atoms)
    for name, x, y in (
        ("channels", first.channels, second.channels),
        ("units", first.units, second.units),
    ):
        if x != y:
            raise ValueError(f"fields of different {name} can't be combined: {x} and {y}")


def _check_atoms(whole: Atoms, part: Atoms) -> None:
    """Raise ValueError unless every atom of `part` is one of `whole`, at the same place."""
    distances, nearest = cKDTree(whole.positions).query(part.positions)  # (n_part,)
    if Counter(part.numbers) - Counter(whole.numbers):
        raise ValueError(
            f"fields of {whole.symbols} and {part.symbols} can't be combined: expected the same "
            "atoms, or a part of the first one's"
        )
    if distances.max() > _SAME_PLACE:
        raise ValueError(
            f"the fields' molecules differ by up to {distances.max():.3g} Angstrom: expected one "
            "geometry"
        )
    other = np.flatnonzero(whole.numbers[nearest] != part.numbers)
    if len(other) or len(set(nearest)) < len(part):
        raise ValueError(
            f"the fields' molecules have other atoms in the same places: {whole.symbols} and "
            f"{part.symbols}"
        )
