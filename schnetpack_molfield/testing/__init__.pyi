"""The promises of this package as an importable contract for any SchNetPack representation."""

from .contract import RepresentationContract as RepresentationContract
from .molecules import MOLECULES as MOLECULES
from .molecules import molecule as molecule
from .paths import PATHS as PATHS
from .potential import Outputs as Outputs
from .potential import Potential as Potential
from .promises import (
    CAPABILITIES as CAPABILITIES,
)
from .promises import (
    PROMISES as PROMISES,
)
from .promises import (
    Measurement as Measurement,
)
from .promises import (
    Promise as Promise,
)
from .validation import validate_representation as validate_representation
