"""Densities that ship with the package: they belong to the molecules beside them."""

from pathlib import Path

import pytest
import torch
from schnetpack import properties
from schnetpack.data import AtomsDataModule

from schnetpack_molfield.datasets import ElectronDensities, EthanolSample
from schnetpack_molfield.fields import PromoleculeDensity
from schnetpack_molfield.transform import GivenPoints, GridPoints


def prepared(data: AtomsDataModule) -> AtomsDataModule:
    data.prepare_data()
    data.setup()
    return data


def relative_error(sample: dict[str, torch.Tensor]) -> float:
    """Of the promolecule; above one where points and atoms don't belong together."""
    numbers, positions = sample[properties.Z], sample[properties.R]
    exact = sample["electron_density"]
    error = PromoleculeDensity()(sample["field_points"], numbers, positions) - exact
    return float(error.abs().sum() / exact.sum())


def test_ethanol(tmp_path: Path) -> None:
    data = EthanolSample(
        datapath=str(tmp_path / "ethanol.db"),
        energy_key="energy",
        forces_key="forces",
        batch_size=10,
        num_train=240,
        num_val=30,
        num_workers=0,
        transforms=[GivenPoints()],
    )
    dataset = prepared(data).dataset
    assert len(dataset) == 300 and dataset.units["electron_density"] == "e/Ang^3"
    for index in (0, 123, 299):
        sample = GivenPoints()(dataset[index])
        assert sample["field_points"].shape == (64, 3) and sample["forces"].shape == (9, 3)
        assert float(sample["energy"]) == pytest.approx(-4209, abs=3)
        assert 0.01 < relative_error(sample) < 0.3
    batch = next(iter(data.train_dataloader()))
    assert batch["electron_density"].shape == (640, 1)
    assert batch["field_n_points"].tolist() == [64] * 10


def test_molecules(tmp_path: Path) -> None:
    data = ElectronDensities(
        sample_path=str(tmp_path / "rho.db"),
        batch_size=2,
        num_train=14,
        num_val=2,
        num_workers=0,
    )
    dataset = prepared(data).dataset
    assert len(dataset) == 20
    draw = GridPoints(n_points=4000, floor=float("inf"), seed=0)
    for index in range(20):
        assert 0.01 < relative_error(draw(dataset[index])) < 0.2
