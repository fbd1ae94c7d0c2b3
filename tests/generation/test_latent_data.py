"""Latents of a database: computed once, and again when something is another."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from schnetpack.data import ASEAtomsData

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets import DataError, Structures
from schnetpack_molfield.generation import LatentData
from schnetpack_molfield.model_files import save_model_file


@pytest.fixture
def files(autoencoder, molecules, tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_model_file(tmp_path / "auto.safetensors", autoencoder)
    database = ASEAtomsData.create(
        str(tmp_path / "some.db"),
        distance_unit="Ang",
        property_unit_dict={"homo": "Ha"},
        atomrefs={},
    )
    labels = [{"homo": np.array([-0.2 - 0.01 * i])} for i in range(len(molecules))]
    database.add_systems(labels, molecules)
    return tmp_path


def latent_data(folder: Path, **options) -> LatentData:
    source = Structures(datapath=str(folder / "some.db"), batch_size=2, num_train=4, num_val=1)
    options = {"elements": ["H", "C", "N", "O"], "properties": ["homo"]} | options
    data = LatentData(source, str(folder / "auto.safetensors"), batch_size=2, **options)
    data.prepare_data()
    data.setup("fit")
    return data


def test_batches_and_training_data(files: Path, data) -> None:
    latents = latent_data(files)
    assert latents.property_units == {"homo": "Ha"}
    torch.testing.assert_close(latents.latents, data[0])
    torch.testing.assert_close(latents.values[:, :5], data[1][:, :5])
    assert latents.values[2, 5].item() == pytest.approx(-0.22)
    assert [len(part) for part in latents.training_data()] == [4, 4]
    batch = next(iter(latents.train_dataloader()))
    assert batch[keys.latent].shape == (2, 207) and batch[keys.prior_values].shape == (2, 6)
    assert len(latents.val_dataloader()) == 1


def test_latents_are_computed_once(files: Path, monkeypatch) -> None:
    latent_data(files)
    kept = files / "some.latents.npz"
    written = kept.stat().st_mtime_ns
    latent_data(files)
    assert kept.stat().st_mtime_ns == written
    assert latent_data(files, properties=[]).values.shape == (6, 5)  # others: computed anew


def test_what_the_database_lacks(files: Path) -> None:
    with pytest.raises(DataError, match="has no property 'hom': did you mean 'homo'"):
        latent_data(files, properties=["hom"])
    with pytest.raises(DataError, match="molecule 2 has N, which isn't among"):
        latent_data(files, elements=["H", "C", "O"])


@pytest.mark.filterwarnings("ignore:provider=hydra.searchpath")
def test_experiment() -> None:
    with initialize_config_module("schnetpack.configs", version_base="1.2"):
        config = compose("train", overrides=["experiment=molfield_prior", "globals.autoencoder=a"])
    assert config.model._target_ == "schnetpack_molfield.generation.PriorModel"
    assert config.data.source._target_ == "schnetpack_molfield.datasets.QM9Sample"
    assert config.data.autoencoder == config.model.autoencoder == "a"
    assert config.task.outputs[0].name == keys.prior_loss
