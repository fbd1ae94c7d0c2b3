"""The stress of a frame whose file gives the virial."""

import numpy as np
from ase import Atoms

__all__ = ["stress_of_virial"]


def stress_of_virial(virial: np.ndarray, atoms: Atoms) -> np.ndarray:
    """The stress (1, 3, 3) of a virial (1, 3, 3), in the virial's unit per Angstrom^3.

    QUIP, GPUMD, DeePMD, NequIP and MACE write the virial as -stress * volume; ASE's stress is
    positive where the cell would shrink.

    Raises:
        ValueError: if the frame has no volume.
    """
    volume = abs(np.linalg.det(atoms.cell))
    if not atoms.pbc.all() or volume == 0:
        raise ValueError(
            "it has a virial but isn't periodic in three directions, so there is no volume; "
            "choose other labels with --property"
        )
    return -virial / volume
