"""Frames with times: which are trained on, and what the model learns about them."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.datasets import (
    DataError,
    EveryNthFrame,
    Frame,
    FrameSource,
    TrajectoryFrames,
    write_database,
)
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.representation import TrajectoryAtlas


def frames() -> list[Atoms]:
    structures = [molecule("H2O") for _ in range(20)]
    for k, atoms in enumerate(structures):
        atoms.rattle(0.05, seed=k)
    return structures


@pytest.fixture
def database(tmp_path, monkeypatch) -> str:
    """20 frames, 2 fs apart from 100 fs on."""
    monkeypatch.chdir(tmp_path)  # SchNetPack leaves a lock file where it splits

    def read():
        for k, atoms in enumerate(frames()):
            yield Frame(atoms, {"time": np.array([100.0 + 2 * k])})

    source = FrameSource(tmp_path, [Label("time", "time", "fs")], read)
    write_database(tmp_path / "frames.db", [source])
    return str(tmp_path / "frames.db")


def module(path: str, **options) -> TrajectoryFrames:
    data = TrajectoryFrames(datapath=path, batch_size=2, num_workers=0, split_file=None, **options)
    data.prepare_data()
    data.setup()
    return data


def test_every_fifth_of_the_first_four_fifths(database) -> None:
    data = module(database, every=5, until=0.8)
    assert data.train_idx == data.val_idx == [0, 5, 10, 15]
    assert sorted([*data.train_idx, *data.test_idx]) == list(range(20))
    assert float(data.train_dataset[1]["time"]) == 110.0


def test_all_frames() -> None:
    trained, validated, asked = EveryNthFrame().split(range(7))
    assert trained == validated == asked == list(range(7))


def test_atlas_begins_with_the_trained_frames(database) -> None:
    atlas = TrajectoryAtlas(n_charts=3, n_knots=4)
    atlas.datamodule(module(database, every=5, until=0.8))
    assert float(atlas.start) == 100.0
    assert float(atlas.step) == pytest.approx(30.0 / 3)
    mean = np.mean([atoms.positions for atoms in frames()[:16:5]], axis=0)  # (3, 3)
    origins = atlas.atlas.origins.detach().numpy()
    gaps = np.linalg.norm(origins[:, None] - mean, axis=2)  # (n_charts, n_atoms)
    assert gaps.min(axis=0).max() < 0.2


@pytest.mark.parametrize("options", [{"every": 0}, {"until": 0.0}, {"until": 1.5}])
def test_bad_choice_of_frames(options) -> None:
    with pytest.raises(ValueError, match="expected every >= 1 and 0 < until <= 1"):
        EveryNthFrame(**options)


def test_frames_without_times(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    energies = Label("energy", "energy", "eV")
    source = FrameSource(
        tmp_path, [energies], lambda: (Frame(a, {"energy": np.zeros(1)}) for a in frames())
    )
    write_database(tmp_path / "frames.db", [source])
    with pytest.raises(DataError, match="has no property 'time'"):
        module(str(tmp_path / "frames.db"))
    with pytest.raises(DataError, match="--property time=fs"):
        module(str(tmp_path / "nothing.db"))
