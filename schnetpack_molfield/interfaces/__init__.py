"""Doors to other programs: the Atomic Simulation Environment, engines of dynamics and PyG."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
