"""`MLPotential("molfield", model=...)`: a trained model in OpenMM-ML, for whole and mixed systems.

OpenMM-ML finds the factory by the entry point `openmmml.potentials`, and imports this module with
itself: so nothing heavy is imported here, and nothing of OpenMM-ML, whose classes these would
derive from.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openmm import System
    from openmm.app import Topology

    from schnetpack_molfield.interfaces.ase import MolFieldCalculator

__all__ = ["MolFieldPotential", "MolFieldPotentialFactory"]


class MolFieldPotentialFactory:
    """Makes the potential that OpenMM-ML calls `molfield`."""

    def createImpl(self, name: str, **options: Any) -> "MolFieldPotential":
        """The potential.

        Args:
            name: under which OpenMM-ML knows it.
            **options: of `MolFieldCalculator`; `model` is by default the file `best_model`.

        Raises:
            FileNotFoundError: if there is no such model. Further errors are those of
                `MolFieldCalculator`.
        """
        from schnetpack_molfield.interfaces.ase import MolFieldCalculator

        return MolFieldPotential(MolFieldCalculator(**options))


class MolFieldPotential:
    """A potential of OpenMM-ML.

    Args:
        calculator: of the model.
    """

    def __init__(self, calculator: "MolFieldCalculator") -> None:
        self.calculator = calculator

    def addForces(
        self,
        topology: "Topology",
        system: "System",
        atoms: Iterable[int] | None,
        forceGroup: int,
        periodic: bool | None = None,
        **_: Any,
    ) -> None:
        """Add the model's force to a system.

        Args:
            topology: of the system.
            system: which gets the force.
            atoms: those the model describes; None for all.
            forceGroup: of the force.
            periodic: whether these atoms see their images; None where the system has a box. A
                molecule in a box of water needs none, and `charts="molecule"` can't have any.

        Raises:
            ValueError: if an atom is no element, or an element that the model doesn't know, or if
                the model can't do periodic systems.
        """
        from schnetpack_molfield.interfaces.openmm import molfield_force

        members = list(topology.atoms())
        particles = None if atoms is None else list(atoms)
        chosen = members if particles is None else [members[index] for index in particles]
        for atom in chosen:
            if atom.element is None:
                raise ValueError(f"{atom} is no element: a model describes atoms only")
        numbers = [atom.element.atomic_number for atom in chosen]
        if periodic is None:
            has_box = topology.getPeriodicBoxVectors() is not None
            periodic = has_box or system.usesPeriodicBoundaryConditions()
        force = molfield_force(self.calculator, numbers, particles, periodic)
        force.setForceGroup(forceGroup)
        system.addForce(force)

    def getSupportedEmbeddings(self) -> list[str]:
        """No embedding of its own: OpenMM-ML's mechanical one works."""
        return []

    def getMLLongRange(self) -> bool:
        """Whether the model sees charges beyond its cutoff: it doesn't."""
        return False
