"""One rule for the shapes of labels: a row for each atom, or a single row for the molecule."""

import numpy as np
from ase.stress import voigt_6_to_full_3x3_stress

from schnetpack_molfield.datasets.catalogue import VIRIAL, Property

__all__ = ["shaped"]

_VOIGT = ("stress", "stresses")  # six numbers xx yy zz yz xz xy, as ASE orders them


def shaped(
    value: np.ndarray, row: Property | None, per_atom: bool | None, n_atoms: int, name: str
) -> np.ndarray:
    """Bring the value of one frame into the shape that SchNetPack expects.

    Args:
        value: as the file has it; axes of length one and flat tensors in C order are understood.
        row: what is known about the property; None leaves it to the file.
        per_atom: what the file says about properties that aren't known.
        n_atoms: of the frame.
        name: for messages.

    Returns:
        (1, ...) of a property of the molecule, (n_atoms, ...) of one of the atoms.

    Raises:
        ValueError: with the shape that was found and the one that was expected.
    """
    if row is None or row.shapes is None:
        return _unknown(value, bool(per_atom), n_atoms, name)
    n_rows = n_atoms if row.per_atom else 1
    if row.name in _VOIGT and _squeezed(value) in ((6,), (n_rows, 6)):
        value = voigt_6_to_full_3x3_stress(value.reshape(n_rows, 6))  # (n_rows, 3, 3)
    if row.name == VIRIAL and _squeezed(value) == (6,):
        raise ValueError(
            f"{name!r} has six numbers, which programs order as xx yy zz yz xz xy or as "
            "xx yy zz xy yz zx; give nine, or the stress in the first of these orders"
        )
    for shape in row.shapes:
        if _fits(value, (n_rows, *shape)):
            return value.reshape(n_rows, *shape)
    expected = " or ".join(str((n_rows, *shape)) for shape in row.shapes)
    whose = f"each of the {n_atoms} atoms" if row.per_atom else "the molecule"
    raise ValueError(
        f"{name!r} has shape {value.shape}, expected {expected}: one value for {whose}"
    )


def _unknown(value: np.ndarray, per_atom: bool, n_atoms: int, name: str) -> np.ndarray:
    if not per_atom:
        return value[None]  # (1, ...)
    if value.ndim == 0 or len(value) != n_atoms:
        raise ValueError(
            f"{name!r} has shape {value.shape}, expected one row for each of the {n_atoms} atoms"
        )
    return value


def _squeezed(value: np.ndarray) -> tuple[int, ...]:
    return tuple(length for length in value.shape if length != 1)


def _fits(value: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a value has this shape, but for axes of length one, or all its numbers in a line."""
    found = _squeezed(value)
    if found == tuple(length for length in shape if length != 1):
        return True
    return len(shape) > 1 and found == (int(np.prod(shape)),)
