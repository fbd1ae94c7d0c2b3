"""A property from the field itself: weight tokens and learned probe points."""

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF, scatter_add
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.frames import soft_polar_frame
from schnetpack_molfield.representation.inr import CanonicalINR

__all__ = ["FieldReadout"]


class FieldReadout(nn.Module):
    r"""Regresses a property from the weight tokens and from probe points of the field.

    Probe points are learned in canonical coordinates, :math:`x_p = o + Q u_p` with the soft polar
    frame Q of the chart, so a rotated molecule is asked at rotated points and the result is
    invariant. Each chart gives one number, and a molecule's property is their

    ======  ==============================  ==========================================
    mode    atom charts                     molecule chart
    ======  ==============================  ==========================================
    `sum`   sum (extensive properties)      the number times the number of atoms
    `avg`   mean (intensive properties)     the number
    ======  ==============================  ==========================================

    Reads `field_features` and `field_tokens` of `MolField`, writes `output_key` with shape
    (n_molecules,), or (n_molecules, n_out) for more than one output.

    Args:
        n_in: number of channels of the charts (`n_atom_basis`).
        n_tokens: numbers in a chart's tokens, 2 `n_hidden` of MolField; `2 * n_in` by default.
        n_out: number of outputs.
        n_probes: number of probe points per chart.
        aggregation_mode: `sum` or `avg`.
        output_key: key of the result.
        reach: largest distance of the radial basis at probe points in Angstrom.

    Raises:
        ValueError: for an unknown aggregation mode.
    """

    def __init__(
        self,
        n_in: int,
        n_tokens: int | None = None,
        n_out: int = 1,
        n_probes: int = 6,
        aggregation_mode: str = "sum",
        output_key: str = "y",
        reach: float = 5.0,
    ) -> None:
        super().__init__()
        check_choice("aggregation_mode", aggregation_mode, ["sum", "avg"])
        self.extensive = aggregation_mode == "sum"
        self.output_key = output_key
        self.model_outputs = [output_key]
        self.n_out = n_out
        self.probes = nn.Parameter(torch.randn(n_probes, 3))
        self.axes = ScaledDense(n_in, 3, bias=False)
        self.soft_harmonics = SoftHarmonics()
        self.radial_basis = GaussianRBF(20, reach)
        self.radial_functions = ScaledDense(20, n_in)
        self.inr = CanonicalINR(n_in, n_in)
        n_features = n_in * (1 + n_probes) + (n_tokens or 2 * n_in)
        self.head = nn.Sequential(nn.Linear(n_features, n_in), nn.SiLU(), nn.Linear(n_in, n_out))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the property to the dictionary and return it."""
        charts = inputs[keys.features]  # (n_charts, 9, n_in)
        values = self.probe(charts).flatten(1)  # (n_charts, n_probes * n_in)
        tokens = inputs[keys.tokens].flatten(1)
        y = self.head(torch.cat([charts.select(1, 0), values, tokens], dim=1))  # (n_charts, n_out)

        n_atoms = inputs[properties.n_atoms].to(y.dtype).unsqueeze(1)  # (n_molecules, 1)
        idx_m = inputs[keys.chart_idx_m]
        n_charts = scatter_add(torch.ones_like(y), idx_m, dim_size=n_atoms.shape[0])
        mean = scatter_add(y, idx_m, dim_size=n_atoms.shape[0]) / n_charts
        result = mean * n_atoms if self.extensive else mean
        inputs[self.output_key] = result.squeeze(1) if self.n_out == 1 else result
        return inputs

    def probe(self, charts: Tensor) -> Tensor:
        """Values of the field at the probe points, (n_charts, n_probes, n_in)."""
        vectors = charts.split([1, 3, 5], dim=1)[1]  # (n_charts, 3, n_in)
        frame = soft_polar_frame(self.axes(vectors))  # (n_charts, 3, 3)
        points = self.probes @ frame.transpose(1, 2)  # (n_charts, n_probes, 3), from the origin
        distances, harmonics = self.soft_harmonics(points.flatten(0, 1))
        radial = self.radial_functions(self.radial_basis(distances))
        shape = points.shape[:2] + (-1,)
        return self.inr(charts, radial.view(shape), harmonics.view(shape))[0]
