"""Several potentials as one: their mean, how far they disagree, and a stop when that is too far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import CalculationFailed

from schnetpack_molfield.checks import check_positive
from schnetpack_molfield.interfaces.potential import PotentialSettings

__all__ = ["Limits", "UncertaintyError", "common_settings", "mean_and_std"]

Results = dict[str, np.ndarray]


class UncertaintyError(CalculationFailed):
    """The models of an ensemble disagree more than the user allows."""


@dataclass(frozen=True)
class Limits:
    """How far the models of an ensemble may disagree; None for as far as they like.

    Attributes:
        max_energy_std: standard deviation of the energy per atom, in eV.
        max_forces_std: largest standard deviation of the force on an atom (root of the sum of the
            three components' variances), in eV/Angstrom.

    Raises:
        ValueError: if one isn't a positive number.
    """

    max_energy_std: float | None = None
    max_forces_std: float | None = None

    def __post_init__(self) -> None:
        for name, limit in vars(self).items():
            if limit is not None:
                check_positive(name, limit)

    def check(self, results: Results, atoms: Atoms) -> None:
        """Raise UncertaintyError if the standard deviations in `results` are beyond a limit."""
        energy_std = float(results["energy_std"]) / len(atoms)
        if self.max_energy_std is not None and not energy_std <= self.max_energy_std:
            raise UncertaintyError(
                f"the models disagree on the energy of {atoms.symbols} by {energy_std:.3g} eV per "
                f"atom, more than max_energy_std = {self.max_energy_std:g}: train on such ones"
            )
        forces_std = np.linalg.norm(results["forces_std"], axis=1)  # (n_atoms,)
        worst = int(forces_std.argmax())
        if self.max_forces_std is not None and not forces_std[worst] <= self.max_forces_std:
            raise UncertaintyError(
                f"the models disagree on the force on atom {worst} ({atoms.symbols[worst]}) by "
                f"{forces_std[worst]:.3g} eV/Angstrom, more than max_forces_std = "
                f"{self.max_forces_std:g}: train on such ones"
            )


def common_settings(members: Sequence[PotentialSettings]) -> PotentialSettings:
    """Settings under which all models of an ensemble can be given the same input.

    The largest cutoff, the elements that all know, the higher precision; models see nothing beyond
    their own cutoff.

    Raises:
        ValueError: if their units of length differ, or they have no element in common.
    """
    first = members[0]
    if len(members) == 1:
        return first
    lengths = [member.length_unit for member in members]
    if not np.allclose(lengths, first.length_unit, rtol=1e-6, atol=0):
        shown = ", ".join(f"{length:g}" for length in lengths)
        raise ValueError(f"the models' units of length differ: {shown} Angstrom")
    known = [set(member.elements) for member in members if member.elements]
    elements = set.intersection(*known) if known else None
    if elements is not None and not elements:
        raise ValueError("the models were trained on different elements, none is known to all")
    dtypes = {member.dtype for member in members}
    return replace(
        first,
        cutoff=max(member.cutoff for member in members),
        dtype=first.dtype if len(dtypes) == 1 else torch.float64,
        elements=None if elements is None else tuple(sorted(elements, key=str)),
        periodic=all(member.periodic for member in members),
    )


def mean_and_std(results: Sequence[Results]) -> Results:
    """Means over models, and sample standard deviations as `..._std`, for each component."""
    means: Results = {}
    for key in results[0]:
        values = np.stack([result[key] for result in results])  # (n_models, ...)
        means[key] = values.mean(axis=0)
        means[f"{key}_std"] = values.std(axis=0, ddof=1)
    return means
