"""Values of a learned field at any points of space."""

from collections.abc import Sequence

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF, scatter_add
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.near_points import (
    ElementDensity,
    close_pairs,
    gaussians,
    smooth_window,
    tiles,
)
from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.inr import CanonicalINR

__all__ = ["FieldValue"]


def _keep_freed_memory() -> None:
    """Let the C library keep what one block of points frees for the next.

    glibc returns freed memory to the system beyond twice the largest piece that was ever freed,
    see mallopt(3), and what comes back costs a page fault per 4 kB: more time than the products.
    This piece is never written to, so it takes no memory itself.
    """
    torch.empty(4_194_304)


class FieldValue(nn.Module):
    r"""Evaluates a vector-valued field of MolField's charts wherever it is asked.

    .. math:: F(x) = \sum_c w(|x - o_c|)\, f(u_c(x); \theta_c), \quad
              w(d) = (1 - d^2 / r^2)^3 \; \text{for} \; d < r

    The head has a canonical INR of its own. Atom charts end smoothly (w has two continuous
    derivatives) at the cutoff r, so the field is size-extensive and linear in the number of
    points; beyond r from every atom it is zero. A molecule chart has no end (w = 1): its distances
    enter the radial basis as d r / (d + r), and with them the density of elements around the point
    (`ElementDensity`), because a symmetric molecule leaves no directions to its chart.

    Points are given per molecule, those of the first molecule first:

    ====================  =================  ===================================================
    key                   shape              meaning
    ====================  =================  ===================================================
    field_points          (n_points, 3)      where the field is asked, Angstrom
    field_n_points        (n_molecules,)     how many of these points belong to each molecule
    field_point_idx_m     (n_points,)        or the molecule of each point, instead of the number
    `output_key`          (n_points, n)      written: the channels
    `gradient_key`        (n_points, n, 3)   written: their gradients, per Angstrom; if asked for
    ====================  =================  ===================================================

    Without `field_points` there is nothing to ask, and the result has no rows: a model for
    energies and fields runs molecular dynamics as it is.

    Args:
        n_in: number of channels of the charts (`n_atom_basis` of MolField).
        channels: names of the channels.
        units: unit of all channels.
        output_key: key of the result.
        gradient_key: key of the gradients, for losses that contain them; None doesn't write them.
        charts: `atom` or `molecule`, as in MolField.
        cutoff: r in Angstrom.
        n_hidden: width of the INR; `n_in` by default.
        n_rbf: number of radial functions.
        frame: canonical coordinates, one of `representation.FRAMES`.
        hypernetwork: one of `representation.HYPERNETWORKS`.
        surroundings: whether a molecule chart sees the elements around a point; without them the
            chart's features are all that is known of the molecule.
        pairs_per_block: pairs of a point and a chart evaluated together, about; the default keeps
            them in the cache of a CPU, a GPU is faster with 2**20.

    Raises:
        ValueError: for an unknown option; when called, for points of the wrong shape, points that
            don't add up, a periodic structure, or a representation with other charts.
        KeyError: when called behind another representation than MolField.
    """

    def __init__(
        self,
        n_in: int,
        channels: Sequence[str],
        units: str = "",
        output_key: str = keys.field,
        gradient_key: str | None = None,
        charts: str = "atom",
        cutoff: float = 4.0,
        n_hidden: int | None = None,
        n_rbf: int = 20,
        frame: str = "projection",
        hypernetwork: str = "transformer",
        surroundings: bool = True,
        pairs_per_block: int = 2**16,
    ) -> None:
        super().__init__()
        check_choice("charts", charts, ["atom", "molecule"])
        n_hidden = n_hidden or n_in
        self.channels = list(channels)
        self.units = units
        self.output_key = output_key
        self.gradient_key = gradient_key or ""
        self.model_outputs = [output_key, gradient_key] if gradient_key else [output_key]
        self.required_derivatives = [keys.points] if gradient_key else []
        self.local = charts == "atom"
        self.cutoff = cutoff
        self.reach = cutoff if self.local else float("inf")
        self.pairs_per_block = pairs_per_block
        self.soft_harmonics = SoftHarmonics(epsilon=0.1 if self.local else 1.0)
        self.radial_basis = GaussianRBF(n_rbf, cutoff)
        self.radial_functions = ScaledDense(n_rbf, n_hidden)
        sees_atoms = not self.local and surroundings
        self.surroundings = ElementDensity(n_hidden, cutoff, n_rbf) if sees_atoms else None
        self.inr = CanonicalINR(n_in, n_hidden, frame, hypernetwork)
        self.out = ScaledDense(n_hidden, len(self.channels))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the values at the points to the dictionary and return it."""
        self.check_charts(inputs)
        if keys.points not in inputs:
            values = inputs[keys.origins].new_zeros(0, len(self.channels))
            gradients = values.new_zeros(0, len(self.channels), 3)
        else:
            points, idx_m = self.points(inputs)
            self.prepare(inputs)
            values = self.values(points, idx_m, inputs)
            gradients = self._gradients(values, points)
        inputs[self.output_key] = values
        if self.gradient_key:
            inputs[self.gradient_key] = gradients
        return inputs

    def check_charts(self, inputs: dict[str, Tensor]) -> None:
        """Raise unless the representation has left the charts this head is for."""
        if keys.features not in inputs:
            raise KeyError(
                "no 'field_features' in the input: fields need the representation MolField"
            )
        owners = properties.Z if self.local else properties.n_atoms
        n_charts, n_owners = inputs[keys.features].shape[0], inputs[owners].shape[0]
        if n_charts != n_owners:
            raise ValueError(
                f"the representation has {n_charts} charts, this head expects {n_owners}: give "
                "both the same option charts, 'atom' or 'molecule'"
            )

    def points(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The points (n_points, 3) and the molecule of each (n_points,), checked."""
        if properties.pbc in inputs and bool(inputs[properties.pbc].any()):
            raise ValueError("fields of periodic structures can't be asked; set pbc to False")
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

    def prepare(self, inputs: dict[str, Tensor]) -> None:
        """Add to the dictionary what `values` needs for any points of these molecules: nothing."""

    def values(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Channels (n_points, n_channels) at points (n_points, 3) of molecules (n_points,)."""
        return self.sum_of_charts(points, idx_m, inputs)

    def _gradients(self, values: Tensor, points: Tensor) -> Tensor:
        """Gradients (n_points, n_channels, 3), if there is a key for them."""
        columns: list[Tensor] = []
        if not self.gradient_key:
            return points.new_zeros(0, len(self.channels), 3)
        for column in values.unbind(1):
            gradient = torch.autograd.grad(
                [column.sum()], [points], create_graph=self.training, retain_graph=True
            )[0]
            assert gradient is not None  # for TorchScript: values depend on the points
            columns.append(gradient)
        return torch.stack(columns, dim=1)

    def sum_of_charts(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The sum over the charts of the class docstring, block by block."""
        size = self._points_per_block(int(torch.bincount(inputs[properties.idx_m]).max()))
        axes, scales, _ = self.inr.weights(inputs[keys.features])
        first = self._first_layer(axes)
        _keep_freed_memory()
        blocks = [points.new_zeros(0, len(self.channels))]
        for x, m in zip(points.split(size), idx_m.split(size)):  # noqa: B905 (TorchScript)
            if x.shape[0] > 0:
                blocks.append(self._block(x, m, first, scales, inputs))
        return torch.cat(blocks)

    def _points_per_block(self, n_atoms: int) -> int:
        """Points of which `pairs_per_block` pairs are close, for molecules of at most that size."""
        close = min(n_atoms, 8 + int(self.cutoff**3 / 2))  # atoms of dense matter inside r
        looked_at = 64 * self.pairs_per_block // n_atoms  # so many bytes less does a far pair take
        return max(1, min(self.pairs_per_block // close, looked_at))

    def _first_layer(self, axes: Tensor) -> Tensor:
        """First layer (n_charts, 13 + n_rbf, n_hidden) that acts on `_coordinates`."""
        radial = self.radial_functions.weight * self.radial_functions.scale  # (n_hidden, n_rbf)
        bias = self.radial_functions.bias
        assert bias is not None  # for TorchScript
        axes = axes + nn.functional.pad(bias.unsqueeze(0), [0, 0, 0, 8])  # of the harmonic 1
        axes = self.soft_harmonics.harmonics.of_monomials(axes)  # (n_charts, 13, n_hidden)
        return torch.cat([axes, radial.t().expand(axes.shape[0], -1, -1)], dim=1)

    def _block(
        self,
        points: Tensor,  # (n_points, 3)
        idx_m: Tensor,  # (n_points,)
        first: Tensor,  # (n_charts, 13 + n_rbf, n_hidden)
        scales: Tensor,  # (n_charts, 1, n_hidden)
        inputs: dict[str, Tensor],
    ) -> Tensor:
        n_points, origins = points.shape[0], inputs[keys.origins]
        chart, point = close_pairs(points, idx_m, origins, inputs[keys.chart_idx_m], self.reach)
        if chart.shape[0] == 0:
            return points.new_zeros(n_points, len(self.channels))

        chart, point = tiles(chart, point, n_points)  # (n_tiles,), (n_tiles, size)
        padded = nn.functional.pad(points, [0, 0, 0, 1]).t()  # (3, n_points + 1)
        asked = padded.gather(1, point.flatten().expand(3, -1)).view(3, -1, point.shape[1])
        offsets = (asked - origins[chart].t().unsqueeze(2)).transpose(0, 1)  # (n_tiles, 3, size)
        distances, coordinates = self._coordinates(offsets)
        h = torch.bmm(coordinates.transpose(1, 2), first[chart])  # (n_tiles, size, n_hidden)
        if self.surroundings is not None:
            density = self.surroundings(points, idx_m, inputs)  # (n_points, n_hidden)
            h = h + nn.functional.pad(density, [0, 0, 0, 1])[point]
        values = self.out(self.inr.deepen(h, scales[chart]))  # (n_tiles, size, n_channels)
        if self.local:
            values = values * smooth_window(distances, self.cutoff).unsqueeze(2)
        summed = scatter_add(values.flatten(0, 1), point.flatten(), dim_size=n_points + 1)
        return summed.narrow(0, 0, n_points)

    def _coordinates(self, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """What the first layer acts on: 1, u_a, u_a u_b for u = x / d, and radial functions.

        Args:
            offsets: points from the origin of their chart, (n_tiles, 3, size).

        Returns:
            distances (n_tiles, size) and coordinates (n_tiles, 13 + n_rbf, size).
        """
        square = offsets.square().sum(dim=1) + self.soft_harmonics.epsilon**2
        distances = torch.sqrt(square)  # (n_tiles, size)
        u = offsets / distances.unsqueeze(1)  # (n_tiles, 3, size)
        products = (u.unsqueeze(1) * u.unsqueeze(2)).flatten(1, 2)  # (n_tiles, 9, size)
        reached = distances
        if not self.local:
            reached = distances * self.cutoff / (distances + self.cutoff)
        radial = gaussians(reached, self.radial_basis.offsets, self.radial_basis.widths)
        one = torch.ones_like(square).unsqueeze(1)  # (n_tiles, 1, size)
        return distances, torch.cat([one, u, products, radial], dim=1)
