import json
import pickle
from types import SimpleNamespace

import pytest
import torch
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN

from schnetpack_molfield import __version__
from schnetpack_molfield.datasets import QM9Sample
from schnetpack_molfield.model_files import FORMAT
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.train import (
    ModelRecord,
    attach_record,
    make_record,
    read_record,
)
from schnetpack_molfield.train.record import references


def potential(*outputs: torch.nn.Module) -> NeuralNetworkPotential:
    representation = PaiNN(8, 1, GaussianRBF(5, 4.0), CosineCutoff(4.0))
    return NeuralNetworkPotential(
        representation,
        input_modules=[PairwiseDistances()],
        output_modules=list(outputs),
        postprocessors=[],
    )


@pytest.fixture(scope="module")
def datamodule(tmp_path_factory: pytest.TempPathFactory) -> QM9Sample:
    folder = tmp_path_factory.mktemp("data")
    data = QM9Sample(
        datapath=str(folder / "sample.db"),
        property="energy_U0",
        property_units={"energy_U0": "eV"},
        distance_unit="Ang",
        batch_size=10,
        num_train=20,
        num_val=5,
        split_file=None,
    )
    data.prepare_data()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # SchNetPack leaves a lock file where it splits a data set
        data.setup()
    return data


def test_record_of_a_force_field(datamodule: QM9Sample, dtype: torch.dtype) -> None:
    energy, forces = Atomwise(8, output_key="energy_U0"), Forces(energy_key="energy_U0")
    record = make_record(potential(energy, forces).to(dtype), datamodule)
    assert record["version"] == __version__
    assert record["cutoff"] == 4.0
    assert record["dtype"] == str(dtype).removeprefix("torch.")
    assert record["distance_unit"] == "Ang"
    assert record["property_units"] == {"energy_U0": "eV"}
    assert record["energy_key"] == "energy_U0"
    assert record["forces_key"] == "forces"
    assert record["stress_key"] is None
    assert record["format"] == FORMAT
    assert len(record["references"]) == 1 and "SchNetPack 2.0" in record["references"][0]


def test_papers_of_every_part_stand_once() -> None:
    model = NeuralNetworkPotential(MolField(8, 2, GaussianRBF(5, 4.0), CosineCutoff(4.0)))
    papers = references(model)
    assert "arXiv:2601.22327" in papers[0] and "SchNetPack 2.0" in papers[-1]
    assert len(set(papers)) == len(papers) == 3


def test_record_of_a_property_model_names_no_energy(datamodule: QM9Sample) -> None:
    record = make_record(potential(Atomwise(8, output_key="homo")), datamodule)
    assert record["energy_key"] is record["forces_key"] is None


def test_elements_are_those_of_the_training_set(datamodule: QM9Sample) -> None:
    numbers = {int(z) for sample in datamodule.train_dataset for z in sample["_atomic_numbers"]}
    symbols = {1: "H", 6: "C", 7: "N", 8: "O"}
    record = make_record(potential(Atomwise(8, output_key="energy_U0")), datamodule)
    assert record["elements"] == [symbols[z] for z in sorted(numbers)]


RECORD = {"version": "1", "elements": ["H"], "property_units": {"energy": "eV"}}


def test_record_survives_pickle_and_torchscript(tmp_path) -> None:
    model = potential(Atomwise(8, output_key="energy"), Forces())
    model.do_postprocessing = False
    attach_record(model, RECORD)
    assert read_record(pickle.loads(pickle.dumps(model))) == RECORD
    torch.jit.script(model).save(tmp_path / "scripted.pt")
    assert read_record(torch.jit.load(tmp_path / "scripted.pt")) == RECORD
    assert json.loads(model.molfield_record_json) == model.molfield_record


def test_model_without_record() -> None:
    assert read_record(potential(Atomwise(8))) is None


def test_training_start_attaches_the_record(datamodule: QM9Sample) -> None:
    model = potential(Atomwise(8, output_key="energy_U0"))
    task = SimpleNamespace(model=model, trainer=SimpleNamespace(datamodule=datamodule))
    ModelRecord().on_fit_start(task.trainer, task)
    assert read_record(model)["energy_key"] == "energy_U0"
