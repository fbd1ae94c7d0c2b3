"""Densities on grids, from an archive into a database and back to points."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from schnetpack import properties
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import DataError, ElectronDensities, read_archive, write_database
from schnetpack_molfield.fields import PromoleculeDensity
from schnetpack_molfield.transform import GridPoints

NAMES = ("H2O", "CH4")


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Promolecules on coarse grids, in the layout of an archive."""
    structures = [molecule(name) for name in NAMES]
    fields = [PromoleculeDensity("e/bohr^3").of(atoms, dtype=torch.float64) for atoms in structures]
    grids = [field.grid(0.5, 2.0) for field in fields]
    return {
        "Z": np.concatenate([atoms.numbers for atoms in structures]),
        "R": np.concatenate([atoms.positions for atoms in structures]),
        "n_atoms": np.array([len(atoms) for atoms in structures]),
        "rho_e_bohr3": np.concatenate([values.flatten().numpy() for _, values in grids]),
        "grid_shape": np.array([grid.shape for grid, _ in grids]),
        "grid_origin_A": np.array([grid.origin for grid, _ in grids]),
        "grid_spacing_A": np.array(0.5),
        "split": np.array([0, 1]),
    }


def written(folder, arrays: dict[str, np.ndarray]) -> str:
    np.savez(folder / "rho.npz", **arrays)
    source = read_archive(folder / "rho.npz")
    assert source.count == 2 and source.split is not None
    write_database(folder / "rho.db", [source])
    return str(folder / "rho.db")


def test_densities_come_back_at_their_points(tmp_path, arrays) -> None:
    path = written(tmp_path, arrays)
    data = ASEAtomsData(path, transforms=[GridPoints(n_points=None)])
    assert data.units["electron_density"] == "e/Ang^3"
    for index, name in enumerate(NAMES):
        sample, exact = data[index], PromoleculeDensity().of(molecule(name), dtype=torch.float64)
        assert torch.equal(sample[properties.Z], torch.tensor(molecule(name).numbers))
        torch.testing.assert_close(
            sample["electron_density"], exact(sample["field_points"]), rtol=1e-5, atol=1e-8
        )


def test_data_module(tmp_path, arrays) -> None:
    np.savez(tmp_path / "split.npz", train_idx=[0], val_idx=[], test_idx=[1])
    data = ElectronDensities(
        datapath=written(tmp_path, arrays),
        batch_size=1,
        num_workers=0,
        split_file=str(tmp_path / "split.npz"),
        transforms=[GridPoints(n_points=10)],
    )
    data.prepare_data()
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["field_points"].shape == (10, 3)
    assert batch["electron_density"].shape == (10, 1)


def test_a_database_that_is_not_there(tmp_path) -> None:
    data = ElectronDensities(datapath=str(tmp_path / "x.db"), batch_size=1)
    with pytest.raises(DataError, match=r"molfield import \*.cube"):
        data.prepare_data()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid_origin_A": None}, "needs the key grid_origin_A"),
        ({"grid_shape": np.array([[2, 2, 2], [3, 3, 3]])}, "adds up to 35 points"),
        ({"rho_e_bohr3": np.zeros(5)}, r"rho_e_bohr3 has shape \(5,\)"),
    ],
)
def test_broken_archives(tmp_path, arrays, change, message) -> None:
    changed = {key: value for key, value in (arrays | change).items() if value is not None}
    np.savez(tmp_path / "rho.npz", **changed)
    with pytest.raises(ValueError, match=message):
        read_archive(tmp_path / "rho.npz")
