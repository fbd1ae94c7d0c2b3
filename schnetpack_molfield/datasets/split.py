"""Turn the partition that a file brings along into a SchNetPack split file."""

from pathlib import Path

import numpy as np

__all__ = ["write_split"]


def write_split(path: Path, partition: np.ndarray, num_val: int) -> dict[str, int]:
    """Write `train_idx`, `val_idx` and `test_idx`, to be used as `data.split_file`.

    Args:
        path: the new `.npz` file.
        partition: 0 for a structure of the training set, anything else for the test set; shape
            (n_structures,), in the order of the database.
        num_val: how many training structures to set aside for validation, drawn with a fixed seed.

    Returns:
        The sizes as SchNetPack's options: num_train, num_val, num_test.

    Raises:
        ValueError: if there aren't more than `num_val` training structures.
    """
    known = np.flatnonzero(partition == 0)
    if num_val >= len(known):
        raise ValueError(f"{num_val} validation structures leave none of {len(known)} to train on")
    shuffled = np.random.default_rng(0).permutation(known)
    val, train = np.sort(shuffled[:num_val]), np.sort(shuffled[num_val:])
    test = np.flatnonzero(partition != 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, train_idx=train, val_idx=val, test_idx=test)
    return {"num_train": len(train), "num_val": len(val), "num_test": len(test)}
