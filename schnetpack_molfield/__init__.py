"""Molecules as continuous functions of space: implicit neural fields for SchNetPack."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schnetpack_molfield.fields import MolecularField
    from schnetpack_molfield.interfaces import MolFieldCalculator
    from schnetpack_molfield.representation import MolField

__version__ = "0.1.0"
__all__ = ["MolField", "MolFieldCalculator", "MolecularField", "__version__"]

_HOME = {
    "MolField": "representation",
    "MolFieldCalculator": "interfaces",
    "MolecularField": "fields",
}


def __getattr__(name: str) -> object:
    """Import the public classes on first use, so that reading the configurations stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
