"""Sums and differences of fields of the same molecule."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms

__all__ = ["combined"]

AnyField = TypeVar("AnyField", bound=FieldAroundAtoms)


def combined(first: AnyField, second: AnyField, factor: float) -> AnyField:
    """The field first + factor * second, in the more precise of both dtypes.

    Raises:
        ValueError: if they are of different molecules, or have other channels or units.
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
    a, b = first.atoms, second.atoms
    if not np.array_equal(a.numbers, b.numbers):
        raise ValueError(
            f"fields of {a.symbols} and {b.symbols} can't be combined: expected the same atoms "
            "in the same order"
        )
    apart = float(np.linalg.norm(a.positions - b.positions, axis=1).max())
    if apart > 1e-4:
        raise ValueError(
            f"the fields' molecules differ by up to {apart:.3g} Angstrom: expected one geometry"
        )
    for name, x, y in (
        ("channels", first.channels, second.channels),
        ("units", first.units, second.units),
    ):
        if x != y:
            raise ValueError(f"fields of different {name} can't be combined: {x} and {y}")
