from pathlib import Path

import numpy as np
import pytest

from schnetpack_molfield.datasets.split import write_split

PARTITION = np.array([0, 0, 2, 0, 1, 0])


def test_every_structure_is_in_one_part(tmp_path: Path) -> None:
    sizes = write_split(tmp_path / "split.npz", PARTITION, num_val=1)
    assert sizes == {"num_train": 3, "num_val": 1, "num_test": 2}
    parts = np.load(tmp_path / "split.npz")
    assert parts["test_idx"].tolist() == [2, 4]
    assert sorted([*parts["train_idx"], *parts["val_idx"]]) == [0, 1, 3, 5]


def test_no_training_structure_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave none of 4"):
        write_split(tmp_path / "split.npz", PARTITION, num_val=4)
    assert not list(tmp_path.iterdir())
