"""Data sets as SchNetPack data modules, and the way from files to databases."""

from .archives import read_archive as read_archive
from .checked import (
    AtomsDatabase as AtomsDatabase,
)
from .checked import (
    CheckedData as CheckedData,
)
from .checked import (
    DataError as DataError,
)
from .checked import (
    Structures as Structures,
)
from .database import write_database as write_database
from .densities import ElectronDensities as ElectronDensities
from .frames import Frame as Frame
from .frames import FrameSource as FrameSource
from .frames import check_frame as check_frame
from .md17 import MD17 as MD17
from .md17 import rMD17 as rMD17
from .qm9 import QM9 as QM9
from .qm9 import QM9Sample as QM9Sample
from .structures import read_structures as read_structures
from .trajectory import EveryNthFrame as EveryNthFrame
from .trajectory import TrajectoryFrames as TrajectoryFrames
