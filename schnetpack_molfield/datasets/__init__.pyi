"""Data sets as SchNetPack data modules, and the way from files to databases."""

from .checked import (
    AtomsDatabase as AtomsDatabase,
    CheckedData as CheckedData,
    DataError as DataError,
    Structures as Structures,
)
from .choice import Request as Request
from .database import write_database as write_database
from .densities import ElectronDensities as ElectronDensities
from .ethanol import EthanolSample as EthanolSample
from .frames import Frame as Frame, FrameSource as FrameSource, check_frame as check_frame
from .md17 import MD17 as MD17, rMD17 as rMD17
from .qm9 import QM9 as QM9, QM9Sample as QM9Sample
from .sources import (
    read_archive as read_archive,
    read_frames as read_frames,
    read_structures as read_structures,
)
from .trajectory import EveryNthFrame as EveryNthFrame, TrajectoryFrames as TrajectoryFrames
