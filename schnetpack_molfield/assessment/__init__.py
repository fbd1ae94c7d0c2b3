"""How good molecules are, whoever made them: stability, validity, novelty, strain, properties."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
