import logging
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import AtomsDatabase, DataError
from schnetpack_molfield.datasets.split import split_counts, write_split

PARTITION = np.array([0, 0, 2, 0, 1, 0])


def database(path: Path, n_structures: int, seed: int = 0) -> Path:
    """Hydrogen molecules at random distances, with energies and forces of zero."""
    written = ASEAtomsData.create(
        str(path),
        distance_unit="Ang",
        property_unit_dict={"energy": "eV", "forces": "eV/Ang"},
    )
    lengths = np.random.default_rng(seed).uniform(0.7, 0.8, n_structures)
    frames = [Atoms("H2", [[0, 0, 0], [0, 0, length]]) for length in lengths]
    labels = {"energy": np.zeros(1), "forces": np.zeros((2, 3))}
    written.add_systems([labels] * n_structures, frames)
    return path


def data(path: Path, **options) -> AtomsDatabase:
    """The data module of a database, prepared as a training does it."""
    sizes = {"num_train": 10, "num_val": 5, "batch_size": 5, "num_workers": 0}
    names = {"energy_key": "energy", "forces_key": "forces"}
    module = AtomsDatabase(datapath=str(path), **names, **(sizes | options))
    module.prepare_data()
    module.setup("fit")
    return module


def refused(path: Path, **options) -> str:
    """The one line with which data are refused."""
    with pytest.raises(DataError) as error:
        data(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return database(tmp_path / "my.db", 300)


def test_every_structure_is_in_one_part(tmp_path: Path) -> None:
    mine = database(tmp_path / "my.db", 6)
    sizes = write_split(tmp_path / "split.npz", PARTITION, 1, mine)
    assert sizes == {"num_train": 3, "num_val": 1, "num_test": 2}
    parts = np.load(tmp_path / "split.npz")
    assert parts["test_idx"].tolist() == [2, 4]
    assert sorted([*parts["train_idx"], *parts["val_idx"]]) == [0, 1, 3, 5]
    module = data(mine, split_file=str(tmp_path / "split.npz"))
    assert (module.num_train, module.num_val, module.num_test) == (3, 1, 2)


def test_no_training_structure_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave none of 4"):
        write_split(tmp_path / "split.npz", PARTITION, 4, tmp_path / "my.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("drawn_split", [None, "split.npz"])
def test_a_split_is_drawn_from_all_structures(db, drawn_split) -> None:
    module = data(db, num_train=50, num_val=20, num_test=30, drawn_split=drawn_split)
    parts = [module.train_idx, module.val_idx, module.test_idx]
    assert [len(part) for part in parts] == [50, 20, 30]
    drawn = {index for part in parts for index in part}
    assert len(drawn) == 100
    assert 120 < np.mean(list(drawn)) < 180  # the mean of 300 is 149.5, of the first 100 it is 49.5


def test_parts_of_all(db) -> None:
    module = data(db, num_train=0.5, num_val=0.1)
    assert [len(module.train_idx), len(module.val_idx), len(module.test_idx)] == [150, 30, 120]
    assert split_counts(5, (0.8, 0.1, None)) == [3, 1, 1]
    assert split_counts(5, (4, 1, None)) == [4, 1, 0]
    assert split_counts(10, (4, -1, 0.2)) == [4, 4, 2]


def test_a_run_that_goes_on_keeps_its_split(db) -> None:
    first = data(db, drawn_split="split.npz")
    again = data(db, drawn_split="split.npz")
    assert again.train_idx == first.train_idx and again.test_idx == first.test_idx


def test_a_run_isnt_continued_with_other_data(db, tmp_path) -> None:
    data(db, drawn_split="split.npz")
    for name, size, seed, message in (("b", 200, 0, "of 300 structures"), ("c", 300, 1, "other")):
        other = database(tmp_path / f"{name}.db", size, seed)
        line = refused(other, drawn_split="split.npz")
        assert "split of another database" in line and message in line and "run.id" in line
    assert "started with 10 + 5 + 285" in refused(db, drawn_split="split.npz", num_train=20)


def test_the_same_structures_with_other_labels_are_the_same(db, tmp_path) -> None:
    data(db, drawn_split="split.npz")
    copy = database(tmp_path / "copy.db", 300)
    assert data(copy, split_file="split.npz").num_train == 10


def save(**parts) -> str:
    content = {"train_idx": range(10), "val_idx": range(10, 14), "test_idx": range(14, 20)} | parts
    np.savez(
        "split.npz", **{name: list(part) for name, part in content.items() if part is not None}
    )
    return "split.npz"


def test_a_named_split_is_used(db) -> None:
    module = data(db, split_file=save())  # relative to where the command was typed
    assert module.val_idx == [10, 11, 12, 13]
    assert module.num_val == 4


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"test_idx": [300]}, "names structure 300, but the database has 300"),
        ({"train_idx": [-1, 3]}, "names structure -1"),
        ({"val_idx": [9, 10]}, "names structure 9 more than once"),
        ({"val_idx": None}, "has no val_idx"),
        ({"val_idx": [0.5]}, "dtype float64"),
        ({"val_idx": []}, "no val structures"),
        ({"train_idx": []}, "no train structures"),
        ({"n_structures": [100]}, "another database, of 100 structures"),
    ],
)
def test_a_split_that_cant_be_used_is_refused(db, parts, message) -> None:
    file = save(**parts)
    line = refused(db, split_file=file)
    assert message in line and "split.npz" in line


def test_a_split_that_isnt_there_is_refused(db) -> None:
    assert "there is no split" in refused(db, split_file="elsewhere/split.npz")
    Path("text.npz").write_text("not an archive")
    assert "not a readable npz file" in refused(db, split_file="text.npz")
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize(
    ("n_structures", "options", "message"),
    [
        (20, {"num_val": 0}, "no val structures (data.num_val=0)"),
        (20, {"num_train": 0}, "no train structures"),
        (20, {"num_train": 18}, "20 structures, too few"),
        (1, {"num_train": 0.8, "num_val": 0.1}, "a training needs three at least"),
        (2, {"num_train": 0.8, "num_val": 0.1}, "a training needs three at least"),
        (20, {"num_train": None}, "data.num_train"),
    ],
)
def test_sets_that_cant_be_trained_on(tmp_path, n_structures, options, message) -> None:
    assert message in refused(database(tmp_path / "small.db", n_structures), **options)


def test_three_structures_are_enough(tmp_path) -> None:
    module = data(database(tmp_path / "small.db", 3), num_train=0.8, num_val=0.1)
    assert [len(module.train_idx), len(module.val_idx), len(module.test_idx)] == [1, 1, 1]


def test_a_batch_larger_than_the_set(db, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        module = data(db, batch_size=64)
    assert "batch_size=64 is larger than the training set (10)" in caplog.text
    assert len(module.train_dataloader()) == 1
