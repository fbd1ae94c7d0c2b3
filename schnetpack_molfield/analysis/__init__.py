"""What was learned, and how far apart two surfaces are: measures and pictures for people."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
