"""A tiny auto-encoder and a prior over its latents, trained on nothing."""

import pytest
import torch
from ase import Atoms
from ase.build import molecule
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF

from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.fields import LatentSpace
from schnetpack_molfield.generation import PriorModel
from schnetpack_molfield.representation import MomentAutoencoder

ELEMENTS = ["H", "C", "N", "O"]
NAMES = ["CH4", "CH3CH2OH", "CH3CN", "C6H6", "H2CO", "CH3CHO"]


@pytest.fixture(scope="session")
def molecules() -> list[Atoms]:
    return [molecule(name) for name in NAMES]


@pytest.fixture(scope="session")
def autoencoder() -> NeuralNetworkPotential:
    torch.manual_seed(0)
    representation = MomentAutoencoder(8, GaussianRBF(8, 5.0), CosineCutoff(5.0))
    head = FieldValue(8, ELEMENTS, output_key="functions", degree=3)
    return NeuralNetworkPotential(representation, output_modules=[head]).eval()


@pytest.fixture(scope="session")
def data(molecules: list[Atoms], autoencoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and values: counts of elements, number of atoms, HOMO and a gap without labels."""
    latents = LatentSpace(autoencoder).encode(molecules)
    rows = [
        [
            *(atoms.get_chemical_symbols().count(e) for e in ELEMENTS),
            len(atoms),
            -6.0 - i,
            torch.nan,
        ]
        for i, atoms in enumerate(molecules)
    ]
    return latents, torch.tensor(rows, dtype=torch.float32)


@pytest.fixture(scope="session")
def model(autoencoder, data) -> PriorModel:
    torch.manual_seed(0)
    sizes = {"n_channels": 8, "n_directed": 4, "n_layers": 1, "n_heads": 2}
    model = PriorModel(autoencoder, ELEMENTS, ["homo", "gap"], **sizes)
    model.prior.fit_statistics(*data)
    for block in model.prior.network.blocks:  # zero before training: time and condition unheard
        torch.nn.init.normal_(block.modulation.weight, std=0.1)
    model.prior.conditions.units = {"homo": "eV", "gap": "eV"}
    return model.eval()
