"""Molecules as continuous functions of space: implicit neural fields for SchNetPack.

Packages here import their modules on first use (their names stand in `__init__.pyi`), so that
configurations are read and mistakes on the command line answered without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.2.0"
