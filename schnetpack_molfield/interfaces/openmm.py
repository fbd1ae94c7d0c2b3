"""A trained model as a force of OpenMM, for all particles of a system or for some of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.interfaces.evaluator import EngineUnits, Evaluator

if TYPE_CHECKING:
    from openmm import PythonForce, State

__all__ = ["molfield_force"]

OPENMM_UNITS = EngineUnits(energy=units.kJ / units.mol, length=units.nm)


def molfield_force(
    model: Any,
    numbers: Sequence[int] | np.ndarray,
    particles: Sequence[int] | None = None,
    periodic: bool = False,
    **options: Any,
) -> "PythonForce":
    """Make a force that is added to an `openmm.System`: `system.addForce(molfield_force(...))`.

    It runs on every platform, and can be saved with the system by OpenMM's `XmlSerializer`. A
    periodic one follows a barostat.

    Args:
        model: what `MolFieldCalculator` takes.
        numbers: atomic numbers of the particles that the force acts on, in their order.
        particles: their indices in the system; None for all.
        periodic: whether they see their periodic images.
        **options: of `MolFieldCalculator`, for example `compile=True` or `device="cuda"`.

    Raises:
        ImportError: if OpenMM 8.4 or newer isn't installed.
        ValueError: if there aren't as many indices as numbers, or the model doesn't know an element
            or can't do periodic systems. Further errors are those of `MolFieldCalculator`.
    """
    openmm = optional_import("openmm", "openmm")
    if not hasattr(openmm, "PythonForce"):
        raise ImportError(
            f"OpenMM {openmm.version.short_version} has no PythonForce; "
            'install 8.4 or newer: pip install "schnetpack-molfield[openmm]"'
        )
    if particles is not None and len(particles) != len(numbers):
        raise ValueError(f"{len(particles)} particles, but {len(numbers)} atomic numbers")
    evaluator = Evaluator(model, numbers, periodic, OPENMM_UNITS, **options)
    force = openmm.PythonForce(_Computation(evaluator))
    force.setName("MolField")
    force.setUsesPeriodicBoundaryConditions(periodic)
    if particles is not None:
        force.setParticles([int(particle) for particle in particles])
    return force


class _Computation:
    """What OpenMM calls: energy in kJ/mol and forces in kJ/mol/nm of a state."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator

    def __call__(self, state: "State") -> tuple[float, np.ndarray]:
        # OpenMM has no box for a force that isn't periodic, and raises when asked for one
        periodic = self.evaluator.atoms.pbc.any()
        cell = _nanometers(state.getPeriodicBoxVectors(asNumpy=True)) if periodic else None
        energy, forces, _ = self.evaluator(_nanometers(state.getPositions(asNumpy=True)), cell)
        return energy, forces


def _nanometers(quantity: Any) -> np.ndarray:
    return quantity.value_in_unit(quantity.unit)
