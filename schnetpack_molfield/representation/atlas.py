"""Atlases: which points of space each chart is asked at, in layouts for matrix products.

Pairs (receiver i, chart c) are laid out twice: by chart, where the field is evaluated (a row of
points per chart), and by receiver, where the values of several charts are summed (a row of pairs
per atom). Rows are padded to the longest with one extra pair whose window is zero. So neither the
evaluation nor the sum needs a scatter: both are batched matrix products.
"""

from typing import NamedTuple

import schnetpack.properties as properties
import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield.nn.protocols import CutoffFunction
from schnetpack_molfield.nn.sphere import SoftHarmonics

__all__ = ["AtomAtlas", "Layout", "gather_field", "lay_out"]


class Layout(NamedTuple):
    """Where the charts are asked; `n_pairs` counts the padding pair, which is the last.

    Attributes:
        points: pairs of each chart, shape (n_charts, n_points).
        slots: row of `points` (flattened) of each pair of a receiver, (n_atoms, n_neighbors).
        harmonics: harmonics of the points around their chart, shape (n_charts, n_points, 9).
        receivers: windowed harmonics of each receiver, shape (n_atoms, 9, n_neighbors).
    """

    points: Tensor
    slots: Tensor
    harmonics: Tensor
    receivers: Tensor


def _rows(owner: Tensor, n_owners: int) -> Tensor:
    """Pairs of every owner, (n_owners, n_longest), padded with the index of the padding pair."""
    n_pairs = owner.shape[0]
    n_longest = max(int(torch.bincount(owner, minlength=1).max()), 1)
    owner, order = torch.sort(owner, stable=True)
    return to_dense_batch(order, owner, float(n_pairs), n_longest, n_owners)[0]


def lay_out(
    chart: Tensor,  # (n_pairs,)
    receiver: Tensor,  # (n_pairs,)
    harmonics: Tensor,  # (n_pairs + 1, 9)
    window: Tensor,  # (n_pairs + 1,), zero for the last
    n_charts: int,
    n_receivers: int,
) -> Layout:
    """Lay out pairs of charts and receivers; their last row is the padding pair."""
    points = _rows(chart, n_charts)
    pairs = _rows(receiver, n_receivers)
    slot_of_pair = torch.zeros_like(window, dtype=torch.long)
    slot_of_pair[points.flatten()] = torch.arange(points.numel(), device=points.device)
    windowed = harmonics * window.unsqueeze(1)  # (n_pairs + 1, 9)
    return Layout(
        points=points,
        slots=slot_of_pair[pairs],
        harmonics=harmonics.index_select(0, points.flatten()).view(n_charts, -1, 9),
        receivers=windowed.index_select(0, pairs.flatten())
        .view(n_receivers, -1, 9)
        .transpose(1, 2),
    )


def gather_field(values: Tensor, layout: Layout) -> Tensor:
    """Sum the values (n_charts, n_points, h) of all charts at their receivers, (n_atoms, 9, h).

    Values are multiplied by the windowed harmonics, so the sum holds scalars, vectors, tensors.
    """
    flat = values.flatten(0, 1).index_select(0, layout.slots.flatten())
    return torch.bmm(layout.receivers, flat.view(layout.slots.shape[0], -1, values.shape[2]))


class AtomAtlas(nn.Module):
    """One chart per atom, asked at the atom's neighbours, with a window that ends at the cutoff.

    Args:
        cutoff_fn: SchNetPack's cutoff function, the window.
        n_neighbors: typical number of neighbours; sums over neighbours are divided by it.
    """

    beyond: Tensor

    def __init__(self, cutoff_fn: CutoffFunction, n_neighbors: float) -> None:
        super().__init__()
        self.cutoff_fn = cutoff_fn
        self.register_buffer("beyond", 2 * cutoff_fn.cutoff.clone().view(1), persistent=False)
        self.n_neighbors = n_neighbors
        self.soft_harmonics = SoftHarmonics()

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Layout, Tensor]:
        """Lay out the neighbour list.

        Returns:
            layout and distances (n_pairs + 1,) in Angstrom, the last beyond the cutoff.
        """
        padding = self.beyond.expand(1, 3)
        vectors = torch.cat([-inputs[properties.Rij], padding])  # (n_pairs + 1, 3), from the chart
        distances, harmonics = self.soft_harmonics(vectors)
        window = self.cutoff_fn(distances) / self.n_neighbors  # (n_pairs + 1,)
        n_atoms = inputs[properties.Z].shape[0]
        idx_i, idx_j = inputs[properties.idx_i], inputs[properties.idx_j]
        return lay_out(idx_j, idx_i, harmonics, window, n_atoms, n_atoms), distances
