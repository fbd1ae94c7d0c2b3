"""A molecule as heavy atoms and the moments of their hydrogens: a latent in closed form."""

from collections.abc import Sequence
from typing import Any

import schnetpack.properties as properties
import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield import properties as keys
from schnetpack_molfield.checks import atomic_number
from schnetpack_molfield.nn.protocols import CutoffFunction, RadialBasis
from schnetpack_molfield.nn.sphere import SolidHarmonics
from schnetpack_molfield.representation.chart_latent import ChartDecoder, ChartSizes

__all__ = ["MomentAutoencoder", "MomentEncoder"]

#: Distance in Angstrom beyond which a hydrogen isn't bound to an atom.
REACH = 1.5
#: How sharply a hydrogen chooses the nearest atom, in Angstrom.
SHARPNESS = 0.2


class MomentEncoder(nn.Module):
    r"""Writes a molecule into a latent of fixed length, without anything to be learned.

    Every atom heavier than hydrogen becomes a chart. Its numbers are its element, as ones and
    zeros, the number of its hydrogens, and the moments of their offsets from it,

    .. math:: M_{lm} = \sum_h w_h\, Y_{lm}(r_h - o), \qquad
              w_h \propto \exp(-|r_h - o|^2 / 2 s^2), \quad l = 1, 2, 3

    with solid harmonics Y in component normalisation, Angstrom to the power l. The weights of a
    hydrogen add up to one, so it is counted once, by the nearest atom, and moments change
    smoothly where that is another one. Up to four hydrogens follow from the moments: the three of
    a methyl group need degree 3. Turning the molecule turns the moments.

    ====================  ===========================  ==========================================
    key                   shape                        meaning
    ====================  ===========================  ==========================================
    _atomic_numbers       (n_atoms,)                   read, with `_positions`, `_idx_m`, `_n_atoms`
    field_latent          (n_molecules, n_latent)      written: n_charts times position, one,
                                                       elements, number of hydrogens, moments
    ====================  ===========================  ==========================================

    Args:
        elements: symbols of the heavy elements.
        n_charts: heavy atoms of the largest molecule.
        degree: largest degree of the moments, 2 or 3.

    Raises:
        ValueError: for an unknown element or degree, and when called with an atom of another
            element, a hydrogen that isn't bound to a heavy atom, or more heavy atoms than charts.
    """

    def __init__(
        self, elements: Sequence[str] = ("C", "N", "O"), n_charts: int = 9, degree: int = 3
    ) -> None:
        super().__init__()
        self.elements = list(elements)
        numbers = [atomic_number(symbol) for symbol in self.elements]
        if not numbers or min(numbers) == 1 or len(set(numbers)) < len(numbers):
            raise ValueError(f"elements of charts are different and not H, got {self.elements}")
        self.register_buffer("numbers", torch.tensor(numbers), persistent=False)
        if degree not in (2, 3):
            raise ValueError(f"degree = {degree}: moments go up to degree 2 or 3")
        self.sizes = ChartSizes(n_charts, len(numbers) + 1, n_octupoles=degree - 2)
        self.n_charts = n_charts
        self.n_latent = self.sizes.n_latent
        self.model_outputs = [keys.latent]
        self.reach = REACH  # TorchScript knows no numbers of a module
        self.sharpness = SHARPNESS
        self.harmonics = SolidHarmonics(degree)

    numbers: Tensor

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the latents to the dictionary and return it."""
        z, positions, idx_m = inputs[properties.Z], inputs[properties.R], inputs[properties.idx_m]
        n_molecules = inputs[properties.n_atoms].shape[0]
        heavy, hydrogen = z > 1, z == 1  # (n_atoms,)
        self._check(z, idx_m, n_molecules)
        origins, real = to_dense_batch(
            positions[heavy], idx_m[heavy], 0.0, self.n_charts, n_molecules
        )  # (n_molecules, n_charts, 3), (n_molecules, n_charts)
        kinds = (z[heavy].unsqueeze(1) == self.numbers).to(positions)  # (n_heavy, n_elements)
        kinds = to_dense_batch(kinds, idx_m[heavy], 0.0, self.n_charts, n_molecules)[0]
        moments = self._moments(positions[hydrogen], idx_m[hydrogen], origins, real)
        numbers = [origins, real.unsqueeze(2).to(positions), kinds, moments]
        inputs[keys.latent] = torch.cat(numbers, dim=2).flatten(1)
        return inputs

    def _moments(self, hydrogens: Tensor, idx_m: Tensor, origins: Tensor, real: Tensor) -> Tensor:
        """Moments (n_molecules, n_charts, 16), the number of hydrogens first.

        Args:
            hydrogens: their positions (n_hydrogens, 3) ...
            idx_m: ... and molecules (n_hydrogens,).
            origins: shape (n_molecules, n_charts, 3).
            real: which of them are charts, shape (n_molecules, n_charts).
        """
        offsets = hydrogens.unsqueeze(1) - origins[idx_m]  # (n_hydrogens, n_charts, 3)
        square = offsets.square().sum(dim=2).masked_fill(~real[idx_m], float("inf"))
        if hydrogens.shape[0] > 0 and bool((square.amin(dim=1) > self.reach**2).any()):
            lost = int((square.amin(dim=1) > self.reach**2).nonzero()[0])
            raise ValueError(
                f"a hydrogen of molecule {int(idx_m[lost])} of the batch is farther than "
                f"{self.reach} Angstrom from every heavy atom, so no chart can hold it"
            )
        weights = torch.softmax(-square / (2 * self.sharpness**2), dim=1).unsqueeze(2)
        terms = weights * self.harmonics(offsets)  # (n_hydrogens, n_charts, 16)
        moments = terms.new_zeros(real.shape[0], real.shape[1], terms.shape[2])
        return moments.index_add(0, idx_m, terms)

    def _check(self, z: Tensor, idx_m: Tensor, n_molecules: int) -> None:
        known = (z == 1) | torch.isin(z, self.numbers)  # (n_atoms,)
        if not bool(known.all()):
            atom = int((~known).nonzero()[0])
            raise ValueError(
                f"molecule {int(idx_m[atom])} of the batch has an atom of atomic number "
                f"{int(z[atom])}, the latent knows H and {', '.join(self.elements)}: set elements"
            )
        n_heavy = torch.bincount(idx_m[z > 1], minlength=n_molecules)
        if int(n_heavy.max()) > self.n_charts:
            raise ValueError(
                f"molecule {int(n_heavy.argmax())} of the batch needs {int(n_heavy.max())} charts, "
                f"one per heavy atom; the latent has {self.n_charts}: increase n_charts"
            )


class MomentAutoencoder(nn.Module):
    """Heavy atoms with moments of their hydrogens, and the function made of them: a representation.

    `ChartAutoencoder` with an encoder that needs no training, and the shortest latent from which a
    molecule can be read back. It is an output of the model, too, `field_latent`.

    Args:
        n_atom_basis: number of channels of the decoder.
        radial_basis: SchNetPack's radial basis, of the decoder.
        cutoff_fn: SchNetPack's cutoff function: how far a chart sees others.
        elements: symbols of the heavy elements.
        n_charts: heavy atoms of the largest molecule.
        degree: largest degree of the moments and of the function, 2 or 3.
        n_interactions: number of rounds of the decoder.
        field_cutoff_fn: window of the charts of the function; `cutoff_fn` by default.
        noise: standard deviation of what is added to the numbers of charts in training, in their
            units; the function stays good where a prior draws a latent that no molecule has.
        softness: length in Angstrom below which directions from a heavy atom fade; one that is long
            keeps the bump of that atom round, so that its peak is where the atom is.
        inr: options of `ChartDecoder`, such as `n_layers`, `frame` and `hypernetwork`.
    """

    def __init__(
        self,
        n_atom_basis: int,
        radial_basis: RadialBasis,
        cutoff_fn: CutoffFunction,
        elements: Sequence[str] = ("C", "N", "O"),
        n_charts: int = 9,
        degree: int = 3,
        n_interactions: int = 1,
        field_cutoff_fn: CutoffFunction | None = None,
        noise: float = 0.03,
        softness: float = 0.4,
        **inr: Any,
    ) -> None:
        super().__init__()
        self.n_atom_basis = n_atom_basis
        self.cutoff_fn = cutoff_fn
        self.cutoff = cutoff_fn.cutoff
        self.noise = noise
        self.encoder = MomentEncoder(elements, n_charts, degree)
        self.decoder = ChartDecoder(
            n_atom_basis,
            radial_basis,
            cutoff_fn,
            self.encoder.sizes,
            n_interactions,
            field_cutoff_fn,
            softness=softness,
            **inr,
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the latent and the keys of `ChartDecoder` to the dictionary and return it."""
        latent = self.encode(inputs)
        if self.training and self.noise > 0:
            latent = self._disturbed(latent)
        inputs[keys.latent] = latent
        return self.decoder(inputs)

    @torch.jit.export
    def encode(self, inputs: dict[str, Tensor]) -> Tensor:
        """Latents (n_molecules, n_latent) of the molecules in the dictionary, which stays."""
        return self.encoder(inputs.copy())[keys.latent]

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The function at more points of molecules that are in the dictionary."""
        return self.decoder.read(points, idx_m, inputs)

    def _disturbed(self, latent: Tensor) -> Tensor:
        """Latents with noise on all numbers of charts in use, but not on their positions."""
        rows = latent.view(latent.shape[0], self.encoder.n_charts, -1)
        noise = self.noise * torch.randn_like(rows[:, :, 4:]) * rows[:, :, 3:4]
        return torch.cat([rows[:, :, :4], rows[:, :, 4:] + noise], dim=2).flatten(1)
