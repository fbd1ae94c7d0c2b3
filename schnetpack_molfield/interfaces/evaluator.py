"""Energy, forces and virial of one system, in the units of the engine that moves its atoms."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from schnetpack import properties

from schnetpack_molfield.interfaces.ase import MolFieldCalculator
from schnetpack_molfield.sample_checks import check_sample, element_mask

__all__ = ["EngineUnits", "Evaluation", "Evaluator"]


@dataclass(frozen=True)
class EngineUnits:
    """Units of an engine.

    Attributes:
        energy: eV per unit of energy.
        length: Angstrom per unit of length.
    """

    energy: float = 1.0
    length: float = 1.0


class Evaluation(NamedTuple):
    """What an engine needs to move atoms and cell, in its own units.

    Attributes:
        energy: total energy.
        forces: shape (n_atoms, 3).
        virial: shape (3, 3), the negative derivative of the energy by strain; positive on the
            diagonal where the system would like to expand. Zero where there is no volume.
    """

    energy: float
    forces: np.ndarray
    virial: np.ndarray


class Evaluator:
    """Evaluates a potential for one composition, by the path of `MolFieldCalculator`.

    Args:
        model: what `MolFieldCalculator` takes, or such a calculator, which is copied.
        numbers: atomic numbers, shape (n_atoms,).
        pbc: whether the system is periodic, along all vectors or along each.
        units: those of the engine.
        **options: of `MolFieldCalculator`, for example `compile=True`.

    Raises:
        ValueError: if the model doesn't know an element, or can't do periodic systems. Further
            errors are those of `MolFieldCalculator`.
    """

    def __init__(
        self,
        model: Any,
        numbers: Sequence[int] | np.ndarray,
        pbc: bool | Sequence[bool] = False,
        units: EngineUnits | None = None,
        **options: Any,
    ) -> None:
        is_calculator = isinstance(model, MolFieldCalculator)
        calculator = deepcopy(model) if is_calculator else MolFieldCalculator(model, **options)
        if is_calculator and options:
            raise TypeError(f"{', '.join(options)}: options belong to the calculator that is given")
        self.units = units or EngineUnits()
        self.atoms = Atoms(np.asarray(numbers), cell=np.eye(3), pbc=pbc)
        _check_composition(self.atoms, calculator)
        self.atoms.calc = calculator

    def __call__(self, positions: np.ndarray, cell: np.ndarray | None = None) -> Evaluation:
        """Evaluate one structure.

        Args:
            positions: shape (n_atoms, 3), in the engine's unit of length.
            cell: shape (3, 3), one vector in each row; needed where the system is periodic.
        """
        if cell is not None:
            self.atoms.set_cell(np.asarray(cell) * self.units.length)
        self.atoms.set_positions(np.asarray(positions) * self.units.length)
        self.atoms.get_potential_energy()
        results = self.atoms.calc.results
        virial = np.zeros((3, 3))
        if "stress" in results:
            stress = voigt_6_to_full_3x3_stress(results["stress"])
            virial = -stress * self.atoms.get_volume()  # (3, 3) in eV
        return Evaluation(
            float(results["energy"]) / self.units.energy,
            results["forces"] * (self.units.length / self.units.energy),
            virial / self.units.energy,
        )


def _check_composition(atoms: Atoms, calculator: MolFieldCalculator) -> None:
    """Raise what the first evaluation would, before an engine starts."""
    settings = calculator.settings
    sample = {
        properties.Z: torch.as_tensor(atoms.numbers),
        properties.R: torch.zeros(len(atoms), 3),
        properties.cell: torch.eye(3),
        properties.pbc: torch.as_tensor(atoms.pbc),
    }
    check_sample(sample, element_mask(settings.elements), allow_periodic=settings.periodic)
