"""Complaints about what users hand in: one line that says what is wrong and what to do.

Every check of the package that isn't particular to one class lives here, with no dependence on
any other module of the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from schnetpack import properties
from schnetpack.units import convert_units
from torch import Tensor

__all__ = [
    "check_atoms",
    "check_choice",
    "check_device",
    "check_distances",
    "check_dtype",
    "check_new_file",
    "check_points",
    "check_positive",
    "check_sample",
    "check_unit",
    "did_you_mean",
    "element_mask",
    "optional_import",
]

Inputs = dict[str, Tensor]

ENERGY_UNITS = ("eV", "kcal/mol", "kJ/mol", "Hartree", "Ha")
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


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a positive, finite number."""
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number, got {value}")


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


def check_unit(unit: str | float, kind: str) -> float:
    """The factor from a unit to ASE's (eV, Angstrom).

    Args:
        unit: name, for example `kcal/mol`, or the factor itself.
        kind: `energy` or `length`.

    Raises:
        ValueError: if the name isn't known.
    """
    base, known = ("eV", ENERGY_UNITS) if kind == "energy" else ("Ang", LENGTH_UNITS)
    try:
        return float(convert_units(unit, base))
    except (AttributeError, Warning) as error:  # SchNetPack raises a Warning for "A"
        hint = did_you_mean(str(unit), known)
        raise ValueError(f"unknown unit of {kind} {unit!r}: {hint}") from error


def check_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """float32 or float64, given as dtype or by name.

    Raises:
        TypeError: if it is another one.
    """
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
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch finds no CUDA device here: leave out --device")
    return device


def check_sample(
    inputs: Inputs,
    elements: Tensor | None = None,
    required: Sequence[str] = (),
    allow_periodic: bool = True,
) -> None:
    """Check atoms, cell and targets of a sample in SchNetPack's dictionary.

    Args:
        inputs: the sample.
        elements: mask over atomic numbers, see `element_mask`; None allows all elements.
        required: further keys that have to be there and finite.
        allow_periodic: False for a model that describes one molecule as a whole.

    Raises:
        KeyError: if a key is missing.
        TypeError: if atomic numbers aren't integers, or positions and cell floats of one kind.
        ValueError: for wrong shapes, NaN, infinite numbers, unknown elements, and periodic
            boundary conditions with a cell that doesn't span space.
    """
    _check_keys(inputs, [properties.Z, properties.R, *required])
    _check_layout(inputs)
    _check_finite(inputs, [properties.R, properties.cell, *required])
    _check_elements(inputs, element_mask(None) if elements is None else elements)
    _check_cell(inputs, allow_periodic)


def check_distances(inputs: Inputs, min_distance: float = 1e-3) -> None:
    """Refuse atoms on top of each other, in a sample with a neighbour list.

    Args:
        inputs: the sample.
        min_distance: smallest distance between two atoms, in the data's unit of length.

    Raises:
        KeyError: if there is no neighbour list.
        ValueError: if two atoms, or an atom and a periodic image, are closer than that.
    """
    _check_keys(inputs, [properties.idx_i, properties.idx_j, properties.offsets])
    close = _pair_vectors(inputs).square().sum(dim=1) < min_distance**2  # (n_pairs,)
    if close.any():
        pair = int(close.nonzero()[0])
        i, j = int(inputs[properties.idx_i][pair]), int(inputs[properties.idx_j][pair])
        raise ValueError(
            f"atoms {i} and {j} are closer than {min_distance:g}"
            f"{_sample(inputs)}; forces aren't defined there"
        )


def element_mask(elements: Sequence[str | int] | None) -> Tensor:
    """Which atomic numbers are among the elements, (119,); all if None."""
    if elements is None:
        return torch.ones(len(chemical_symbols), dtype=torch.bool)
    known = torch.zeros(len(chemical_symbols), dtype=torch.bool)
    known[[atomic_numbers[e] if isinstance(e, str) else e for e in elements]] = True
    return known


def _pair_vectors(inputs: Inputs) -> Tensor:
    """Vectors from i to j, (n_pairs, 3): those of a skin neighbour list, if it left them."""
    if properties.Rij in inputs:
        return inputs[properties.Rij]
    R = inputs[properties.R]
    return R[inputs[properties.idx_j]] - R[inputs[properties.idx_i]] + inputs[properties.offsets]


def _check_keys(inputs: Inputs, keys: Sequence[str]) -> None:
    for key in keys:
        if key not in inputs:
            hint = "add a neighbour list to the transforms" if key == properties.idx_i else ""
            raise KeyError(f"no {key!r} in the input: {hint or did_you_mean(key, inputs)}")


def _check_layout(inputs: Inputs) -> None:
    """Check dtypes and shapes of atomic numbers, positions and cell."""
    Z, R = inputs[properties.Z], inputs[properties.R]
    if Z.is_floating_point() or Z.dtype == torch.bool:
        raise TypeError(f"{properties.Z!r} has dtype {Z.dtype}, expected integers")
    if not R.is_floating_point():
        raise TypeError(f"{properties.R!r} has dtype {R.dtype}, expected float32 or float64")
    if R.shape != (len(Z), 3) or len(Z) == 0:
        raise ValueError(
            f"{properties.R!r} has shape {tuple(R.shape)}, expected (n_atoms, 3) with n_atoms = "
            f"{len(Z)} > 0 from {properties.Z!r}"
        )
    if properties.cell in inputs and inputs[properties.cell].dtype != R.dtype:
        raise TypeError(
            f"{properties.cell!r} has dtype {inputs[properties.cell].dtype}, but "
            f"{properties.R!r} has {R.dtype}; cast both to one"
        )


def _check_finite(inputs: Inputs, keys: Sequence[str]) -> None:
    for key in keys:
        value = inputs.get(key)
        if value is not None and not value.isfinite().all():
            rows = (~value.isfinite()).reshape(len(value), -1).any(dim=1).nonzero().flatten()
            raise ValueError(
                f"{key!r} is NaN or infinite in row(s) {rows[:5].tolist()}{_sample(inputs)}"
            )


def _check_elements(inputs: Inputs, known: Tensor) -> None:
    numbers = inputs[properties.Z]
    valid = (numbers > 0) & (numbers < len(known))  # (n_atoms,)
    if not valid.all():
        number = numbers[~valid][0].item()
        raise ValueError(f"atomic number {number} is no chemical element (1 to 118)")
    if not known[numbers].all():
        unknown = numbers[~known[numbers]].unique().tolist()
        raise ValueError(
            f"the model doesn't know {_symbols(unknown)}; it was trained on "
            f"{_symbols(known.nonzero().flatten().tolist())}"
        )


def _check_cell(inputs: Inputs, allow_periodic: bool) -> None:
    pbc = inputs.get(properties.pbc)
    if pbc is None or not pbc.any():
        return
    if not allow_periodic:
        raise ValueError(
            "this model describes a molecule as a whole (charts='molecule') and can't do "
            "periodic boundary conditions; set pbc to False or train with charts='atom'"
        )
    cell = inputs[properties.cell].reshape(3, 3)
    lengths = cell.norm(dim=1)  # (3,)
    if torch.linalg.det(cell).abs() <= 1e-6 * lengths.prod():
        raise ValueError(
            f"pbc is {pbc.flatten().tolist()}, but the cell {cell.tolist()} spans no volume; "
            "set three independent cell vectors or switch pbc off"
        )


def _sample(inputs: Inputs) -> str:
    """Name the sample, so that it can be found in the database."""
    return f" of sample {int(inputs[properties.idx])}" if properties.idx in inputs else ""


def _symbols(numbers: Sequence[int]) -> str:
    return ", ".join(chemical_symbols[number] for number in numbers)
