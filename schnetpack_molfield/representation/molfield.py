"""MolField: a molecule as a continuous function of space, as a SchNetPack representation."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from inspect import signature

import schnetpack.properties as properties
import torch
from schnetpack.nn import scatter_add
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.cells import right_handed
from schnetpack_molfield.nn.dense import LR_SCALE, EquivariantDense, ScaledDense, set_lr_scale
from schnetpack_molfield.nn.irreps import DEGREE, n_rows
from schnetpack_molfield.nn.parts import Part
from schnetpack_molfield.nn.protocols import CutoffFunction, RadialBasis
from schnetpack_molfield.representation.atlas import AtomAtlas, with_window
from schnetpack_molfield.representation.encoder import AtomEncoder, ExternalFields
from schnetpack_molfield.representation.function import FieldFunction
from schnetpack_molfield.representation.hypernetwork import VariationalLatent
from schnetpack_molfield.representation.inr import CanonicalINR
from schnetpack_molfield.representation.interaction import (
    AtomUpdate,
    FeatureNorm,
    FieldInteraction,
    directed,
)
from schnetpack_molfield.representation.molecule_charts import MoleculeCharts
from schnetpack_molfield.representation.pretrained import begin
from schnetpack_molfield.representation.probes import ProbePoints
from schnetpack_molfield.representation.radial_rows import ElementDensity

__all__ = ["MolField"]

#: What a molecule's only chart gives an atom is divided by this. Atoms read so much more of it than
#: of charts that end that the products of their update would start near 100 times PaiNN's vectors.
N_MOLECULE_CHARTS = 8.0


def _reject_unknown(options: dict[str, object], function: Callable[..., None]) -> None:
    for name in options:
        near = get_close_matches(name, signature(function).parameters, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TypeError(f"MolField has no option {name!r}{hint}")


def _check_sizes(**sizes: int) -> None:
    """Raise ValueError for a size that no model can have, by its name."""
    least = {"n_interactions": (2, "the encoder and the field"), "n_angles": (0, "none")}
    least |= {"n_probes": (0, "none"), "degree": (1, "vectors")}
    for name, size in sizes.items():
        smallest, why = least.get(name, (1, ""))
        if size < smallest:
            raise ValueError(f"{name} = {size}: expected at least {smallest}{why and ', ' + why}")
    if sizes["n_atom_basis"] % 4:
        raise ValueError(f"n_atom_basis = {sizes['n_atom_basis']}: expected a multiple of 4")
    if sizes["n_hidden"] % 2:
        raise ValueError(f"n_hidden = {sizes['n_hidden']}: expected an even number")


class MolField(nn.Module):
    r"""Representation of a molecule by a function that is given by an atlas of charts.

    .. math:: F_M(x) = \sum_c w_c(x)\, f(u_c(x); \theta_c)

    The encoder makes equivariant features (e3nn irreps 0e + 1o + 2e) of every atom. Each further
    interaction makes them the charts' INR parameters, evaluates the charts at the atoms, and
    updates the atoms with what they read. The charts of the last round are the molecule's function
    F: atoms read it at their places, which makes the representation, and the output modules of
    this package read it wherever they are asked.

    Reads the keys of SchNetPack's dictionary that `PaiNN` reads (and positions, and the molecule
    index, for molecule charts, points and probes) and writes those of `FieldFunction` and

    ========================  ==============================  ==============================
    key                       shape                           meaning
    ========================  ==============================  ==============================
    scalar_representation     (n_atoms, n_atom_basis)         invariant features
    vector_representation     (n_atoms, 3, n_atom_basis)      polar vectors
    field_at_atoms            (n_atoms, n_rows, n_hidden)     F at the atoms
    field_probes              (n_charts, n_probes, ...)       F at probes, if `n_probes`
    kl_divergence             (n_molecules,)                  only if `variational`, nat
    ========================  ==============================  ==============================

    References: Wang et al. 2026 (arXiv:2601.22327) for canonical INR, weight tokens and
    hyper-network; Schütt et al. 2021 (PaiNN) for the gates of the update.

    Args:
        n_atom_basis: number of channels; a multiple of 4.
        n_interactions: number of rounds over the neighbours, the encoder counted in.
        radial_basis: SchNetPack's radial basis.
        cutoff_fn: SchNetPack's cutoff function, the window of a chart.
        charts: `atom` (local, size-extensive, periodic) or `molecule` (one more round, with one
            chart at the centroid, after the rounds over the neighbours).
        frame: canonical coordinates, see `CanonicalINR`.
        hypernetwork: writes the weights: `transformer`, `linear` (no tokens), `none` (shared
            weights), or one's own, see `CanonicalINR`.
        activation: of the INR, see `CanonicalINR`.
        n_hidden: width of the INR; `n_atom_basis` by default.
        n_layers: layers of the INR that is the molecule's function, the first one included.
        n_groups: weight tokens per layer.
        degree: largest degree of the features.
        n_neighbors: typical number of neighbours within the cutoff; a constant factor.
        n_angles: number of angles between a point and learned vectors of its chart that enter the
            INR through learned encodings (`ChartAngles`), beside the coordinates; 0 for none.
        n_probes: probe points of each chart, for `FieldReadout`; see `ProbePoints`.
        field_cutoff_fn: window of the charts of the molecule's function; `cutoff_fn` by default.
            Its cutoff can't be larger.
        variational: sample the latent of the last round in training, and write its divergence.
        lr_scale: how much faster than the read-out behind it MolField learns, with Adam and its
            like; see `ScaledDense`. With 1 it learns at the optimizer's rate.
        max_z: largest atomic number.
        nuclear_embedding: SchNetPack embedding module in place of the default.
        response_properties: properties that SchNetPack's `Response` will ask for; decides which
            external fields act on the atoms.
        pretrained: file of a model whose weights of MolField are taken over, see `pretrained`.
        frozen: groups of weights that stay as they were taken over: `embedding`, `encoder`,
            `interactions.0`, `function`, ...
        rates: factors on the learning rate of such groups, for `train.GroupRates`.

    Raises:
        FileNotFoundError: if there is no file `pretrained`.
        ValueError: for an unknown name or an impossible size, a file whose weights don't fit, and
            when called with a periodic molecule and molecule charts.
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
        frame: Part = "projection",
        hypernetwork: Part = "transformer",
        activation: Part = "silu",
        n_hidden: int | None = None,
        n_layers: int = 2,
        n_groups: int = 2,
        degree: int = DEGREE,
        n_neighbors: float = 16.0,
        n_angles: int = 0,
        n_probes: int = 0,
        field_cutoff_fn: CutoffFunction | None = None,
        variational: bool = False,
        lr_scale: float = LR_SCALE,
        max_z: int = 100,
        nuclear_embedding: nn.Module | None = None,
        response_properties: list[str] | None = None,
        pretrained: str | None = None,
        frozen: Sequence[str] = (),
        rates: Mapping[str, float] | None = None,
        **unknown: object,
    ) -> None:
        super().__init__()
        _reject_unknown(unknown, type(self).__init__)
        check_choice("charts", charts, ["atom", "molecule"])
        n_hidden = n_atom_basis if n_hidden is None else n_hidden
        _check_sizes(
            n_atom_basis=n_atom_basis,
            n_interactions=n_interactions,
            n_hidden=n_hidden,
            n_layers=n_layers,
            n_groups=n_groups,
            degree=degree,
            n_angles=n_angles,
            n_probes=n_probes,
            max_z=max_z,
        )
        if not n_neighbors > 0:
            raise ValueError(f"n_neighbors = {n_neighbors}: expected a number > 0")
        self.n_atom_basis = n_atom_basis
        self.n_hidden = n_hidden
        self.n_rows = n_rows(degree)
        self.charts = charts
        self.cutoff_fn = cutoff_fn
        self.cutoff = cutoff_fn.cutoff
        self.radial_basis = radial_basis
        self.model_outputs = [keys.kl_divergence] if variational else []

        def inr(n_layers: int) -> CanonicalINR:
            options = (frame, hypernetwork, activation, n_layers, n_groups, degree)
            return CanonicalINR(n_atom_basis, n_hidden, *options)

        self.embedding = nuclear_embedding or nn.Embedding(max_z + 1, n_atom_basis)
        self.external_fields = (
            ExternalFields(response_properties, n_atom_basis, max_z, degree)
            if response_properties
            else None
        )
        self.atlas = AtomAtlas(cutoff_fn, degree)
        n_rounds = n_interactions - (1 if charts == "molecule" else 2)
        self.radial_functions = ScaledDense(radial_basis.n_rbf, n_hidden * (n_rounds + 1))
        self.encoder = AtomEncoder(n_atom_basis, n_hidden, max_z, n_neighbors, degree)
        self.interactions = nn.ModuleList(
            FieldInteraction(n_atom_basis, inr(2), n_neighbors, degree, n_angles)
            for _ in range(n_rounds)
        )
        self.norm = FeatureNorm(n_atom_basis)
        self.latent = VariationalLatent(n_atom_basis) if variational else None
        self.molecule_charts, surroundings, n_read = None, None, n_neighbors
        if charts == "molecule":
            self.molecule_charts, n_read = MoleculeCharts(n_atom_basis, degree), N_MOLECULE_CHARTS
            surroundings = ElementDensity(n_hidden, radial_basis, cutoff_fn, max_z)
        self.own_window = field_cutoff_fn is not None
        self.function = FieldFunction(
            n_atom_basis,
            inr(n_layers),
            radial_basis,
            field_cutoff_fn or cutoff_fn,
            surroundings,
            n_angles,
        )
        if self.function.cutoff > float(self.cutoff):
            raise ValueError(
                f"field_cutoff_fn ends at {self.function.cutoff} Angstrom, beyond the neighbour "
                f"list's {float(self.cutoff)} of cutoff_fn"
            )
        self.probes = ProbePoints(n_atom_basis, n_probes) if n_probes else None
        self.mixing = EquivariantDense(n_hidden, n_atom_basis, degree, factor=1 / n_read)
        self.update = AtomUpdate(n_atom_basis, degree)
        set_lr_scale(self, lr_scale)
        self.rates = begin(self, pretrained, lr_scale, frozen, rates or {})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the keys of the class docstring to the dictionary and return it."""
        if properties.cell in inputs:  # for the stress, which output modules divide by the volume
            inputs[properties.cell] = right_handed(inputs[properties.cell])
        layout, distances, harmonics = self.atlas(inputs)
        basis = self.radial_basis(distances)[layout.points]  # (n_atoms, n_points, n_rbf)
        rounds = self.radial_functions(basis).split(self.n_hidden, dim=-1)
        x = self._initial_features(inputs)  # (n_atoms, n_rows, n_channels)
        x = self.encoder(x, inputs[properties.Z], rounds[0], layout)
        for i, interaction in enumerate(self.interactions):
            x = interaction(x, rounds[i + 1], layout)

        features = self.norm(x)
        inputs = self._charts(features, inputs)
        inputs = self.function(inputs)
        if self.molecule_charts is not None:
            positions, idx_m = inputs[properties.R], inputs[properties.idx_m]
            read = self.function.read(positions, idx_m, inputs)
        else:
            if self.function.knows_elements:  # of its charts; a point has none
                elements = nn.functional.pad(inputs[properties.Z][inputs[properties.idx_j]], [0, 1])
                basis = self.function.radial(distances.unsqueeze(1), elements).squeeze(2)
                basis = basis[layout.points]
            if self.own_window:
                window = self.function.cutoff_fn(distances)  # (n_pairs + 1,)
                layout = with_window(layout, harmonics, window)
            read = self.function.at_atoms(inputs, basis, layout)
        x = self.update(x, self.mixing(read) + directed(features))
        inputs[keys.at_atoms] = read
        inputs[keys.scalar_representation] = x.select(1, 0)
        inputs[keys.vector_representation] = x.narrow(1, 1, 3)
        return self._probe(inputs)

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The molecule's function at more points of molecules that were represented before.

        Args:
            points: (n_points, 3) in Angstrom.
            idx_m: (n_points,) molecule of each point.
            inputs: the dictionary that `forward` has returned.

        Returns:
            F, shape (n_points, n_rows, n_hidden).
        """
        return self.function.read(points, idx_m, inputs)

    def _initial_features(self, inputs: dict[str, Tensor]) -> Tensor:
        q = self.embedding(inputs[properties.Z]).unsqueeze(1)  # (n_atoms, 1, n_channels)
        x = nn.functional.pad(q, [0, 0, 0, self.n_rows - 1])
        return x if self.external_fields is None else x + self.external_fields(inputs)

    def _charts(self, features: Tensor, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the charts that the atoms' features make to the dictionary."""
        charts, origins, idx_m = features, inputs[properties.R], inputs[properties.idx_m]
        if self.molecule_charts is not None:
            charts, origins = self.molecule_charts(features, inputs)
            idx_m = torch.arange(charts.shape[0], device=idx_m.device)
        if self.latent is not None:
            charts, divergence = self.latent(charts)
            inputs[keys.kl_divergence] = scatter_add(
                divergence, idx_m, dim_size=inputs[properties.n_atoms].shape[0]
            )
        inputs[keys.features] = charts
        inputs[keys.origins] = origins
        inputs[keys.chart_idx_m] = idx_m
        return inputs

    def _probe(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the function at the probe points, (n_charts, n_probes, n_rows, n_hidden)."""
        if self.probes is not None:
            points = self.probes(inputs[keys.features], inputs[keys.origins])
            idx_m = inputs[keys.chart_idx_m].repeat_interleave(points.shape[1])
            values = self.function.read(points.flatten(0, 1), idx_m, inputs)
            inputs[keys.probes] = values.view(points.shape[:2] + values.shape[1:])
        return inputs
