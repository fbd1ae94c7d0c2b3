"""Checks of what users hand in: one line that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from ase import Atoms
from torch import Tensor


def check_points(points: Tensor) -> None:
    """Raise ValueError unless `points` are finite numbers of shape (n_points, 3)."""
    if points.dim() != 2 or points.shape[1] != 3:
        raise ValueError(
            f"points must have shape (n_points, 3), got {tuple(points.shape)}; "
            "use points.reshape(-1, 3)"
        )
    finite = torch.isfinite(points).all(dim=1)  # (n_points,)
    if not finite.all():
        bad = int((~finite).nonzero()[0])
        raise ValueError(
            f"points must be finite: {int((~finite).sum())} of {len(points)} are not, "
            f"the first is points[{bad}] = {points[bad].tolist()}"
        )


def check_atoms(atoms: Atoms) -> None:
    """Raise ValueError for a structure without atoms or with positions that are not finite."""
    if len(atoms) == 0:
        raise ValueError("the structure has no atoms; a molecular field needs at least one")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        raise ValueError(
            f"atom {bad[0]} ({atoms.symbols[bad[0]]}) has a position that is not finite"
        )


def check_new_file(path: str | Path, suffixes: Iterable[str], force: bool) -> Path:
    """The path to write to, checked before any work is done.

    Raises:
        ValueError: if the file's ending is not one of `suffixes`.
        FileNotFoundError: if its folder does not exist.
        FileExistsError: if the file exists and `force` is not set.
    """
    path, suffixes = Path(path), list(suffixes)
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{path} must end in one of {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of {path} does not exist; create it first")
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; use force=True (--force) to overwrite it")
    return path


def optional_import(module: str, extra: str) -> ModuleType:
    """Import a module of an optional extra; say how to install it when it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module.split('.')[0]} is needed here ({error}); "
            f'install it by: pip install "schnetpack-molfield[{extra}]"'
        ) from error
