"""Complaints about what users hand in: one line that says what is wrong and what to do.

Every check of the package that isn't particular to one class lives here, those of samples in
SchNetPack's dictionary in `sample_checks`, with no dependence on any other module of the package.
Nothing here imports torch before it needs it, so that the command line complains at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

if TYPE_CHECKING:
    import torch
    from ase import Atoms

__all__ = [
    "ENERGY_UNITS",
    "atomic_number",
    "check_atoms",
    "check_choice",
    "check_device",
    "check_dtype",
    "check_new_file",
    "check_points",
    "check_positive",
    "check_readable",
    "check_unit",
    "did_you_mean",
    "optional_import",
]

#: Names by which energies and lengths are measured; Debye, for example, is none of them.
ENERGY_UNITS = ("eV", "kcal/mol", "kJ/mol", "Hartree", "Ha", "Rydberg", "Ry", "J", "kJ", "kcal")
LENGTH_UNITS = ("Ang", "Angstrom", "Bohr", "nm")


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """A sentence naming the closest option, or all of them when none is close.

    Args:
        name: what was given.
        options: what would have been valid.
    """
    by_lower = {option.lower(): option for option in sorted(options)}
    close = get_close_matches(name.lower(), by_lower, n=1)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    return f"there is {', '.join(by_lower.values()) or 'none'}"


def check_choice(option: str, name: str, known: Sequence[str]) -> None:
    """Raise ValueError, with the nearest known name, unless `name` is one of `known`."""
    if name not in known:
        near = get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown {option} {name!r}; {hint}known: {', '.join(known)}")


def atomic_number(symbol: str) -> int:
    """Atomic number of an element's symbol.

    Raises:
        ValueError: if there is no such element.
    """
    check_choice("element", symbol, chemical_symbols[1:])
    return int(atomic_numbers[symbol])


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a positive, finite number."""
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number, got {value}")


def check_points(points: torch.Tensor) -> None:
    """Raise ValueError unless `points` are finite numbers of shape (n_points, 3)."""
    if points.dim() != 2 or points.shape[1] != 3:
        raise ValueError(
            f"points must have shape (n_points, 3), got {tuple(points.shape)}; "
            "use points.reshape(-1, 3)"
        )
    finite = points.isfinite().all(dim=1)  # (n_points,)
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
        IsADirectoryError: if it is a folder.
    """
    path, suffixes = Path(path), list(suffixes)
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{path} must end in one of {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of {path} does not exist; create it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; use force=True (--force) to overwrite it")
    return path


def check_readable(path: Path) -> None:
    """Raise FileNotFoundError or ValueError for a file that isn't there, or is empty."""
    if not path.exists():
        raise FileNotFoundError(f"{path} isn't a file")
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path} is empty")


def optional_import(module: str, extra: str) -> ModuleType:
    """Import a module of an optional extra; say how to install it when it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module.split('.')[0]} is needed here ({error}); "
            f'install it by: pip install "schnetpack-molfield[{extra}]"'
        ) from error


def check_unit(unit: str | float, kind: str) -> float:
    """The factor from a unit to ASE's (eV, Angstrom).

    Args:
        unit: name, for example `kcal/mol`, or the factor itself.
        kind: `energy` or `length`.

    Raises:
        ValueError: if the name isn't known.
    """
    base, known = ("eV", ENERGY_UNITS) if kind == "energy" else ("Ang", LENGTH_UNITS)
    if isinstance(unit, str) and unit.replace(" ", "") not in known:
        raise ValueError(f"unknown unit of {kind} {unit!r}: {did_you_mean(unit, known)}")
    from schnetpack.units import convert_units  # late: it brings torch

    return float(convert_units(unit, base))


def check_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """float32 or float64, given as dtype or by name.

    Raises:
        TypeError: if it is another one.
    """
    import torch

    name = str(dtype).removeprefix("torch.")
    if name not in ("float32", "float64"):
        raise TypeError(f"dtype {name!r}: {did_you_mean(name, ['float32', 'float64'])}")
    return torch.float32 if name == "float32" else torch.float64


def check_device(device: str) -> str:
    """`cpu` or `cuda`, if torch can compute there.

    Raises:
        ValueError: if it is another name, or there is no such device.
    """
    check_choice("device", device, ["cpu", "cuda"])
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ValueError("torch finds no CUDA device here: leave out --device")
    return device
