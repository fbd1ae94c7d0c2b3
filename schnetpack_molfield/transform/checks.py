"""Refuse a bad structure with one clear line, cheaply enough for every step of a simulation.

SchNetPack is silent on bad input: a NaN coordinate drops out of the neighbour list and leaves a
finite energy, coincident atoms give NaN. These transforms work in a data loader
(``data.transforms``) and in :class:`~schnetpack_molfield.interfaces.MolFieldCalculator` alike.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import torch
from ase.data import atomic_numbers, chemical_symbols
from schnetpack import properties
from schnetpack.transform import Transform

__all__ = ["CheckDistances", "CheckStructure", "did_you_mean"]

Inputs = dict[str, torch.Tensor]


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return a sentence naming the closest option, or all of them when none is close.

    Args:
        name: What was given.
        options: What would have been valid.
    """
    by_lower = {option.lower(): option for option in sorted(options)}
    close = get_close_matches(name.lower(), by_lower, n=1)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    return f"there is {', '.join(by_lower.values()) or 'none'}"


class CheckStructure(Transform):
    """Check a sample's atoms and cell. Place it *before* the neighbour list.

    Refused are missing keys, wrong dtypes and shapes, NaN or infinite numbers, unknown elements,
    and periodic boundary conditions with a cell that doesn't span space.

    Args:
        elements: Symbols or atomic numbers the model was trained on; None allows all.
        required: Further keys, for example targets, that have to be there and finite.
        allow_periodic: False for a model that describes one molecule as a whole.

    Raises:
        KeyError: A key is missing.
        TypeError: Atomic numbers aren't integers, or positions and cell aren't floats of one kind.
        ValueError: Anything else of the above.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(
        self,
        elements: Sequence[str | int] | None = None,
        required: Sequence[str] = (),
        allow_periodic: bool = True,
    ) -> None:
        super().__init__()
        self.known = _element_table(elements)  # (119,)
        self.required = list(required)
        self.allow_periodic = allow_periodic

    def forward(self, inputs: Inputs) -> Inputs:
        """Return the sample as it came, or raise."""
        _check_keys(inputs, [properties.Z, properties.R, *self.required])
        _check_layout(inputs)
        _check_finite(inputs, [properties.R, properties.cell, *self.required])
        self._check_elements(inputs[properties.Z])
        self._check_cell(inputs)
        return inputs

    def _check_elements(self, numbers: torch.Tensor) -> None:
        valid = (numbers > 0) & (numbers < len(self.known))  # (n_atoms,)
        if not valid.all():
            number = numbers[~valid][0].item()
            raise ValueError(f"atomic number {number} is no chemical element (1 to 118)")
        if not self.known[numbers].all():
            unknown = numbers[~self.known[numbers]].unique().tolist()
            raise ValueError(
                f"the model doesn't know {_symbols(unknown)}; it was trained on "
                f"{_symbols(self.known.nonzero().flatten().tolist())}"
            )

    def _check_cell(self, inputs: Inputs) -> None:
        pbc = inputs.get(properties.pbc)
        if pbc is None or not pbc.any():
            return
        if not self.allow_periodic:
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


class CheckDistances(Transform):
    """Refuse atoms on top of each other. Place it *after* the neighbour list.

    Args:
        min_distance: Smallest distance between two atoms, in the data's unit of length.

    Raises:
        KeyError: There is no neighbour list.
        ValueError: Two atoms, or an atom and a periodic image, are closer than that.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(self, min_distance: float = 1e-3) -> None:
        super().__init__()
        self.min_distance = min_distance

    def forward(self, inputs: Inputs) -> Inputs:
        """Return the sample as it came, or raise."""
        _check_keys(inputs, [properties.idx_i, properties.idx_j, properties.offsets])
        close = _pair_vectors(inputs).square().sum(dim=1) < self.min_distance**2  # (n_pairs,)
        if close.any():
            pair = int(close.nonzero()[0])
            i, j = int(inputs[properties.idx_i][pair]), int(inputs[properties.idx_j][pair])
            raise ValueError(
                f"atoms {i} and {j} are closer than {self.min_distance:g}"
                f"{_sample(inputs)}; forces aren't defined there"
            )
        return inputs


def _pair_vectors(inputs: Inputs) -> torch.Tensor:
    """Vectors from i to j, (n_pairs, 3): those of a skin neighbour list, if it left them."""
    if properties.Rij in inputs:
        return inputs[properties.Rij]
    R = inputs[properties.R]
    return R[inputs[properties.idx_j]] - R[inputs[properties.idx_i]] + inputs[properties.offsets]


def _element_table(elements: Sequence[str | int] | None) -> torch.Tensor:
    """Return a mask over atomic numbers, (119,)."""
    if elements is None:
        return torch.ones(len(chemical_symbols), dtype=torch.bool)
    known = torch.zeros(len(chemical_symbols), dtype=torch.bool)
    known[[atomic_numbers[e] if isinstance(e, str) else e for e in elements]] = True
    return known


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


def _sample(inputs: Inputs) -> str:
    """Name the sample, so that it can be found in the database."""
    return f" of sample {int(inputs[properties.idx])}" if properties.idx in inputs else ""


def _symbols(numbers: Sequence[int]) -> str:
    return ", ".join(chemical_symbols[number] for number in numbers)
