"""Labels that are there but say nothing: zeros, and one number for all."""

import numpy as np

from schnetpack_molfield.datasets.doctor.findings import Diagnosis, list_frames
from schnetpack_molfield.datasets.doctor.observations import Observations
from schnetpack_molfield.datasets.doctor.outliers import largest_forces

__all__ = ["check_missing"]


def check_missing(observed: Observations, diagnosis: Diagnosis) -> None:
    """Warn of labels that are zero everywhere or in some frames, or the same everywhere."""
    if observed.energy is not None:
        _zeros(observed, diagnosis, "energies", np.abs(observed.energy))
        if len(observed) > 1 and np.ptp(observed.energy) == 0 and observed.energy[0]:
            diagnosis.warn("missing", f"all {len(observed)} energies are {observed.energy[0]:g} eV")
    if observed.forces is not None:
        forces = largest_forces(observed)
        alone = np.array([len(atoms) == 1 for atoms in observed.frames])
        _zeros(observed, diagnosis, "forces", np.where(alone, np.nan, forces))


def _zeros(observed: Observations, diagnosis: Diagnosis, name: str, sizes: np.ndarray) -> None:
    """Warn where the size of a label (n_frames,) is exactly zero; NaN isn't judged."""
    zero = np.flatnonzero(sizes == 0)
    if len(zero) and len(zero) == np.isfinite(sizes).sum():
        diagnosis.warn("missing", f"all {name} are 0")
    elif len(zero) > (name == "forces"):  # one frame may be a minimum
        diagnosis.warn(
            "missing",
            f"{name} are exactly 0 in {len(zero)} of {len(sizes)} frames "
            f"({list_frames(observed, zero)}): labels that aren't available",
            zero.tolist(),
        )
