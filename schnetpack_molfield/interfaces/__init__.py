"""Doors to other programs: the Atomic Simulation Environment and PyG."""

from schnetpack_molfield.interfaces.ase import MolFieldCalculator
from schnetpack_molfield.interfaces.pyg import from_pyg, to_pyg

__all__ = ["MolFieldCalculator", "from_pyg", "to_pyg"]
