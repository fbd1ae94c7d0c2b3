"""A trained model as a driver of i-PI, for path-integral and other dynamics.

i-PI runs this file by its path, which `python -m schnetpack_molfield.interfaces.ipi_driver` prints:
`<pes>custom</pes><pes_path>...</pes_path>` in its input, or `i-pi-py_driver -m custom -P ...`.
"""

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ipi.pes.dummy import Dummy_driver
from ipi.utils.units import unit_to_user

from schnetpack_molfield.checks import check_readable
from schnetpack_molfield.interfaces.evaluator import EngineUnits, Evaluator

__DRIVER_NAME__ = "molfield"
__DRIVER_CLASS__ = "MolFieldDriver"

__all__ = ["MolFieldDriver"]


class MolFieldDriver(Dummy_driver):
    """Energy, forces and virial of a structure, in atomic units.

    i-PI's own driver for ASE asks every calculator for a stress, which a molecule doesn't have.

    Args:
        template: file with the atoms in the order of the simulation; its positions aren't used.
        model: what `MolFieldCalculator` takes.
        periodic: whether the structure is periodic. None takes it from the template, but for
            i-PI's own files, whose cell ASE doesn't read.
        verbose: i-PI's; so is `verbosity`.
        verbosity: see there.
        **options: of `MolFieldCalculator`, for example `compile`.

    Raises:
        FileNotFoundError: if there is no template or no model.
        ValueError: if it isn't said whether a file of i-PI's is periodic, if the model doesn't know
            an element, or can't do periodic systems. Further errors are those of
            `MolFieldCalculator`.
    """

    def __init__(
        self,
        template: str,
        model: str = "best_model",
        periodic: bool | None = None,
        verbose: bool = False,
        verbosity: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(verbose)
        check_readable(Path(template))
        atoms = ase.io.read(template, index=-1)
        assert isinstance(atoms, ase.Atoms)
        if periodic is None:
            periodic = _is_periodic(atoms, template)
        units = EngineUnits(
            energy=unit_to_user("energy", "electronvolt", 1.0),
            length=unit_to_user("length", "angstrom", 1.0),
        )
        self.evaluator = Evaluator(model, atoms.numbers, periodic, units, **options)

    def compute_structure(
        self, cell: np.ndarray, pos: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, str]:
        """Energy, forces (n_atoms, 3), virial (3, 3) and nothing further of a structure.

        Args:
            cell: shape (3, 3), vectors in columns.
            pos: positions, shape (n_atoms, 3).

        Raises:
            ValueError: if the structure has another number of atoms than the template.
        """
        if pos.shape != (n_atoms := len(self.evaluator.atoms), 3):
            raise ValueError(f"i-PI sends {len(pos)} atoms, but the template has {n_atoms}")
        # i-PI sends a cell for a molecule, too
        periodic = self.evaluator.atoms.pbc.any()
        return *self.evaluator(pos, cell.T if periodic else None), ""


def _is_periodic(atoms: ase.Atoms, template: str) -> bool:
    if not atoms.pbc.any() and "CELL" in Path(template).read_text(errors="ignore"):
        raise ValueError(
            f"{template} is one of i-PI's files, whose cell isn't read here: add periodic=true or "
            "periodic=false to the parameters"
        )
    return bool(atoms.pbc.any())


if __name__ == "__main__":
    print(Path(__file__).resolve())
