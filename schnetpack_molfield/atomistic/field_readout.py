"""A property from the molecule's function: weight tokens and learned probe points."""

import schnetpack.properties as properties
import torch
from schnetpack.nn import scatter_add
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.reading import FieldInvariants, by_rank, check_read
from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.irreps import DEGREE

__all__ = ["FieldReadout"]


class FieldReadout(nn.Module):
    r"""Regresses a property from the weight tokens and from probe points of the function.

    Each chart gives one number, of its tokens, its features' scalars, and what the molecule's
    function is at the chart's probe points (`ProbePoints`, invariants of it by `FieldInvariants`).
    A molecule's property is their

    ======  ==============================  ==========================================
    mode    atom charts                     molecule chart
    ======  ==============================  ==========================================
    `sum`   sum (extensive properties)      the number times the number of atoms
    `avg`   mean (intensive properties)     the number
    ======  ==============================  ==========================================

    Reads `field_features`, `field_tokens` and `field_probes` of `MolField`, writes `output_key`
    with shape (n_molecules,), or (n_molecules, n_out) for more than one output.

    Args:
        n_in: number of channels of the charts (`n_atom_basis`).
        n_function: width of the function, MolField's `n_hidden`; `n_in` by default.
        n_tokens: numbers in a chart's tokens; `2 * n_function` by default, MolField's two layers.
        n_out: number of outputs.
        n_probes: number of probe points per chart, as in MolField; 0 reads tokens only.
        n_invariants: what is read at a probe point.
        aggregation_mode: `sum` or `avg`.
        output_key: key of the result.
        degree: largest degree of the function, as in MolField.

    Raises:
        ValueError: for an unknown aggregation mode, and when called behind a MolField with another
            number of probes, channels or tokens.
        KeyError: when called behind another representation.
    """

    def __init__(
        self,
        n_in: int,
        n_function: int | None = None,
        n_tokens: int | None = None,
        n_out: int = 1,
        n_probes: int = 6,
        n_invariants: int = 16,
        aggregation_mode: str = "sum",
        output_key: str = "y",
        degree: int = DEGREE,
    ) -> None:
        super().__init__()
        check_choice("aggregation_mode", aggregation_mode, ["sum", "avg"])
        self.extensive = aggregation_mode == "sum"
        self.output_key = output_key
        self.model_outputs = [output_key]
        self.n_out = n_out
        self.n_function = n_function or n_in
        self.n_probes = n_probes
        self.n_tokens = n_tokens or 2 * self.n_function
        self.degree = degree
        self.invariants = FieldInvariants(self.n_function, n_invariants, n_invariants, degree)
        n_features = n_in + n_probes * n_invariants + self.n_tokens
        self.head = nn.Sequential(nn.Linear(n_features, n_in), nn.SiLU(), nn.Linear(n_in, n_out))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the property to the dictionary and return it."""
        check_read(inputs, self.n_function, self.degree)
        tokens = inputs[keys.tokens].flatten(1)  # (n_charts, n_tokens)
        if tokens.shape[1] != self.n_tokens:
            raise ValueError(
                f"a chart has {tokens.shape[1]} numbers in its tokens, this head expects n_tokens "
                f"= {self.n_tokens}: n_layers times n_hidden of the representation"
            )
        columns = [inputs[keys.features].select(1, 0), tokens]
        if self.n_probes > 0:
            columns.append(self._at_probes(inputs))
        y = self.head(torch.cat(columns, dim=1))  # (n_charts, n_out)

        n_atoms = inputs[properties.n_atoms].to(y.dtype).unsqueeze(1)  # (n_molecules, 1)
        idx_m = inputs[keys.chart_idx_m]
        n_charts = scatter_add(torch.ones_like(y), idx_m, dim_size=n_atoms.shape[0])
        mean = scatter_add(y, idx_m, dim_size=n_atoms.shape[0]) / n_charts
        result = mean * n_atoms if self.extensive else mean
        inputs[self.output_key] = result.squeeze(1) if self.n_out == 1 else result
        return inputs

    def _at_probes(self, inputs: dict[str, Tensor]) -> Tensor:
        """Invariants of the function at the probes, (n_charts, n_probes * n_invariants)."""
        n_probes = inputs[keys.probes].shape[1] if keys.probes in inputs else 0
        if n_probes != self.n_probes:
            raise ValueError(
                f"the representation has {n_probes} probes of each chart, this head expects "
                f"{self.n_probes}: set n_probes of both (model.representation.n_probes)"
            )
        probes = inputs[keys.probes]  # (n_charts, n_probes, n_rows, n_function)
        scalars, others = by_rank(probes.flatten(0, 1))
        return self.invariants(scalars, others).view(probes.shape[0], -1)
