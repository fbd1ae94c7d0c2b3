"""An energy model around a representation, with weights that let a test see everything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from ase import Atoms
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances, Strain
from schnetpack.data.loader import _atoms_collate_fn
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.transform import MatScipyNeighborList
from torch import nn

from schnetpack_molfield.testing.molecules import molecule

__all__ = ["Inputs", "Outputs", "Potential", "perturb"]

Inputs = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Outputs:
    """What a potential says about a batch.

    Attributes:
        energy: energies in eV, shape (n_molecules,).
        forces: forces in eV/Angstrom, shape (n_atoms, 3).
        n_atoms: atoms per molecule, shape (n_molecules,).
        stress: stress in eV/Angstrom^3, shape (n_molecules, 3, 3), if it was asked for.
    """

    energy: torch.Tensor
    forces: torch.Tensor
    n_atoms: torch.Tensor
    stress: torch.Tensor | None = None

    def per_molecule(self) -> tuple[torch.Tensor, ...]:
        """Forces of each molecule, shapes (n_atoms_m, 3)."""
        return self.forces.split(self.n_atoms.tolist())


def perturb(module: nn.Module, seed: int) -> None:
    """Add noise to every parameter, so that zero-initialised branches count.

    The standard deviation is 0.02 or, where that is more, a tenth of the parameter's root mean
    square: enough to see every branch, and still the model that its initialisation meant.

    Args:
        module: changed in place.
        seed: of the noise, which does not depend on the global generator.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            size = parameter.square().mean().sqrt()
            parameter.add_(noise * (0.1 * size).clamp_min(0.02))


class Potential:
    """SchNetPack's `NeuralNetworkPotential` around a representation, scaled to forces of 1 eV/A.

    Args:
        build: makes a new representation, a module with the attributes `n_atom_basis` and
            `cutoff` that writes `scalar_representation` and `vector_representation`.
        dtype: precision of model and inputs. The weights are the same in each precision.
        randomise: perturb all parameters. Switch off for a trained representation.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        dtype: torch.dtype = torch.float64,
        randomise: bool = True,
    ) -> None:
        self.build = build
        self.randomise = randomise
        self.dtype = dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            representation: Any = build().to(torch.float32)
            readout = Atomwise(n_in=representation.n_atom_basis, output_key=properties.energy)
        self.cutoff = float(representation.cutoff)
        self._converter = AtomsConverter(MatScipyNeighborList(self.cutoff), dtype=dtype)
        if randomise:
            perturb(representation, seed=1)
            perturb(readout, seed=2)
        self.model = NeuralNetworkPotential(
            representation,
            input_modules=[PairwiseDistances()],
            output_modules=[readout, Forces()],
        ).eval()
        self._calibrate(readout)
        self.model.to(dtype)

    def _calibrate(self, readout: nn.Module) -> None:
        """Scale the last layer until forces on distorted ethanol are 1 eV/A (rms)."""
        converter = AtomsConverter(MatScipyNeighborList(self.cutoff), dtype=torch.float32)
        inputs = converter([molecule("rattled ethanol")])
        rms = self.model(inputs)[properties.forces].square().mean().sqrt()
        weight, bias = list(readout.parameters())[-2:]
        with torch.no_grad():
            weight.div_(rms)
            bias.div_(rms)

    @property
    def representation(self) -> nn.Module:
        """The module under test."""
        return self.model.representation

    def inputs(self, structures: Sequence[Atoms]) -> Inputs:
        """Batch in SchNetPack's input format."""
        return self._converter(list(structures))

    def copies(self, atoms: Atoms, n: int) -> Inputs:
        """Batch of n copies of one structure, whose pairs are looked for once."""
        return _atoms_collate_fn([self.inputs([atoms])] * n)

    def __call__(self, structures: Sequence[Atoms]) -> Outputs:
        """Energies and forces of a batch of structures."""
        return self.evaluate(self.inputs(structures))

    def evaluate(self, inputs: Inputs, model: nn.Module | None = None) -> Outputs:
        """Energies and forces of a prepared batch, optionally by a copy of the model.

        Args:
            inputs: SchNetPack batch; left as it is.
            model: stands in for this potential's model.
        """
        copies = {key: value.clone() for key, value in inputs.items()}
        results = (model or self.model)(copies)
        return Outputs(
            energy=results[properties.energy].detach(),
            forces=results[properties.forces].detach(),
            n_atoms=inputs[properties.n_atoms],
        )

    def energies(self, inputs: Inputs, positions: torch.Tensor) -> torch.Tensor:
        """Energies (n_molecules,) as a differentiable function of the positions (n_atoms, 3)."""
        moved = {**inputs, properties.R: positions}
        outputs = self._readout(self.features(moved))
        return outputs[properties.energy]

    def features(self, inputs: Inputs) -> Inputs:
        """Batch with the representation's outputs in it."""
        return self.representation(self.model.input_modules[0](dict(inputs)))

    def _readout(self, inputs: Inputs) -> Inputs:
        return self.model.output_modules[0](inputs)

    def with_stress(self, structures: Sequence[Atoms]) -> Outputs:
        """Energies, forces and stress of periodic structures."""
        return self.evaluate_with_stress(self.inputs(structures))

    def evaluate_with_stress(self, inputs: Inputs) -> Outputs:
        """Energies, forces and stress of a prepared batch."""
        readout, _ = self.model.output_modules
        model = NeuralNetworkPotential(
            self.representation,
            input_modules=[Strain(), PairwiseDistances()],
            output_modules=[readout, Forces(calc_stress=True)],
        ).eval()
        results = model(dict(inputs))
        return Outputs(
            energy=results[properties.energy].detach(),
            forces=results[properties.forces].detach(),
            n_atoms=inputs[properties.n_atoms],
            stress=results[properties.stress].detach(),
        )
