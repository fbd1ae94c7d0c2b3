"""What electron densities are asked for: moments, charges, potentials, starts of calculations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
