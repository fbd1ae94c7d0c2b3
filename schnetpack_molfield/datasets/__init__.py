"""Data sets as SchNetPack data modules, and the way from files to databases."""

from schnetpack_molfield.datasets.checked import (
    AtomsDatabase,
    CheckedData,
    DataError,
    Structures,
)
from schnetpack_molfield.datasets.choice import Request
from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.densities import ElectronDensities
from schnetpack_molfield.datasets.frames import Frame, FrameSource, check_frame
from schnetpack_molfield.datasets.md17 import MD17, rMD17
from schnetpack_molfield.datasets.qm9 import QM9, QM9Sample
from schnetpack_molfield.datasets.sources import read_archive, read_frames, read_structures
from schnetpack_molfield.datasets.trajectory import EveryNthFrame, TrajectoryFrames

__all__ = [
    "MD17",
    "QM9",
    "AtomsDatabase",
    "CheckedData",
    "DataError",
    "ElectronDensities",
    "EveryNthFrame",
    "Frame",
    "FrameSource",
    "QM9Sample",
    "Request",
    "Structures",
    "TrajectoryFrames",
    "check_frame",
    "rMD17",
    "read_archive",
    "read_frames",
    "read_structures",
    "write_database",
]
