"""A field that follows from another one: of the same molecule, precision and device."""

from __future__ import annotations

from collections.abc import Sequence

from schnetpack_molfield.fields.derivatives import Evaluate
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.molecular_field import MolecularField

__all__ = ["field_like", "only_channel"]


def field_like(
    field: ElectronicField,
    evaluate: Evaluate,
    channels: Sequence[str],
    units: str,
    block_size: int | None = None,
) -> MolecularField:
    """A field with other channels in the place of those of `field`.

    Args:
        field: what it follows from.
        evaluate: function from points (n, 3) to channels (n, n_channels).
        channels: names of the channels.
        units: of all channels.
        block_size: number of points evaluated together, at most that of `field`.
    """
    block_size = min(field.block_size, block_size or field.block_size)
    return MolecularField(
        evaluate, field.atoms, channels, units, field.dtype, field.device, block_size
    )


def only_channel(field: ElectronicField, channel: str) -> MolecularField:
    """A field of one of the channels of `field`.

    Raises:
        ValueError: if there is no such channel.
    """
    column, evaluate = field.index(channel), field.evaluate
    return field_like(
        field,
        lambda points: evaluate(points)[:, column : column + 1],
        [channel],
        field.units[channel],
    )
