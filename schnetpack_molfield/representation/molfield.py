"""MolField: a molecule as a continuous function of space, as a SchNetPack representation."""

from collections.abc import Callable
from difflib import get_close_matches
from inspect import signature

import schnetpack.properties as properties
import torch
from schnetpack.nn import scatter_add
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.cells import right_handed
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.protocols import CutoffFunction, RadialBasis
from schnetpack_molfield.representation.atlas import AtomAtlas
from schnetpack_molfield.representation.encoder import AtomEncoder, ExternalFields
from schnetpack_molfield.representation.hypernetwork import VariationalLatent
from schnetpack_molfield.representation.interaction import FieldInteraction
from schnetpack_molfield.representation.molecule_charts import MoleculeCharts

__all__ = ["MolField"]


def _reject_unknown(options: dict[str, object], function: Callable[..., None]) -> None:
    for name in options:
        near = get_close_matches(name, signature(function).parameters, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TypeError(f"MolField has no option {name!r}{hint}")


class MolField(nn.Module):
    r"""Representation of a molecule by a field that is given by an atlas of charts.

    .. math:: F_M(x) = \sum_c w_c(x)\, f(u_c(x); \theta_c)

    The encoder makes equivariant features (e3nn irreps 0e + 1o + 2e) of every atom. Each further
    interaction makes them the charts' INR parameters, evaluates the field at the atoms, and
    updates the atoms with it. The last state is the representation; and it is the state from which
    output modules of this package evaluate fields anywhere in space.

    Reads the keys of SchNetPack's dictionary that `PaiNN` reads (and positions, and the molecule
    index, for molecule charts) and writes

    ========================  ============================  =======================================
    key                       shape                         meaning
    ========================  ============================  =======================================
    scalar_representation     (n_atoms, n_atom_basis)       invariant features
    vector_representation     (n_atoms, 3, n_atom_basis)    polar vectors
    field_features            (n_charts, 9, n_atom_basis)   features of the charts, 0e + 1o + 2e
    field_tokens              (n_charts, n_tokens, group)   weight tokens of the last INR
    field_origins             (n_charts, 3)                 origins of the charts, Angstrom
    field_idx_m               (n_charts,)                   molecule of each chart
    kl_divergence             (n_molecules,)                only if `variational`: KL divergence
    ========================  ============================  =======================================

    References: Wang et al. 2026 (arXiv:2601.22327) for canonical INR, weight tokens and
    hyper-network; Schütt et al. 2021 (PaiNN) for the gates of the update.

    Args:
        n_atom_basis: number of channels.
        n_interactions: number of rounds over the neighbours, the encoder counted in.
        radial_basis: SchNetPack's radial basis.
        cutoff_fn: SchNetPack's cutoff function, the window of a chart.
        charts: `atom` (local, size-extensive, periodic) or `molecule` (one more round, with one
            chart at the centroid, after the rounds over the neighbours).
        frame: canonical coordinates, one of `frames.FRAMES`.
        hypernetwork: `transformer`, `linear` (no tokens) or `none` (shared weights).
        n_hidden: width of the INR; `n_atom_basis` by default.
        n_neighbors: typical number of neighbours within the cutoff; a constant factor.
        n_angles: number of angles between a point and learned vectors of its chart that enter the
            INR through learned encodings (`ChartAngles`), beside the coordinates; 0 for none.
        variational: sample the latent of the last round in training, and write its divergence.
        max_z: largest atomic number.
        nuclear_embedding: SchNetPack embedding module in place of the default.
        response_properties: properties that SchNetPack's `Response` will ask for; decides which
            external fields act on the atoms.

    Raises:
        ValueError: for an unknown atlas, frame or hyper-network, and when called with a periodic
            molecule and molecule charts.
        TypeError: for an unknown option.
    """

    #: Papers behind it, for the record of a trained model.
    references = (
        "Wang et al.: Molecular Representations in Implicit Functional Space via Hyper-Networks, "
        "arXiv:2601.22327 (2026)",
        "Schütt, Unke, Gastegger: Equivariant message passing for the prediction of tensorial "
        "properties and molecular spectra, ICML (2021)",
    )

    def __init__(
        self,
        n_atom_basis: int,
        n_interactions: int,
        radial_basis: RadialBasis,
        cutoff_fn: CutoffFunction,
        charts: str = "atom",
        frame: str = "projection",
        hypernetwork: str = "transformer",
        n_hidden: int | None = None,
        n_neighbors: float = 16.0,
        n_angles: int = 0,
        variational: bool = False,
        max_z: int = 100,
        nuclear_embedding: nn.Module | None = None,
        response_properties: list[str] | None = None,
        **unknown: object,
    ) -> None:
        super().__init__()
        _reject_unknown(unknown, type(self).__init__)
        check_choice("charts", charts, ["atom", "molecule"])
        if n_interactions < 2:
            raise ValueError(
                f"n_interactions = {n_interactions}: expected at least 2, the encoder and the field"
            )
        n_hidden = n_hidden or n_atom_basis
        self.n_atom_basis = n_atom_basis
        self.n_hidden = n_hidden
        self.charts = charts
        self.cutoff_fn = cutoff_fn
        self.cutoff = cutoff_fn.cutoff
        self.radial_basis = radial_basis
        self.model_outputs = [keys.kl_divergence] if variational else []

        self.embedding = nuclear_embedding or nn.Embedding(max_z + 1, n_atom_basis)
        self.external_fields = (
            ExternalFields(response_properties, n_atom_basis, max_z)
            if response_properties
            else None
        )
        self.atlas = AtomAtlas(cutoff_fn, n_neighbors)
        self.radial_functions = ScaledDense(radial_basis.n_rbf, n_hidden * n_interactions)
        self.encoder = AtomEncoder(n_atom_basis, n_hidden, max_z)
        n_rounds = n_interactions - (1 if charts == "molecule" else 2)
        self.interactions = nn.ModuleList(
            FieldInteraction(n_atom_basis, n_hidden, frame, hypernetwork, n_angles)
            for _ in range(n_rounds)
        )
        self.molecule_charts = (
            MoleculeCharts(n_atom_basis, n_hidden, radial_basis.n_rbf, float(self.cutoff))
            if charts == "molecule"
            else None
        )
        self.latent = VariationalLatent(n_atom_basis) if variational else None
        self.field = FieldInteraction(n_atom_basis, n_hidden, frame, hypernetwork, n_angles)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the keys of the class docstring to the dictionary and return it."""
        if properties.cell in inputs:  # for the stress, which output modules divide by the volume
            inputs[properties.cell] = right_handed(inputs[properties.cell])
        layout, distances = self.atlas(inputs)
        basis = self.radial_basis(distances)[layout.points]  # (n_atoms, n_points, n_rbf)
        rounds = self.radial_functions(basis).split(self.n_hidden, dim=-1)

        q, x = self._initial_features(inputs)
        q, x, density = self.encoder(q, x, inputs[properties.Z], rounds[0], layout)
        for i, interaction in enumerate(self.interactions):
            # newer torch types what is in a ModuleList as "Tensor | Module"
            features = interaction.norm(q, x)  # type: ignore[operator]
            q, x, _ = interaction(q, x, features, features, rounds[i + 1], layout)

        charts = self.field.norm(q, x)  # (n_charts, 9, n_channels)
        features = charts
        origins = inputs[properties.R]
        idx_m = inputs[properties.idx_m]
        points = rounds[-1]
        if self.molecule_charts is not None:
            layout, distances, origins = self.molecule_charts(inputs)
            points = self.molecule_charts.radial(self.radial_basis(distances), density, layout)
            charts = self.molecule_charts.pool(features, layout)
            idx_m = torch.arange(charts.shape[0], device=idx_m.device)
        if self.latent is not None:
            charts, divergence = self.latent(charts)
            inputs[keys.kl_divergence] = scatter_add(
                divergence, idx_m, dim_size=inputs[properties.n_atoms].shape[0]
            )
        q, x, tokens = self.field(q, x, features, charts, points, layout)

        inputs[keys.scalar_representation] = q
        inputs[keys.vector_representation] = x.split([3, 5], dim=1)[0]
        inputs[keys.features] = charts
        inputs[keys.tokens] = tokens
        inputs[keys.origins] = origins
        inputs[keys.chart_idx_m] = idx_m
        return inputs

    def _initial_features(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        q = self.embedding(inputs[properties.Z])  # (n_atoms, n_channels)
        x = q.new_zeros(q.shape[0], 8, q.shape[1])
        if self.external_fields is not None:
            dq, x = self.external_fields(inputs)
            q = q + dq
        return q, x
