"""Splits into training, validation and test set: drawn from all structures, written, checked."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from schnetpack.data import AtomsDataFormat, BaseAtomsData, SplittingStrategy, load_dataset

from schnetpack_molfield.new_files import replace_when_complete

__all__ = [
    "PARTS",
    "DrawFromAll",
    "database_mark",
    "read_split",
    "save_split",
    "split_counts",
    "write_split",
]

PARTS = ("train_idx", "val_idx", "test_idx")
#: How many structures of a database tell it from others.
N_MARKED = 32

__all__ = ["write_split"]


class DrawFromAll(SplittingStrategy):
    """A random split in which every structure may come up, whatever the sizes are.

    (SchNetPack's own draws from the first structures only where the sizes don't add up to all.)
    """

    def split(self, dataset: BaseAtomsData, *split_sizes: float | None) -> list[list[int]]:
        """Draw by torch's generator, which the seed of the run has set.

        Args:
            dataset: what is split.
            split_sizes: sizes; below one parts of the whole. One may be None: what is left over.
        """
        n_structures = len(dataset)
        counts = split_counts(n_structures, split_sizes)
        order = torch.randperm(n_structures).tolist()
        ends = np.cumsum(counts).tolist()
        return [order[end - count : end] for end, count in zip(ends, counts, strict=True)]


def split_counts(n_structures: int, sizes: Sequence[float | None]) -> list[int]:
    """Numbers of structures: below one, a size is a part of all, and at least one structure.

    One size may be None or negative and gets what is left over, at least one of few structures.
    """

    def count(size: float) -> int:
        return int(size) if size >= 1 or size == 0 else max(1, int(size * n_structures))

    left_over = [size is None or size < 0 for size in sizes]
    counts = [0 if size is None or size < 0 else count(size) for size in sizes]
    rest = n_structures - sum(counts)
    largest = int(np.argmax(counts))
    if any(left_over) and rest == 0 and counts[largest] > 1 and 0 < (sizes[largest] or 0) < 1:
        counts[largest] -= 1  # a part of few structures leaves one over
        rest = 1
    return [rest if left else c for left, c in zip(left_over, counts, strict=True)]


def database_mark(database: BaseAtomsData) -> str:
    """A number that tells a database from others: by its size and structures, not its labels."""
    digest = hashlib.sha256(str(len(database)).encode())
    for row in np.unique(np.linspace(0, len(database) - 1, N_MARKED).astype(int)):
        atoms = database.conn.get(int(row) + 1, include_data=False).toatoms()
        for array in (atoms.numbers, atoms.positions, atoms.cell.array):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def save_split(path: Path, parts: dict[str, Any], database: BaseAtomsData) -> None:
    """Write a split with the mark of its database; nothing is left behind by a failure.

    Args:
        path: the `.npz` file; replaced if it exists.
        parts: `train_idx`, `val_idx` and `test_idx`.
        database: what was split.
    """
    content: dict[str, Any] = {k: np.asarray(part, dtype=int) for k, part in parts.items()}
    content |= {"n_structures": len(database), "database": database_mark(database)}
    with replace_when_complete(path) as partial, partial.open("wb") as file:
        np.savez(file, **content)


def read_split(path: Path, database: BaseAtomsData) -> dict[str, list[int]]:
    """Read a split and check that it is one of this database.

    Returns:
        `train_idx`, `val_idx` and `test_idx`.

    Raises:
        ValueError: if it isn't a split, is that of another database, names a structure that isn't
            there, or one twice.
    """
    content = _load(path)
    for part in PARTS:
        if content[part].ndim != 1 or (len(content[part]) and content[part].dtype.kind not in "iu"):
            raise ValueError(
                f"{part} has shape {content[part].shape} and dtype {content[part].dtype}, expected "
                "a list of numbers of structures"
            )
    _check_mark(content, database)
    _check_numbers(content, len(database))
    return {part: content[part].astype(int).tolist() for part in PARTS}


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {key: archive[key] for key in archive.files}
    except (BadZipFile, EOFError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"not a readable npz file ({error})") from error
    missing = [part for part in PARTS if part not in content]
    if missing:
        raise ValueError(f"not a split: it has no {', '.join(missing)}")
    return content


def _check_mark(content: dict[str, np.ndarray], database: BaseAtomsData) -> None:
    """Compare with the database that is written in the file, if there is one."""
    size = content["n_structures"].item() if "n_structures" in content else len(database)
    if size != len(database):
        raise ValueError(
            f"it is the split of another database, of {size} structures; this one has "
            f"{len(database)}"
        )
    if "database" in content and str(content["database"]) != database_mark(database):
        raise ValueError("it is the split of another database, with other structures")


def _check_numbers(content: dict[str, np.ndarray], n_structures: int) -> None:
    numbers = np.concatenate([content[part] for part in PARTS]).astype(int)
    outside = numbers[(numbers < 0) | (numbers >= n_structures)]
    if len(outside):
        raise ValueError(
            f"it names structure {outside[0]}, but the database has {n_structures} (0 to "
            f"{n_structures - 1}): the split of another database?"
        )
    values, counts = np.unique(numbers, return_counts=True)
    if (counts > 1).any():
        raise ValueError(
            f"it names structure {values[counts > 1][0]} more than once: its parts overlap"
        )


def write_split(path: Path, partition: np.ndarray, num_val: int, database: Path) -> dict[str, int]:
    """Write `train_idx`, `val_idx` and `test_idx`, to be used as `data.split_file`.

    Args:
        path: the new `.npz` file.
        partition: 0 for a structure of the training set, anything else for the test set; shape
            (n_structures,), in the order of the database.
        num_val: how many training structures to set aside for validation, drawn with a fixed seed.
        database: what is split; only with it the split can be used.

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
    parts = {"train_idx": train, "val_idx": val, "test_idx": test}
    save_split(path, parts, load_dataset(str(database), AtomsDataFormat.ASE))
    return {"num_train": len(train), "num_val": len(val), "num_test": len(test)}
