"""The network that moves charts: equivariant attention over dense sets of charts."""

import math

import torch
from torch import Tensor, nn

from schnetpack_molfield.generation.charts import ChartParts, center, split_rows
from schnetpack_molfield.nn.dense import EquivariantDense
from schnetpack_molfield.nn.irreps import n_rows, row_sizes
from schnetpack_molfield.nn.sphere import SolidHarmonics, SphereProduct
from schnetpack_molfield.representation import ChartSizes

__all__ = ["ChartNetwork"]

#: Number and largest of the distances, in Angstrom, at which pairs of charts are told apart.
N_RADIAL, FARTHEST = 24, 6.0
#: Frequencies of the embedding of time.
N_TIMES = 16
#: Largest degree of the features: that of the tensors of hydrogens.
DEGREE = 3


class Pairs(nn.Module):
    """Distances and directions between the charts of a set.

    Args:
        length: unit of the positions in Angstrom.
    """

    centers: Tensor
    length: Tensor

    def __init__(self, length: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("length", torch.tensor(length))
        self.harmonics = SolidHarmonics(DEGREE)
        self.register_buffer("centers", torch.linspace(0.0, FARTHEST, N_RADIAL), persistent=False)

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Radial functions and harmonics of all pairs.

        Args:
            positions: shape (n_sets, n_charts, 3).

        Returns:
            (n_sets, n_charts, n_charts, N_RADIAL) and harmonics of the directions from chart i to
            chart j, (n_sets, n_charts, n_charts, n_rows).
        """
        vectors = (positions.unsqueeze(1) - positions.unsqueeze(2)) * self.length
        distances = (vectors.square().sum(dim=-1, keepdim=True) + 1e-4).sqrt()
        radial = torch.exp(-((distances - self.centers) * (N_RADIAL / FARTHEST)).square())
        return radial, self.harmonics(vectors / (distances + 0.1))


class ChartAttention(nn.Module):
    """Charts read each other: scalars, features of all degrees, and where they are.

    Args:
        n_channels: scalars of a chart.
        n_directed: channels of its features of degree 0 to 3.
        n_heads: number of heads.
    """

    def __init__(self, n_channels: int, n_directed: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.scale = math.sqrt(n_heads / n_channels)
        self.sizes = [n_channels, n_channels, n_channels, n_directed]
        self.projections = nn.Linear(n_channels, sum(self.sizes))
        self.bias = nn.Linear(N_RADIAL, n_heads, bias=False)
        self.pointers = nn.Linear(n_directed, 2 * n_heads, bias=False)
        self.values = EquivariantDense(n_directed, n_directed, DEGREE)
        self.scalars_out = nn.Linear(n_channels + n_heads * N_RADIAL, n_channels)
        self.features_out = EquivariantDense(2 * n_directed, n_directed, DEGREE)

    def forward(
        self, s: Tensor, x: Tensor, radial: Tensor, directions: Tensor, absent: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What each chart reads, in the shapes of s and x.

        Args:
            s: scalars, shape (n_sets, n_charts, n_channels).
            x: features, shape (n_sets, n_charts, n_rows, n_directed).
            radial: see `Pairs`.
            directions: see `Pairs`.
            absent: minus infinity for padding, shape (n_sets, 1, 1, n_charts).
        """
        q, k, values, along = (
            part.unflatten(2, (self.n_heads, -1)).transpose(1, 2)  # (n_sets, n_heads, n_charts, n)
            for part in self.projections(s).split(self.sizes, dim=2)
        )
        weights = q @ k.transpose(2, 3) * self.scale + absent
        weights = weights + self.bias(radial).permute(0, 3, 1, 2) + self._pointing(x, directions)
        weights = torch.softmax(weights, dim=3)  # (n_sets, n_heads, n_charts, n_charts)

        read = (weights @ values).transpose(1, 2).flatten(2)
        where = (weights.transpose(1, 2) @ radial).flatten(2)  # how far those are that were read
        scalars = self.scalars_out(torch.cat([read, where], dim=2))
        features = torch.cat(
            [self._features(weights, x), self._towards(weights, directions, along)], dim=3
        )
        return scalars, _each(self.features_out, features)

    def _pointing(self, x: Tensor, directions: Tensor) -> Tensor:
        """How much pairs lie along vectors of both charts, (n_sets, n_heads, i, j)."""
        mine, theirs = self.pointers(x[:, :, 1:4]).chunk(2, dim=3)  # (n_sets, n_charts, 3, n_heads)
        vectors = directions[..., 1:4]  # (n_sets, i, j, 3)
        along = vectors @ mine - (vectors @ theirs).transpose(1, 2)
        return along.permute(0, 3, 1, 2)

    def _towards(self, weights: Tensor, directions: Tensor, along: Tensor) -> Tensor:
        """Directions to the charts that are read, times a value: (n_sets, n_charts, n_rows, n)."""
        where = directions.transpose(2, 3).unsqueeze(1)  # (n_sets, 1, i, n_rows, j)
        rows = (weights.unsqueeze(3) * where).flatten(2, 3)  # (n_sets, n_heads, i * n_rows, j)
        read = (rows @ along).unflatten(2, (-1, directions.shape[3]))
        return read.permute(0, 2, 3, 1, 4).flatten(3)

    def _features(self, weights: Tensor, x: Tensor) -> Tensor:
        """Features of others, (n_sets, n_charts, n_rows, n_directed)."""
        values = _each(self.values, x).unflatten(3, (self.n_heads, -1)).permute(0, 3, 1, 2, 4)
        read = weights @ values.flatten(3)  # (n_sets, n_heads, n_charts, n_rows * n)
        return read.unflatten(3, (x.shape[2], -1)).permute(0, 2, 3, 1, 4).flatten(3)


def _each(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer of features (n, n_rows, n_in), applied to those of sets of charts."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class ChartUpdate(nn.Module):
    """Every chart by itself: products of its features, gated by its scalars.

    Args:
        n_channels: scalars of a chart.
        n_directed: channels of its features of degree 0 to 3.
    """

    def __init__(self, n_channels: int, n_directed: int) -> None:
        super().__init__()
        self.sizes = [n_channels, DEGREE * n_directed]
        self.product = SphereProduct(n_directed, n_directed, DEGREE)
        self.mixing = EquivariantDense(n_directed, n_directed, DEGREE)
        self.hidden = nn.Sequential(
            nn.Linear(n_channels + 2 * n_directed, 2 * n_channels),
            nn.SiLU(),
            nn.Linear(2 * n_channels, sum(self.sizes)),
        )

    def forward(self, s: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to s and x; shapes as in `ChartAttention`."""
        message = _each(self.mixing, x) + _each(self.product, x)
        length = x.square().mean(dim=2)  # (n_sets, n_charts, n_directed)
        known = torch.cat([s, message[:, :, 0], length], dim=2)
        scalars, gates = self.hidden(known).split(self.sizes, dim=2)
        gates = gates.unflatten(2, (DEGREE, -1))  # (n_sets, n_charts, 3, n_directed)
        parts = [message[:, :, :1]]
        for order, part in enumerate(message[:, :, 1:].split(row_sizes(DEGREE)[1:], dim=2)):
            parts.append(part * gates[:, :, order : order + 1])
        return scalars, torch.cat(parts, dim=2)


class ChartBlock(nn.Module):
    """One round of attention and update, told the time and the condition by its norms.

    Args:
        n_channels: scalars of a chart.
        n_directed: channels of its features of degree 0 to 3.
        n_heads: number of heads.
    """

    def __init__(self, n_channels: int, n_directed: int, n_heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_channels, elementwise_affine=False)
        self.modulation = nn.Linear(n_channels, 6 * n_channels)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.attention = ChartAttention(n_channels, n_directed, n_heads)
        self.update = ChartUpdate(n_channels, n_directed)

    def forward(
        self,
        s: Tensor,  # (n_sets, n_charts, n_channels)
        x: Tensor,  # (n_sets, n_charts, n_rows, n_directed)
        context: Tensor,  # (n_sets, 1, n_channels)
        radial: Tensor,
        directions: Tensor,
        absent: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Scalars and features after the round."""
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulation(context).chunk(6, dim=2)
        told = torch.addcmul(shift1, self.norm(s), 1 + scale1)
        ds, dx = self.attention(told, _normed(x), radial, directions, absent)
        s, x = torch.addcmul(s, 1 + gate1, ds), x + dx
        told = torch.addcmul(shift2, self.norm(s), 1 + scale2)
        ds, dx = self.update(told, _normed(x))
        return torch.addcmul(s, 1 + gate2, ds), x + dx


def _normed(x: Tensor) -> Tensor:
    """Features of a chart, divided by their root mean square."""
    return x * torch.rsqrt(x.square().mean(dim=(2, 3), keepdim=True) + 1e-3)


class ChartNetwork(nn.Module):
    """Equivariant map from noisy charts, time and condition to a row for every chart.

    Turning, reflecting and reordering the charts turns, reflects and reorders the rows; moving them
    changes nothing. Any number of charts, fully connected.

    Args:
        sizes: what charts hold.
        n_condition: length of the condition.
        n_channels: scalars of a chart inside.
        n_directed: channels of its features of degree 0 to 3.
        n_layers: number of rounds.
        n_heads: number of heads.

    Raises:
        ValueError: if the channels can't be dealt to the heads.
    """

    frequencies: Tensor

    def __init__(
        self,
        sizes: ChartSizes,
        n_condition: int,
        n_channels: int = 128,
        n_directed: int = 16,
        n_layers: int = 4,
        n_heads: int = 8,
    ) -> None:
        super().__init__()
        if n_channels % n_heads or n_directed % n_heads:
            raise ValueError(
                f"n_channels {n_channels} and n_directed {n_directed} must be multiples of n_heads "
                f"{n_heads}"
            )
        self.sizes = sizes
        self.n_directed = n_directed
        self.pairs = Pairs()
        self.register_buffer("frequencies", torch.pi * torch.arange(1, N_TIMES + 1), False)
        self.context = nn.Sequential(
            nn.Linear(2 * N_TIMES + n_condition + 1, n_channels),
            nn.SiLU(),
            nn.Linear(n_channels, n_channels),
            nn.SiLU(),
        )
        self.scalars_in = nn.Linear(sizes.n_scalars + 1, n_channels)
        self.counts = [1 + sizes.n_vectors, *sizes.n_of_degree[2:]]
        self.lifts = nn.ModuleList(nn.Linear(n, n_directed, bias=False) for n in self.counts)
        self.blocks = nn.ModuleList(
            ChartBlock(n_channels, n_directed, n_heads) for _ in range(n_layers)
        )
        self.scalars_out = nn.Sequential(
            nn.LayerNorm(n_channels), nn.Linear(n_channels, sizes.n_scalars)
        )
        self.drops = nn.ModuleList(nn.Linear(n_directed, n, bias=False) for n in self.counts)

    def forward(self, rows: Tensor, mask: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """Map rows to rows.

        Args:
            rows: shape (n_sets, n_charts, n_numbers), see `generation.charts`.
            mask: shape (n_sets, n_charts).
            time: of each set, from 0 (noise) to 1 (data), shape (n_sets,).
            condition: shape (n_sets, n_condition).
        """
        positions, numbers = split_rows(rows, self.sizes)
        radial, directions = self.pairs(positions)
        absent = torch.zeros_like(rows[:, :, 0]).masked_fill(~mask, -torch.inf)[:, None, None]
        radii = positions.square().sum(dim=2, keepdim=True)
        s = self.scalars_in(torch.cat([numbers[0].squeeze(2), radii], dim=2))
        x = self._lifted(positions, numbers)
        context = self._context(mask, time, condition)
        for block in self.blocks:
            s, x = block(s, x, context, radial, directions, absent)
        parts = x[:, :, 1:].split(row_sizes(DEGREE)[1:], dim=2)
        first, *others = (drop(part) for drop, part in zip(self.drops, parts, strict=False))
        scalars = self.scalars_out(s).unsqueeze(2)
        moved = ChartParts(first[..., 0], [scalars, first[..., 1:], *others])
        return center(moved.join(), mask)

    def _lifted(self, positions: Tensor, numbers: list[Tensor]) -> Tensor:
        """The charts' own vectors and tensors as features, (n_sets, n_charts, n_rows, n)."""
        vectors = torch.cat([positions.unsqueeze(3), numbers[1]], dim=3)
        parts = [lift(x) for lift, x in zip(self.lifts, [vectors, *numbers[2:]], strict=True)]
        lifted = torch.cat(parts, dim=2)  # degree 1 and higher
        missing = n_rows(DEGREE) - 1 - lifted.shape[2]
        return nn.functional.pad(lifted, (0, 0, 1, missing))

    def _context(self, mask: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """What all charts of a set are told, (n_sets, 1, n_channels)."""
        phases = time.unsqueeze(1) * self.frequencies
        n_charts = mask.sum(dim=1, keepdim=True).to(time.dtype) / 10
        known = torch.cat([phases.sin(), phases.cos(), condition, n_charts], dim=1)
        return self.context(known).unsqueeze(1)
