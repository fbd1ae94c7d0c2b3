"""A trained model in `spkmd`, SchNetPack's own molecular dynamics."""

import torch
from schnetpack.md import System
from schnetpack.md.calculators import SchNetPackCalculator
from schnetpack.md.utils import activate_model_stress
from schnetpack.model import AtomisticModel

from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.nn import right_handed

__all__ = ["SpkmdCalculator"]


class SpkmdCalculator(SchNetPackCalculator):
    """SchNetPack's calculator, made fit for constant pressure.

    - A left-handed cell has a negative volume in SchNetPack: its pressure changes sign, and the
      barostat drives the box away from the pressure it should keep. The cell is made right-handed
      before the first step.
    - The stress comes out of the derivative transposed in memory, where SchNetPack's loggers fail.
    - Models are read from files without code, too.

    Takes the arguments of `schnetpack.md.calculators.SchNetPackCalculator`.
    """

    def calculate(self, system: System) -> None:
        """Evaluate the model and update forces, energy and stress of the system."""
        cells = right_handed(system.cells.flatten(0, 1))  # (n_replicas * n_molecules, 3, 3)
        system.cells = cells.view_as(system.cells)
        super().calculate(system)

    def _load_model(self, model_file: str) -> AtomisticModel:
        model = load_model_file(model_file).to(torch.float64)
        if self.stress_key is not None:
            model = activate_model_stress(model, self.stress_key)
        if self.script_model:
            model = torch.jit.script(model)
        return self._deactivate_postprocessing(model)

    def _set_system_stress(self, system: System) -> None:
        super()._set_system_stress(system)
        system.stress = system.stress.contiguous()
