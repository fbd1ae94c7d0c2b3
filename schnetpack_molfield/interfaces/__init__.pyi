"""Doors to other programs: the Atomic Simulation Environment, engines of dynamics and PyG."""

from .ase import MolFieldCalculator as MolFieldCalculator
from .ensemble import UncertaintyError as UncertaintyError
from .openmm import molfield_force as molfield_force
from .pyg import from_pyg as from_pyg, to_pyg as to_pyg
