"""Small archives in the two layouts."""

from pathlib import Path

import numpy as np
import pytest

WATER = np.array([8, 1, 1], dtype=np.uint8)
GEOMETRY = np.array([[0.0, 0.0, 0.12], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SchNetPack leaves a lock file where it splits a data set."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def frames() -> dict[str, np.ndarray]:
    """Five frames of one composition, periodic, with a split."""
    rng = np.random.default_rng(0)
    return {
        "Z": WATER,
        "R": (GEOMETRY + rng.normal(scale=0.05, size=(5, 3, 3))).astype(np.float32),
        "E_eV": rng.normal(size=5),
        "F_eV_A": rng.normal(size=(5, 3, 3)).astype(np.float32),
        "dipole_Debye": rng.normal(size=(5, 3)),
        "cell_A": np.tile(np.eye(3) * 9, (5, 1, 1)),
        "split": np.array([0, 0, 0, 0, 1], dtype=np.uint8),
        "iso_atom_E_eV": np.array([[1.0, -13.6], [8.0, -430.0]]),
    }


@pytest.fixture
def molecules() -> dict[str, np.ndarray]:
    """Hydrogen, water and a single atom, in QM9's names; the atom has no gap."""
    rng = np.random.default_rng(1)
    return {
        "qm9_index": np.arange(3),
        "n_atoms": np.array([2, 3, 1], dtype=np.uint8),
        "Z": np.array([1, 1, 8, 1, 1, 6], dtype=np.uint8),
        "R": np.concatenate([[[0, 0, 0], [0, 0, 0.74]], GEOMETRY, np.zeros((1, 3))]),
        "u0_Ha": np.array([-1.1, -76.4, -37.8]),
        "gap_Ha": np.array([0.5, 0.4, np.nan], dtype=np.float32),
        "charges_e": rng.normal(size=6),
        "dipole_Debye": rng.normal(size=(3, 3)),
        "smiles": np.array(["[H][H]", "O", "C"]),
    }


@pytest.fixture
def save(tmp_path: Path):
    """Write arrays to an archive and return its path."""

    def save_archive(arrays: dict[str, np.ndarray]) -> Path:
        path = tmp_path / "archive.npz"
        np.savez_compressed(path, **arrays)
        return path

    return save_archive
