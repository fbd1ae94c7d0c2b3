"""The promises of this package as an importable contract for any SchNetPack representation.

`RepresentationContract` is a pytest class to subclass, `validate_representation` the same as a
function, which doesn't need pytest. The structures and paths they use are public too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
