"""A molecule as one latent of fixed length: charts at its heavy atoms, and nothing else."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import schnetpack.properties as properties
import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield import properties as keys
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.irreps import row_sizes
from schnetpack_molfield.nn.protocols import CutoffFunction, RadialBasis
from schnetpack_molfield.representation.atlas import AtomAtlas
from schnetpack_molfield.representation.function import FieldFunction
from schnetpack_molfield.representation.inr import CanonicalINR
from schnetpack_molfield.representation.interaction import FeatureNorm, FieldInteraction
from schnetpack_molfield.representation.latent_atlas import checked_latent, write_charts
from schnetpack_molfield.representation.molfield import MolField

__all__ = ["ChartAutoencoder", "ChartDecoder", "ChartEncoder", "ChartSizes"]

#: Typical number of charts of heavy atoms that see each other.
N_NEIGHBORS = 8.0
#: Options of `MolField` that the decoder of a `ChartAutoencoder` has as well.
SHARED_OPTIONS = ("frame", "hypernetwork", "activation", "n_groups")


@dataclass(frozen=True)
class ChartSizes:
    """What a latent of fixed length holds: charts, each a position, a one, and these numbers.

    Attributes:
        n_charts: heavy atoms of the largest molecule.
        n_scalars: scalars of a chart.
        n_vectors: vectors of a chart, three numbers each.
        n_tensors: tensors of degree 2 of a chart, five numbers each.
        n_octupoles: tensors of degree 3 of a chart, seven numbers each.

    Raises:
        ValueError: if there are no octupoles but fewer than one of the others, or fewer than none.
    """

    n_charts: int = 32
    n_scalars: int = 4
    n_vectors: int = 1
    n_tensors: int = 1
    n_octupoles: int = 0

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            least = 0 if name == "n_octupoles" else 1
            if size < least:
                raise ValueError(f"a latent needs {name} of at least {least}, got {size}")

    @property
    def degree(self) -> int:
        """Largest degree of a chart's numbers."""
        return 3 if self.n_octupoles else 2

    @property
    def n_of_degree(self) -> list[int]:
        """How many scalars, vectors and tensors of each degree a chart has."""
        counts = [self.n_scalars, self.n_vectors, self.n_tensors, self.n_octupoles]
        return counts[: self.degree + 1]

    @property
    def parts(self) -> list[int]:
        """Numbers of a chart: position, one, scalars, vectors, tensors of each degree."""
        numbers = zip(self.n_of_degree, row_sizes(self.degree), strict=True)
        return [3, 1, *(n * size for n, size in numbers)]

    @property
    def n_latent(self) -> int:
        """Length of the latent."""
        return self.n_charts * sum(self.parts)


class ChartEncoder(nn.Module):
    r"""Writes a molecule into a latent of fixed length, a set of charts.

    Every atom heavier than hydrogen (every atom, where there is none) becomes a chart: its
    position, a one, and a few scalars, vectors and tensors, linear in MolField's features of that
    atom, which is where hydrogens and everything else around it have to go. Charts that aren't
    needed are zeros. No atom is chosen over an equivalent one, so turning the molecule turns the
    latent, renumbering the atoms only reorders its charts, and it is as smooth in the positions
    as the features are.

    ====================  ===========================  ==========================================
    key                   shape                        meaning
    ====================  ===========================  ==========================================
    field_features        (n_atoms, 9, n_channels)     read, as MolField's atom charts write it
    field_latent          (n_molecules, n_latent)      written: n_charts times (3 + 1 + n_numbers)
    ====================  ===========================  ==========================================

    Args:
        n_channels: number of channels of MolField's features.
        sizes: what the latent holds.

    Raises:
        ValueError: when called with a molecule of more heavy atoms than charts.
    """

    def __init__(self, n_channels: int, sizes: ChartSizes) -> None:
        super().__init__()
        self.n_charts = sizes.n_charts
        self.n_latent = sizes.n_latent
        self.model_outputs = [keys.latent]
        self.row_sizes = row_sizes(sizes.degree)
        self.numbers = nn.ModuleList(
            ScaledDense(n_channels, n, bias=False) for n in sizes.n_of_degree
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the latents to the dictionary and return it."""
        n_molecules = inputs[properties.n_atoms].shape[0]
        atoms, idx_m = self._centers(inputs[properties.Z], inputs[properties.idx_m], n_molecules)
        features = inputs[keys.features][atoms].split(self.row_sizes, dim=1)
        numbers = [inputs[properties.R][atoms], torch.ones_like(features[0][:, :, 0])]
        for order, number in enumerate(self.numbers):
            numbers.append(number(features[order]).flatten(1))
        rows = torch.cat(numbers, dim=1)  # (n_centers, 4 + n_numbers)
        latent = to_dense_batch(rows, idx_m, 0.0, self.n_charts, n_molecules)[0]
        inputs[keys.latent] = latent.flatten(1)
        return inputs

    def _centers(self, z: Tensor, idx_m: Tensor, n_molecules: int) -> tuple[Tensor, Tensor]:
        """Atoms that become charts and their molecules, (n_centers,) each."""
        heavy = z > 1  # (n_atoms,)
        n_heavy = torch.bincount(idx_m[heavy], minlength=n_molecules)
        atoms = torch.nonzero(heavy | (n_heavy == 0)[idx_m]).squeeze(1)
        idx_m = idx_m[atoms]
        n_centers = torch.bincount(idx_m, minlength=n_molecules)
        if int(n_centers.max()) > self.n_charts:
            raise ValueError(
                f"molecule {int(n_centers.argmax())} of the batch needs {int(n_centers.max())} "
                f"charts, one per heavy atom; the latent has {self.n_charts}: increase n_charts"
            )
        return atoms, idx_m


class ChartDecoder(nn.Module):
    """Makes the charts of a function of a latent, and of nothing else.

    The numbers of a chart are its origin, and its features after some rounds in which charts read
    each other, as atoms do in MolField. It takes the place of a representation: for the modules
    behind it a chart counts as an atom without an element, and the atoms that the latent was made
    of, if any, are gone. The keys of `FieldFunction` are read and written, too.

    ====================  ================================  =====================================
    key                   shape                             meaning
    ====================  ================================  =====================================
    field_latent          (n_models, n_latent)              read, see `ChartEncoder`
    field_features        (n_charts, n_rows, n_channels)    written: features of the charts
    field_origins         (n_charts, 3)                     written: their origins, Angstrom
    field_idx_m           (n_charts,)                       written: model of each chart
    _atomic_numbers       (n_charts,)                       written: 0
    _positions            (n_charts, 3)                     written: the origins
    _idx_m                (n_charts,)                       written: model of each chart
    _n_atoms              (n_models,)                       written: charts of each model
    ====================  ================================  =====================================

    Args:
        n_channels: number of channels of the charts' features, and width of the function.
        radial_basis: SchNetPack's radial basis.
        cutoff_fn: SchNetPack's cutoff function: how far a chart sees others.
        sizes: what the latent holds.
        n_interactions: number of rounds.
        field_cutoff_fn: window of the function's charts; `cutoff_fn` by default.
        n_layers: layers of the function's INR, the first one included.
        softness: of the function, see `FieldFunction`.
        inr: options of `CanonicalINR`, such as `frame` and `hypernetwork`.

    Raises:
        ValueError: when called with a latent of another length.
    """

    def __init__(
        self,
        n_channels: int,
        radial_basis: RadialBasis,
        cutoff_fn: CutoffFunction,
        sizes: ChartSizes,
        n_interactions: int = 2,
        field_cutoff_fn: CutoffFunction | None = None,
        n_layers: int = 2,
        softness: float | None = None,
        **inr: Any,
    ) -> None:
        super().__init__()
        self.n_charts = sizes.n_charts
        self.n_latent = sizes.n_latent
        self.parts = sizes.parts
        self.row_sizes = row_sizes(sizes.degree)
        self.n_channels = n_channels
        self.cutoff = float(cutoff_fn.cutoff)
        self.radial_basis = radial_basis
        self.lifts = nn.ModuleList(
            ScaledDense(n, n_channels, bias=order == 0) for order, n in enumerate(sizes.n_of_degree)
        )
        inr["degree"] = sizes.degree
        self.atlas = AtomAtlas(cutoff_fn, sizes.degree)
        self.radial_functions = ScaledDense(radial_basis.n_rbf, n_channels * n_interactions)
        self.interactions = nn.ModuleList(
            FieldInteraction(
                n_channels, CanonicalINR(n_channels, n_channels, **inr), N_NEIGHBORS, sizes.degree
            )
            for _ in range(n_interactions)
        )
        self.norm = FeatureNorm(n_channels)
        self.function = FieldFunction(
            n_channels,
            CanonicalINR(n_channels, n_channels, n_layers=n_layers, **inr),
            radial_basis,
            field_cutoff_fn or cutoff_fn,
            softness=softness,
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the keys of the class docstring to the dictionary and return it."""
        latent = checked_latent(inputs, self.n_latent)
        rows = latent.view(latent.shape[0], self.n_charts, -1)  # (n_models, n_charts, n_numbers)
        real = rows[:, :, 3] != 0
        charts = rows[real]  # (n_real, n_numbers), by model
        parts = charts.split(self.parts, dim=1)
        lifted: list[Tensor] = []  # (n_real, 2l + 1, n_channels) each
        for order, lift in enumerate(self.lifts):
            numbers = parts[order + 2].view(charts.shape[0], self.row_sizes[order], -1)
            lifted.append(lift(numbers))
        origins = parts[0]  # (n_real, 3)
        features = self._interact(torch.cat(lifted, dim=1), rows[:, :, :3], real)
        inputs = write_charts(inputs, origins, features, real.sum(dim=1))
        return self.function(inputs)

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The function at more points of models that are in the dictionary; see `MolField.read`."""
        return self.function.read(points, idx_m, inputs)

    def _interact(self, x: Tensor, origins: Tensor, real: Tensor) -> Tensor:
        """Features (n_real, n_rows, n_channels) after the rounds.

        Args:
            x: features before, same shape.
            origins: shape (n_models, n_charts, 3).
            real: which of them are charts, shape (n_models, n_charts).
        """
        layout, distances, _ = self.atlas(self._neighbors(origins, real))
        radial = self.radial_functions(self.radial_basis(distances)[layout.points])
        rounds = radial.split(self.n_channels, dim=-1)  # (n_real, n_points, n_channels) each
        for i, interaction in enumerate(self.interactions):
            x = interaction(x, rounds[i], layout)
        return self.norm(x)

    def _neighbors(self, origins: Tensor, real: Tensor) -> dict[str, Tensor]:
        """SchNetPack's neighbour list of the charts, as `AtomAtlas` reads it."""
        itself = torch.eye(self.n_charts, dtype=torch.bool, device=real.device)
        close = (torch.cdist(origins, origins) < self.cutoff) & ~itself
        model, i, j = torch.nonzero(close & real.unsqueeze(1) & real.unsqueeze(2)).unbind(1)
        chart = (real.flatten().cumsum(0) - 1).view(real.shape)  # (n_models, n_charts)
        return {
            properties.Rij: origins[model, j] - origins[model, i],
            properties.idx_i: chart[model, i],
            properties.idx_j: chart[model, j],
            properties.Z: chart[real],
        }


class ChartAutoencoder(nn.Module):
    """MolField, a latent of fixed length, and the charts made of it: a representation.

    What is behind it, such as `FieldValue`, sees nothing of the molecule but the latent, which is
    an output of the model too, `field_latent` (n_molecules, n_latent): MolField's own
    representation of the atoms is taken away. To ask a latent of other origin, put the `decoder`
    in the place of the representation.

    Args:
        n_atom_basis: number of channels, of the decoder too.
        n_interactions: number of rounds of the encoder of atoms.
        radial_basis: SchNetPack's radial basis; the decoder starts with the same one.
        cutoff_fn: SchNetPack's cutoff function, of the decoder too.
        sizes: what the latent holds; 32 charts of 16 numbers by default.
        n_decoder_interactions: number of rounds of the decoder.
        field_cutoff_fn: window of the charts of the decoder's function; `cutoff_fn` by default.
        options: further arguments of `MolField`; `frame`, `hypernetwork` and `activation` are the
            decoder's, too.

    Raises:
        ValueError: for molecule charts; see also `MolField` and `ChartEncoder`.
        TypeError: for an option that `MolField` hasn't.
    """

    def __init__(
        self,
        n_atom_basis: int,
        n_interactions: int,
        radial_basis: RadialBasis,
        cutoff_fn: CutoffFunction,
        sizes: ChartSizes | None = None,
        n_decoder_interactions: int = 2,
        field_cutoff_fn: CutoffFunction | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        sizes = sizes or ChartSizes()
        self.n_atom_basis = n_atom_basis
        if options.setdefault("degree", sizes.degree) != sizes.degree:
            raise ValueError(
                f"degree = {options['degree']}, but the largest tensors of the latent have degree "
                f"{sizes.degree}: set sizes.n_octupoles to 0 for degree 2, to 1 or more for 3"
            )
        self.molfield = MolField(n_atom_basis, n_interactions, radial_basis, cutoff_fn, **options)
        if self.molfield.charts != "atom":
            raise ValueError("a latent is made of features of atoms: set charts to 'atom'")
        self.cutoff_fn = cutoff_fn
        self.cutoff = cutoff_fn.cutoff
        self.encoder = ChartEncoder(n_atom_basis, sizes)
        shared = {name: options[name] for name in SHARED_OPTIONS if name in options}
        self.decoder = ChartDecoder(
            n_atom_basis,
            deepcopy(radial_basis),
            cutoff_fn,
            sizes,
            n_decoder_interactions,
            field_cutoff_fn,
            **shared,
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the latent and the keys of `ChartDecoder` to the dictionary and return it."""
        encoded = self._encoded(inputs)
        inputs[keys.latent] = encoded[keys.latent]
        if keys.kl_divergence in encoded:
            inputs[keys.kl_divergence] = encoded[keys.kl_divergence]
        return self.decoder(inputs)

    @torch.jit.export
    def encode(self, inputs: dict[str, Tensor]) -> Tensor:
        """Latents (n_molecules, n_latent) of the molecules in the dictionary, which stays."""
        return self._encoded(inputs)[keys.latent]

    def _encoded(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Another dictionary of the same molecules, with what MolField and the encoder write."""
        atoms: dict[str, Tensor] = {}
        for key, value in inputs.items():
            if not key.startswith("field_"):  # points are asked of the decoder
                atoms[key] = value
        return self.encoder(self.molfield(atoms))

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The function at more points of molecules that are in the dictionary."""
        return self.decoder.read(points, idx_m, inputs)
