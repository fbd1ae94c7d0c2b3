"""Molecules as continuous functions of space: implicit neural fields for SchNetPack."""

from .fields import MolecularField as MolecularField
from .interfaces import MolFieldCalculator as MolFieldCalculator
from .representation import MolField as MolField

__version__: str
