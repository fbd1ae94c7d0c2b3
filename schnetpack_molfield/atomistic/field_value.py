"""Values of a learned field at any points of space."""

from collections.abc import Sequence

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF, scatter_add
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield.atomistic.near_points import ElementDensity, close_pairs, smooth_window
from schnetpack_molfield.nn.choices import check_choice
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.inr import CanonicalINR

__all__ = ["FieldValue"]


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
        pairs_per_block: pairs of a point and a chart evaluated together; the default keeps them
            in the cache of a CPU, a GPU is faster with 2**20.

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
        output_key: str = "field",
        gradient_key: str | None = None,
        charts: str = "atom",
        cutoff: float = 4.0,
        n_hidden: int | None = None,
        n_rbf: int = 20,
        frame: str = "projection",
        hypernetwork: str = "transformer",
        surroundings: bool = True,
        pairs_per_block: int = 2**15,
    ) -> None:
        super().__init__()
        check_choice("charts", charts, ["atom", "molecule"])
        n_hidden = n_hidden or n_in
        self.channels = list(channels)
        self.units = units
        self.output_key = output_key
        self.gradient_key = gradient_key or ""
        self.model_outputs = [output_key, gradient_key] if gradient_key else [output_key]
        self.required_derivatives = ["field_points"] if gradient_key else []
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
        if "field_points" not in inputs:
            values = inputs["field_origins"].new_zeros(0, len(self.channels))
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
        if "field_features" not in inputs:
            raise KeyError(
                "no 'field_features' in the input: fields need the representation MolField"
            )
        owners = properties.Z if self.local else properties.n_atoms
        n_charts, n_owners = inputs["field_features"].shape[0], inputs[owners].shape[0]
        if n_charts != n_owners:
            raise ValueError(
                f"the representation has {n_charts} charts, this head expects {n_owners}: give "
                "both the same option charts, 'atom' or 'molecule'"
            )

    def points(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The points (n_points, 3) and the molecule of each (n_points,), checked."""
        if properties.pbc in inputs and bool(inputs[properties.pbc].any()):
            raise ValueError("fields of periodic structures can't be asked; set pbc to False")
        points = inputs["field_points"]
        if points.dim() != 2 or points.shape[1] != 3:
            raise ValueError(f"field_points has shape {points.shape}, expected (n_points, 3)")
        if "field_point_idx_m" in inputs:
            idx_m = inputs["field_point_idx_m"]
        else:
            n_points = inputs["field_n_points"]  # (n_molecules,)
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
        largest = int(torch.bincount(inputs[properties.idx_m]).max())
        size = max(1, self.pairs_per_block // largest)
        axes, scales, _ = self.inr.weights(inputs["field_features"])
        blocks = [points.new_zeros(0, len(self.channels))]
        for x, m in zip(points.split(size), idx_m.split(size)):  # noqa: B905 (TorchScript)
            if x.shape[0] > 0:
                blocks.append(self._block(x, m, axes, scales, inputs))
        return torch.cat(blocks)

    def _block(
        self,
        points: Tensor,  # (n_points, 3)
        idx_m: Tensor,  # (n_points,)
        axes: Tensor,  # (n_charts, 9, n_hidden)
        scales: Tensor,  # (n_charts, 1, n_hidden)
        inputs: dict[str, Tensor],
    ) -> Tensor:
        origins = inputs["field_origins"]
        chart, point = close_pairs(points, idx_m, origins, inputs["field_idx_m"], self.reach)
        if chart.shape[0] == 0:
            return points.new_zeros(points.shape[0], len(self.channels))

        distances, harmonics = self.soft_harmonics(points[point] - origins[chart])
        radial = self._radial(distances)  # (n_pairs, n_hidden)
        if self.surroundings is not None:
            radial = radial + self.surroundings(points, idx_m, inputs)[point]
        asked, row = torch.unique_consecutive(chart, return_inverse=True)
        padded, real = to_dense_batch(torch.cat([radial, harmonics], dim=1), row)
        radial, harmonics = padded.split([radial.shape[1], 9], dim=2)  # (n_asked, n_longest, ...)
        values = self.out(self.inr.evaluate(axes[asked], scales[asked], radial, harmonics))[real]
        if self.local:
            values = values * smooth_window(distances, self.cutoff).unsqueeze(1)
        return scatter_add(values, point, dim_size=points.shape[0])

    def _radial(self, distances: Tensor) -> Tensor:
        """Radial functions (n_pairs, n_hidden) of distances (n_pairs,)."""
        if not self.local:
            distances = distances * self.cutoff / (distances + self.cutoff)
        return self.radial_functions(self.radial_basis(distances))
