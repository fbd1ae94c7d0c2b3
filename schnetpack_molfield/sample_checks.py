"""Complaints about samples in SchNetPack's dictionary: atoms, cell, targets and distances."""

from collections.abc import Sequence

import torch
from ase.data import atomic_numbers, chemical_symbols
from schnetpack import properties
from torch import Tensor

from schnetpack_molfield.checks import did_you_mean

__all__ = ["check_distances", "check_sample", "element_mask"]

Inputs = dict[str, Tensor]


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
