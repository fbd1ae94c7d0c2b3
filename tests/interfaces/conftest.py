"""Small untrained potentials and the samples that ship with the package."""

from collections.abc import Callable
from importlib.resources import as_file, files

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms
from schnetpack.model import NeuralNetworkPotential

CUTOFF = 4.0


@pytest.fixture
def make_model() -> Callable[..., NeuralNetworkPotential]:
    """A small PaiNN with random weights; `forces` adds the module that derives them."""

    def make(
        energy_key: str = "energy", dtype: torch.dtype = torch.float64, forces: bool = False
    ) -> NeuralNetworkPotential:
        torch.manual_seed(1)
        outputs = [spk.atomistic.Atomwise(16, output_key=energy_key)]
        if forces:
            outputs.append(spk.atomistic.Forces(energy_key=energy_key))
        offsets = spk.transform.AddOffsets(energy_key, add_mean=True)
        offsets.mean = torch.tensor([-467.1234567891], dtype=torch.float64)
        model = NeuralNetworkPotential(
            spk.representation.PaiNN(
                16, 2, spk.nn.GaussianRBF(12, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
            ),
            input_modules=[spk.atomistic.PairwiseDistances()],
            output_modules=outputs,
        ).to(dtype)
        model.postprocessors.extend([spk.transform.CastTo64(), offsets])
        return model

    return make


@pytest.fixture
def record() -> dict[str, object]:
    """What a training run writes down about such a model."""
    return {
        "version": "0.1.0",
        "cutoff": CUTOFF,
        "dtype": "float64",
        "distance_unit": "Ang",
        "property_units": {"energy": "kcal/mol"},
        "energy_key": "energy",
        "forces_key": None,
        "stress_key": None,
        "elements": ["H", "C", "O"],
        "references": [],
    }


def sample(name: str) -> dict[str, np.ndarray]:
    """Arrays of a sample inside the package."""
    with as_file(files("schnetpack_molfield.datasets") / f"{name}_sample.npz") as path:
        return dict(np.load(path))


@pytest.fixture
def ethanol() -> Atoms:
    """A frame of ethanol at 500 K: no symmetry, no force vanishes."""
    arrays = sample("ethanol")
    return Atoms(arrays["Z"], arrays["R"][0])


@pytest.fixture
def water() -> Atoms:
    """Two waters in a sheared cell, shorter than the cutoff: atoms see images of themselves."""
    atoms = Atoms("H2O", [[0.76, 0.59, 0.0], [-0.76, 0.59, 0.0], [0.0, 0.0, 0.0]])
    atoms.set_cell([[3.1, 0.2, 0.0], [0.0, 3.1, 0.2], [0.2, 0.0, 3.1]])
    atoms.pbc = True
    return atoms.repeat((2, 1, 1))
