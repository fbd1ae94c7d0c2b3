"""The function that a molecule is: what charts add up to, at atoms and at any other point."""

from __future__ import annotations

import schnetpack.properties as properties
import torch
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.protocols import CutoffFunction, RadialBasis
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.angles import ChartAngles
from schnetpack_molfield.representation.atlas import Layout, gather_field
from schnetpack_molfield.representation.inr import CanonicalINR
from schnetpack_molfield.representation.near_points import close_pairs, tiles
from schnetpack_molfield.representation.radial_rows import ElementDensity, ElementRows, radial_rows

__all__ = ["FieldFunction"]


def _keep_freed_memory() -> None:
    """Let the C library keep what one block of points frees for the next.

    glibc returns freed memory to the system beyond twice the largest piece that was ever freed,
    see mallopt(3), and what comes back costs a page fault per 4 kB: more time than the products.
    This piece is never written to, so it takes no memory itself.
    """
    torch.empty(4_194_304)


class FieldFunction(nn.Module):
    r"""The function of a molecule, given by charts and asked anywhere.

    .. math:: F_{lm}(x) = \sum_c w(d_c)\, Y_{lm}(x - o_c)\, f(u_c(x); \theta_c)

    with the canonical INR f of every chart. F holds scalars, vectors and tensors at x. Every point
    sees all charts within the cutoff, and an atom is such a point: at its own nucleus it sees its
    own chart too, whose directions vanish there smoothly, so F is as smooth at nuclei as anywhere.
    The window w ends charts of atoms at the cutoff, which makes F local, size-extensive, and zero
    far from every chart. A molecule's only chart has no end (w = 1): its distances enter the
    radial basis as d r / (d + r), and with them the density of elements around the point, because
    a symmetric molecule leaves no directions to its chart.

    Points are given per molecule, those of the first molecule first:

    ====================  ====================================  =================================
    key                   shape                                 meaning
    ====================  ====================================  =================================
    field_features        (n_charts, n_rows, n_channels)        read: features of the charts
    field_origins         (n_charts, 3)                         read: their origins, Angstrom
    field_idx_m           (n_charts,)                           read: molecule of each chart
    field_points          (n_points, 3)                         read: where it is asked, Angstrom
    field_n_points        (n_molecules,)                        read: points of each molecule
    field_point_idx_m     (n_points,)                           or the molecule of each point; is
                                                                written, too
    field_quadrature_...  see `ElectronQuadrature`              read: more points, for integrals
    field_axes            (n_charts, n_rows, n_hidden)          written: first layer's weights
    field_scales          (n_charts, n_layers - 1, n_hidden)    written: the other layers' factors
    field_tokens          (n_charts, n_tokens, group)           written: weight tokens
    field_values          (n_points, n_rows, n_hidden)          written: F, if there are points;
                                                                also `field_quadrature_values`
    ====================  ====================================  =================================

    Args:
        n_channels: number of channels of the charts.
        inr: the charts' network.
        radial_basis: SchNetPack's radial basis.
        cutoff_fn: SchNetPack's cutoff function w; its cutoff is r.
        surroundings: density of elements, for charts of molecules; None for charts that end.
        n_angles: learned angles that enter the INR beside its coordinates; see `ChartAngles`.
        pairs_per_block: pairs of a point and a chart evaluated together, about; the default keeps
            them in the cache of a CPU, a GPU is faster with 2**20.
        softness: length in Angstrom below which directions from an origin fade; 0.1 for charts
            that end, 1 for others if None.

    Raises:
        ValueError: when called with points of the wrong shape, points that don't add up, or points
            of a periodic structure.
    """

    def __init__(
        self,
        n_channels: int,
        inr: CanonicalINR,
        radial_basis: RadialBasis,
        cutoff_fn: CutoffFunction,
        surroundings: ElementDensity | None = None,
        n_angles: int = 0,
        pairs_per_block: int = 2**16,
        softness: float | None = None,
    ) -> None:
        super().__init__()
        self.inr = inr
        self.n_rows = inr.n_rows
        self.local = surroundings is None
        self.cutoff_fn = cutoff_fn
        self.cutoff = float(cutoff_fn.cutoff)
        self.reach = self.cutoff if self.local else float("inf")
        self.surroundings = surroundings
        self.pairs_per_block = pairs_per_block
        if softness is None:
            softness = 0.1 if self.local else 1.0
        self.soft_harmonics = SoftHarmonics(softness, inr.degree)
        self.radial = radial_rows(radial_basis)
        self.knows_elements = isinstance(self.radial, ElementRows)
        self.radial_functions = ScaledDense(radial_basis.n_rbf, inr.n_hidden)
        self.angles = ChartAngles(n_channels, inr.n_hidden, n_angles) if n_angles else None

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the keys of the class docstring to the dictionary and return it."""
        for key in list(inputs.keys()):
            if key.startswith(keys.kept):  # of an earlier call with this dictionary
                del inputs[key]
        axes, scales, tokens = self.inr.weights(inputs[keys.features])
        inputs[keys.axes] = axes
        inputs[keys.scales] = scales
        inputs[keys.tokens] = tokens
        if keys.points in inputs:
            points, idx_m = self.points(inputs)
            inputs[keys.values] = self.read(points, idx_m, inputs)
            inputs[keys.point_idx_m] = idx_m
        if keys.quadrature_points in inputs:
            points, idx_m = inputs[keys.quadrature_points], inputs[keys.quadrature_idx_m]
            inputs[keys.quadrature_values] = self.read(points, idx_m, inputs)
        return inputs

    def points(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The points (n_points, 3) and the molecule of each (n_points,), checked."""
        points = inputs[keys.points]
        if points.dim() != 2 or points.shape[1] != 3:
            raise ValueError(f"field_points has shape {points.shape}, expected (n_points, 3)")
        if keys.point_idx_m in inputs:
            idx_m = inputs[keys.point_idx_m]
        else:
            n_points = inputs[keys.n_points]  # (n_molecules,)
            molecules = torch.arange(n_points.shape[0], device=points.device)
            idx_m = torch.repeat_interleave(molecules, n_points)
        if idx_m.shape[0] != points.shape[0]:
            raise ValueError(
                f"field_points has {points.shape[0]} rows, but {idx_m.shape[0]} are assigned to "
                "molecules by field_n_points or field_point_idx_m"
            )
        return points, idx_m

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """F (n_points, n_rows, n_hidden) at points (n_points, 3) of molecules (n_points,).

        Args:
            points: in Angstrom.
            idx_m: molecule of each point.
            inputs: the dictionary with the keys that are written. It keeps what all points of
                these charts have in common, so asking again costs what the points cost.
        """
        if properties.pbc in inputs and bool(inputs[properties.pbc].any()):
            raise ValueError("fields of periodic structures can't be asked; set pbc to False")
        if keys.kept_first not in inputs:
            inputs[keys.kept_first] = self._first_layer(inputs[keys.axes])
        size = self._points_per_block(int(torch.bincount(inputs[properties.idx_m]).max()))
        _keep_freed_memory()
        blocks = [points.new_zeros(0, self.n_rows, self.inr.n_hidden)]
        for x, m in zip(points.split(size), idx_m.split(size)):  # noqa: B905 (TorchScript)
            if x.shape[0] > 0:
                blocks.append(self._block(x, m, inputs))
        return torch.cat(blocks)

    def at_atoms(
        self,
        inputs: dict[str, Tensor],
        radial: Tensor,  # (n_atoms, n_points, n_rbf)
        layout: Layout,
    ) -> Tensor:
        """F (n_atoms, n_rows, n_hidden) at the atoms, for charts of atoms.

        The same sum as `read`, over a neighbour list, so it holds in periodic cells too.
        """
        axes, scales = inputs[keys.axes], inputs[keys.scales]
        features = inputs[keys.features]
        radial = self.radial_functions(radial)  # (n_atoms, n_points, n_hidden)
        if self.angles is not None:
            radial = radial + self.angles(features, layout.harmonics)
        values = self.inr.evaluate(axes, scales, radial, layout.harmonics)
        read = gather_field(values, layout)
        own = self._at_origins(features, axes, scales, inputs[properties.Z])
        return read + nn.functional.pad(own, [0, 0, 0, self.n_rows - 1])

    def _at_origins(
        self, features: Tensor, axes: Tensor, scales: Tensor, elements: Tensor
    ) -> Tensor:
        """What every chart contributes at its own origin, scalars (n_charts, 1, n_hidden)."""
        origin = axes.new_zeros(1, 3)
        distance, harmonics = self.soft_harmonics(origin)  # (1,), (1, n_rows)
        distances = distance.unsqueeze(0).expand(axes.shape[0], 1)
        radial = self.radial_functions(self.radial(distances, elements).transpose(1, 2))
        harmonics = harmonics.unsqueeze(0).expand(axes.shape[0], 1, -1)
        if self.angles is not None:
            radial = radial + self.angles(features, harmonics)
        return self.cutoff_fn(distance) * self.inr.evaluate(axes, scales, radial, harmonics)

    def _points_per_block(self, n_atoms: int) -> int:
        """Points with `pairs_per_block` close pairs, for molecules of at most so many atoms."""
        close = min(n_atoms, 8 + int(self.cutoff**3 / 2))  # atoms of dense matter inside r
        looked_at = 64 * self.pairs_per_block // n_atoms  # so many bytes less does a far pair take
        return max(1, min(self.pairs_per_block // close, looked_at))

    def _first_layer(self, axes: Tensor) -> Tensor:
        """First layer (n_charts, n_monomials + n_rbf, n_hidden), acting on `_coordinates`."""
        radial = self.radial_functions.weight * self.radial_functions.scale  # (n_hidden, n_rbf)
        bias = self.radial_functions.bias
        assert bias is not None  # for TorchScript
        axes = axes + nn.functional.pad(bias.unsqueeze(0), [0, 0, 0, self.n_rows - 1])  # of Y_0 = 1
        axes = self.soft_harmonics.harmonics.of_monomials(axes)  # (n_charts, n_monomials, n_hidden)
        return torch.cat([axes, radial.t().expand(axes.shape[0], -1, -1)], dim=1)

    def _block(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """F (n_points, n_rows, n_hidden) at the points of one block."""
        n_points, origins = points.shape[0], inputs[keys.origins]
        pairs = close_pairs(points, idx_m, origins, inputs[keys.chart_idx_m], self.reach)
        if pairs.center.shape[0] == 0:
            return points.new_zeros(n_points, self.n_rows, self.inr.n_hidden)
        tile = tiles(pairs, n_points)
        chart, point = tile.center, tile.point  # (n_tiles,), (n_tiles, size)
        padded = nn.functional.pad(points, [0, 0, 0, 1]).t()  # (3, n_points + 1)
        asked = padded.gather(1, point.flatten().expand(3, -1)).view(3, -1, point.shape[1])
        offsets = (asked - origins[chart].t().unsqueeze(2)).transpose(0, 1)  # (n_tiles, 3, size)
        distances, monomials, radial = self._coordinates(offsets, inputs[properties.Z], chart)
        harmonics = monomials.transpose(1, 2) @ self.soft_harmonics.harmonics.coupling
        coordinates = torch.cat([monomials, radial], dim=1).transpose(1, 2)
        weights = inputs[keys.kept_first][chart]  # (n_tiles, n_monomials + n_rbf, n_hidden)
        first = torch.bmm(coordinates, weights)  # (n_tiles, size, n_hidden)
        if self.surroundings is not None:
            density = self.surroundings(points, idx_m, inputs)  # (n_points, n_hidden)
            first = first + nn.functional.pad(density, [0, 0, 0, 1])[point]
        if self.angles is not None:
            first = first + self.angles(inputs[keys.features][chart], harmonics)
        values = self.inr.deepen(first, inputs[keys.scales][chart])
        if self.local:
            harmonics = harmonics * self.cutoff_fn(distances).unsqueeze(2)
        return _sum_at_points(values.flatten(0, 1), harmonics.flatten(0, 1), tile.slots, tile.real)

    def _coordinates(
        self, offsets: Tensor, elements: Tensor, chart: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the first layer acts on.

        Args:
            offsets: points from the origin of their chart, (n_tiles, 3, size).
            elements: of the atoms.
            chart: of the tiles, (n_tiles,).

        Returns:
            distances (n_tiles, size), monomials (n_tiles, n_monomials, size) of the direction, and
            radial functions (n_tiles, n_rbf, size).
        """
        distances = torch.sqrt(offsets.square().sum(dim=1) + self.soft_harmonics.epsilon**2)
        directions = offsets / distances.unsqueeze(1)  # (n_tiles, 3, size)
        monomials = self.soft_harmonics.harmonics.monomials(directions)
        if self.local:
            return distances, monomials, self.radial(distances, elements[chart])
        reached = distances * self.cutoff / (distances + self.cutoff)
        return distances, monomials, self.radial(reached, chart)


def _sum_at_points(values: Tensor, harmonics: Tensor, slots: Tensor, real: Tensor) -> Tensor:
    """Sums over pairs of their values times harmonics, (n_points, n_rows, n_hidden).

    Args:
        values: of all slots, (n_slots, n_hidden).
        harmonics: windowed, (n_slots, n_rows).
        slots: of the points, (n_points, n_nearest).
        real: whether there is a pair, (n_points, n_nearest).
    """
    n_points = slots.shape[0]
    values = values.index_select(0, slots.flatten()).view(n_points, -1, values.shape[1])
    harmonics = harmonics.index_select(0, slots.flatten()).view(n_points, -1, harmonics.shape[1])
    harmonics = harmonics * real.unsqueeze(2)
    return torch.bmm(harmonics.transpose(1, 2), values)
