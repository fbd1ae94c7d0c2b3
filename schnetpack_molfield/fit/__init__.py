"""Fits of the field of one molecule, complex or ensemble to samples of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
