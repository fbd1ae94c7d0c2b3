"""A saved model for the engines, in units that are neither theirs nor ASE's."""

from pathlib import Path

import pytest
import schnetpack as spk
import torch

from schnetpack_molfield import MolField
from schnetpack_molfield.model_files import load_model_file

CUTOFF = 4.0


@pytest.fixture(scope="session")
def engine_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MolField with random weights and forces of some eV/Angstrom, energies in kcal/mol."""
    return _saved(tmp_path_factory, "atom")


@pytest.fixture(scope="session")
def molecule_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for one molecule as a whole."""
    return _saved(tmp_path_factory, "molecule")


@pytest.fixture(scope="session")
def field_model(tmp_path_factory: pytest.TempPathFactory, engine_model: Path) -> Path:
    """A model without an energy."""
    model = load_model_file(engine_model)
    model.output_modules[0].output_key = "dipole_size"
    model.model_outputs = ["dipole_size"]
    model.molfield_record = {**model.molfield_record, "energy_key": None}
    path = tmp_path_factory.mktemp("model") / "best_model"
    torch.save(model, path)
    return path


def _saved(factory: pytest.TempPathFactory, charts: str) -> Path:
    torch.manual_seed(1)
    basis, cutoff_fn = spk.nn.GaussianRBF(8, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
    model = spk.model.NeuralNetworkPotential(
        MolField(8, 2, basis, cutoff_fn, charts=charts),
        [spk.atomistic.PairwiseDistances()],
        [spk.atomistic.Atomwise(8, output_key="energy")],
        [spk.transform.CastTo64(), spk.transform.AddOffsets("energy", add_mean=True)],
    ).double()
    model.postprocessors[1].mean = torch.tensor([-467.1234567891], dtype=torch.float64)
    model.output_modules[0].outnet[-1].weight.data *= 1000
    model.molfield_record = {
        "distance_unit": "Ang",
        "property_units": {"energy": "kcal/mol"},
        "energy_key": "energy",
        "elements": ["H", "C", "O"],
    }
    path = factory.mktemp("model") / "best_model"
    torch.save(model, path)
    return path
