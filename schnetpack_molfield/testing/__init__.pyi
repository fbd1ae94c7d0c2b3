"""The promises of this package as an importable contract for any SchNetPack representation."""

from .contract import RepresentationContract as RepresentationContract
from .molecules import MOLECULES as MOLECULES, molecule as molecule
from .paths import PATHS as PATHS
from .potential import Outputs as Outputs, Potential as Potential
from .promises import (
    CAPABILITIES as CAPABILITIES,
    PROMISES as PROMISES,
    Measurement as Measurement,
    Promise as Promise,
)
from .validation import validate_representation as validate_representation
