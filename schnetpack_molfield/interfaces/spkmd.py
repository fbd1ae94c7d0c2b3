"""A trained model in `spkmd`, SchNetPack's own molecular dynamics."""

from schnetpack.md import System
from schnetpack.md.calculators import SchNetPackCalculator

from schnetpack_molfield.nn import right_handed

__all__ = ["SpkmdCalculator"]


class SpkmdCalculator(SchNetPackCalculator):
    """SchNetPack's calculator, made fit for constant pressure.

    - A left-handed cell has a negative volume in SchNetPack: its pressure changes sign, and the
      barostat drives the box away from the pressure it should keep. The cell is made right-handed
      before the first step.
    - The stress comes out of the derivative transposed in memory, where SchNetPack's loggers fail.

    Takes the arguments of `schnetpack.md.calculators.SchNetPackCalculator`.
    """

    def calculate(self, system: System) -> None:
        """Evaluate the model and update forces, energy and stress of the system."""
        cells = right_handed(system.cells.flatten(0, 1))  # (n_replicas * n_molecules, 3, 3)
        system.cells = cells.view_as(system.cells)
        super().calculate(system)

    def _set_system_stress(self, system: System) -> None:
        super()._set_system_stress(system)
        system.stress = system.stress.contiguous()
