"""Fields: functions of space that belong to molecules, exact ones and any others."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
