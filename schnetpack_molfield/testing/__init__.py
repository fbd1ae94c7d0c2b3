"""The promises of this package as an importable contract for any SchNetPack representation.

`RepresentationContract` is a pytest class to subclass, `validate_representation` the same as a
function. The structures and paths they use are public too. Importing this needs pytest.
"""

from schnetpack_molfield.testing.contract import RepresentationContract, validate_representation
from schnetpack_molfield.testing.molecules import MOLECULES, molecule
from schnetpack_molfield.testing.paths import PATHS
from schnetpack_molfield.testing.potential import Outputs, Potential
from schnetpack_molfield.testing.promises import CAPABILITIES, PROMISES, Measurement, Promise

__all__ = [
    "CAPABILITIES",
    "MOLECULES",
    "PATHS",
    "PROMISES",
    "Measurement",
    "Outputs",
    "Potential",
    "Promise",
    "RepresentationContract",
    "molecule",
    "validate_representation",
]
