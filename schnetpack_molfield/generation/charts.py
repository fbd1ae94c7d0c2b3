"""Sets of charts in dense batches: the rows that noise is added to and a network reads.

A row holds the numbers of a chart: its position, scalars, vectors and tensors, as in the latent of
`representation.ChartEncoder` but without the one that marks a chart. A mask tells charts from
padding; padding is zero everywhere.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from schnetpack_molfield.representation import ChartSizes

__all__ = ["ChartParts", "center", "latents_of", "read_latents", "split_rows"]


class ChartParts(NamedTuple):
    """The numbers of charts, by kind.

    Attributes:
        positions: shape (n_sets, n_charts, 3).
        numbers: scalars, vectors and tensors, by degree l: (n_sets, n_charts, 2 l + 1, n).
    """

    positions: Tensor
    numbers: list[Tensor]

    def join(self) -> Tensor:
        """The rows, (n_sets, n_charts, n_numbers)."""
        return torch.cat([self.positions, *(part.flatten(2) for part in self.numbers)], dim=2)


def split_rows(rows: Tensor, sizes: ChartSizes) -> ChartParts:
    """The parts of rows (n_sets, n_charts, n_numbers)."""
    positions, *numbers = rows.split([3, *sizes.parts[2:]], dim=2)
    return ChartParts(
        positions,
        [part.unflatten(2, (-1, n)) for part, n in zip(numbers, sizes.n_of_degree, strict=True)],
    )


def read_latents(latents: Tensor, sizes: ChartSizes) -> tuple[Tensor, Tensor]:
    """The charts of latents (n_sets, n_latent).

    Returns:
        Rows (n_sets, n_charts, n_numbers), centred, and the mask (n_sets, n_charts), padded to the
        largest of these sets.

    Raises:
        ValueError: for latents of another length, or without any chart.
    """
    if latents.dim() != 2 or latents.shape[1] != sizes.n_latent:
        raise ValueError(
            f"latents have shape {tuple(latents.shape)}, the auto-encoder makes (n_sets, "
            f"{sizes.n_latent}): they are of another model"
        )
    rows = latents.unflatten(1, (sizes.n_charts, -1))
    mask = rows[:, :, 3] != 0  # (n_sets, n_charts)
    n_longest = int(mask.sum(dim=1).max())
    if not mask.any(dim=1).all():
        raise ValueError(f"latent {int((~mask.any(dim=1)).nonzero()[0])} has no charts")
    order = torch.argsort(mask.int(), dim=1, descending=True, stable=True)[:, :n_longest]
    rows = rows.gather(1, order.unsqueeze(2).expand(-1, -1, rows.shape[2]))
    mask = mask.gather(1, order)
    return center(torch.cat([rows[:, :, :3], rows[:, :, 4:]], dim=2), mask), mask


def latents_of(rows: Tensor, mask: Tensor, sizes: ChartSizes) -> Tensor:
    """Latents (n_sets, n_latent) of rows and their mask, the inverse of `read_latents`."""
    ones = mask.unsqueeze(2).to(rows.dtype)
    rows = torch.cat([rows[:, :, :3], ones, rows[:, :, 3:]], dim=2) * ones
    missing = sizes.n_charts - rows.shape[1]
    return torch.nn.functional.pad(rows, (0, 0, 0, missing)).flatten(1)


def center(rows: Tensor, mask: Tensor) -> Tensor:
    """Move the charts' centroid to the origin, and set padding to zero.

    Args:
        rows: shape (n_sets, n_charts, n_numbers).
        mask: which of them are charts, shape (n_sets, n_charts).
    """
    weights = mask.unsqueeze(2).to(rows.dtype)  # (n_sets, n_charts, 1)
    positions, others = rows.split([3, rows.shape[2] - 3], dim=2)
    mean = (positions * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)
    return torch.cat([positions - mean, others], dim=2) * weights
