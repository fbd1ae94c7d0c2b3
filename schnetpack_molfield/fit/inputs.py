"""What can be fitted, checked before anything that takes time, torch's import included."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.fit.channels import channel_members

__all__ = ["check_inputs"]


def check_inputs(
    frames: Sequence[Atoms], channels: Sequence[str], n_grid: int, charts: str
) -> None:
    """Refuse what can't be fitted; arguments as in `FitTask`.

    Raises:
        ValueError: for structures of different atoms, an unknown option, a grid that is too coarse,
            or a channel without atoms.
    """
    check_choice("charts", charts, ["learned", "atom"])
    if n_grid < 8:
        raise ValueError(f"a grid needs at least 8 points per side, got {n_grid}")
    for number, atoms in enumerate(frames):
        if not np.array_equal(atoms.numbers, frames[0].numbers):
            raise ValueError(
                f"model {number} has other atoms than model 0, {atoms.symbols} and "
                f"{frames[0].symbols}; fit them one by one"
            )
    channel_members(channels, frames[0])
