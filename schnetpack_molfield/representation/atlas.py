"""Atlases: which points of space each chart is asked at, in layouts for matrix products.

Pairs (receiver i, chart c) are laid out twice: by chart, where the field is evaluated (a row of
points per chart), and by receiver, where the values of several charts are summed (a row of pairs
per atom). Rows are padded to the longest with one extra pair whose window is zero. So neither the
evaluation nor the sum needs a scatter: both are batched matrix products.

Which pair stands where depends on the neighbour list alone, see `Places`: it can be found once per
list, and a compiled model has to be given it, because its shape depends on the numbers in the list.
"""

from typing import NamedTuple

import schnetpack.properties as properties
import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield import properties as keys
from schnetpack_molfield.nn.irreps import DEGREE
from schnetpack_molfield.nn.protocols import CutoffFunction
from schnetpack_molfield.nn.sphere import SoftHarmonics

__all__ = ["AtomAtlas", "Layout", "Places", "find_places", "gather_field", "lay_out", "with_window"]


class Places(NamedTuple):
    """Which pair stands where; padding is the pair after the last one of the neighbour list.

    Attributes:
        points: pairs of each chart, shape (n_charts, n_points).
        pairs: pairs of each receiver, shape (n_atoms, n_neighbors).
        slots: row of `points` (flattened) of each pair of a receiver, (n_atoms, n_neighbors).
    """

    points: Tensor
    pairs: Tensor
    slots: Tensor


class Layout(NamedTuple):
    """Where the charts are asked; `n_pairs` counts the padding pair, which is the last.

    Attributes:
        points: pairs of each chart, shape (n_charts, n_points).
        pairs: pairs of each receiver, shape (n_atoms, n_neighbors).
        slots: row of `points` (flattened) of each pair of a receiver, (n_atoms, n_neighbors).
        harmonics: harmonics of the points around their chart, shape (n_charts, n_points, n_rows).
        receivers: windowed harmonics of each receiver, shape (n_atoms, n_rows, n_neighbors).
    """

    points: Tensor
    pairs: Tensor
    slots: Tensor
    harmonics: Tensor
    receivers: Tensor


def _rows(owner: Tensor, n_owners: int) -> Tensor:
    """Pairs of every owner, (n_owners, n_longest), padded with the index of the padding pair."""
    n_pairs = owner.shape[0]
    n_longest = max(int(torch.bincount(owner, minlength=1).max()), 1)
    owner, order = torch.sort(owner, stable=True)
    return to_dense_batch(order, owner, float(n_pairs), n_longest, n_owners)[0]


def find_places(chart: Tensor, receiver: Tensor, n_atoms: int) -> Places:
    """Places of the pairs of a neighbour list, of charts and receivers (n_pairs,) each."""
    points = _rows(chart, n_atoms)
    pairs = _rows(receiver, n_atoms)
    slot_of_pair = torch.zeros(chart.shape[0] + 1, dtype=torch.long, device=chart.device)
    slot_of_pair[points.flatten()] = torch.arange(points.numel(), device=points.device)
    return Places(points, pairs, slot_of_pair[pairs])


def lay_out(
    places: Places,
    harmonics: Tensor,  # (n_pairs + 1, n_rows)
    window: Tensor,  # (n_pairs + 1,), zero for the last
) -> Layout:
    """Lay out pairs of charts and receivers; the last row of what they have is the padding pair."""
    return Layout(
        points=places.points,
        pairs=places.pairs,
        slots=places.slots,
        harmonics=_of_pairs(harmonics, places.points),
        receivers=_of_pairs(harmonics * window.unsqueeze(1), places.pairs).transpose(1, 2),
    )


def _of_pairs(values: Tensor, pairs: Tensor) -> Tensor:
    """What pairs have, (n_pairs + 1, k), in rows of pairs (n, n_longest): (n, n_longest, k)."""
    return values.index_select(0, pairs.flatten()).view(pairs.shape[0], -1, values.shape[1])


def with_window(
    layout: Layout,
    harmonics: Tensor,  # (n_pairs + 1, n_rows)
    window: Tensor,  # (n_pairs + 1,), zero for the last
) -> Layout:
    """The same layout, read through another window."""
    receivers = _of_pairs(harmonics * window.unsqueeze(1), layout.pairs).transpose(1, 2)
    return Layout(layout.points, layout.pairs, layout.slots, layout.harmonics, receivers)


def gather_field(values: Tensor, layout: Layout) -> Tensor:
    """Sum values (n_charts, n_points, h) of all charts at their receivers, (n_atoms, n_rows, h).

    Values are multiplied by the windowed harmonics, so the sum holds scalars, vectors, tensors.
    """
    flat = values.flatten(0, 1).index_select(0, layout.slots.flatten())
    return torch.bmm(layout.receivers, flat.view(layout.slots.shape[0], -1, values.shape[2]))


class AtomAtlas(nn.Module):
    """One chart per atom, asked at the atom's neighbours, with a window that ends at the cutoff.

    Args:
        cutoff_fn: SchNetPack's cutoff function, the window.
        degree: largest degree of the harmonics.
    """

    beyond: Tensor

    def __init__(self, cutoff_fn: CutoffFunction, degree: int = DEGREE) -> None:
        super().__init__()
        self.cutoff_fn = cutoff_fn
        self.register_buffer("beyond", 2 * cutoff_fn.cutoff.clone().view(1), persistent=False)
        self.soft_harmonics = SoftHarmonics(degree=degree)

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Layout, Tensor, Tensor]:
        """Lay out the neighbour list.

        Returns:
            layout, and of all pairs, of which the last is padding and beyond the cutoff: distances
            (n_pairs + 1,) in Angstrom and harmonics (n_pairs + 1, n_rows).
        """
        padding = self.beyond.expand(1, 3)
        vectors = torch.cat([-inputs[properties.Rij], padding])  # (n_pairs + 1, 3), from the chart
        distances, harmonics = self.soft_harmonics(vectors)
        window = self.cutoff_fn(distances)  # (n_pairs + 1,)
        return lay_out(_places(inputs), harmonics, window), distances, harmonics


def _places(inputs: dict[str, Tensor]) -> Places:
    """Places of the pairs, given with the neighbour list or found now."""
    if keys.place_slots in inputs:
        return Places(inputs[keys.place_points], inputs[keys.place_pairs], inputs[keys.place_slots])
    n_atoms = inputs[properties.Z].shape[0]
    return find_places(inputs[properties.idx_j], inputs[properties.idx_i], n_atoms)
