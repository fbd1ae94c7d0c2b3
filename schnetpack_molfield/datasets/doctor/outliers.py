"""Frames that are far away from all others in energy, force, or the distances of their atoms."""

import numpy as np

from schnetpack_molfield.datasets.doctor.bonds import closest_ratios
from schnetpack_molfield.datasets.doctor.findings import Diagnosis, list_frames
from schnetpack_molfield.datasets.doctor.observations import Observations

__all__ = ["check_outliers", "composition_fit", "far_out", "largest_forces"]

#: An outlier is this many times farther out than the middle nine tenths are wide ...
FAR = 3.0
#: ... and as much farther again than all that aren't outliers.
GAP = 0.5
#: Fewest frames that make a distribution, and the largest part of them that may be outliers.
N_FRAMES, PART = 10, 0.02
#: Closest distance, in units of the sum of covalent radii, of atoms on top of each other.
CLOSE = 0.5


def check_outliers(observed: Observations, diagnosis: Diagnosis) -> None:
    """Warn of frames that stand apart in the distances of atoms, in forces or in energy."""
    nearest, _, loneliest = closest_ratios(observed).T
    crowded = np.flatnonzero(nearest < CLOSE)
    diagnosis.numbers["closest distance per sum of covalent radii"] = float(
        np.nanmin(nearest, initial=np.inf)
    )
    if len(crowded):
        diagnosis.warn(
            "outlier",
            f"{list_frames(observed, crowded)}: atoms are closer than half a bond "
            f"({np.nanmin(nearest):.2f} of the sum of their covalent radii)",
            crowded.tolist(),
        )
    text = "an atom is {:.2f} times as far from its closest one as a bond is long, usual is {:.2f}"
    _warn(observed, diagnosis, loneliest, text, floor=0.1, low=False)
    if observed.forces is not None:
        values = diagnosis.curves["largest force"] = largest_forces(observed)
        text = "a force of {:.3g} eV/Angstrom on an atom, usual is {:.3g}"
        _warn(observed, diagnosis, values, text, floor=0.1, low=False)
    if observed.energy is not None:
        values = diagnosis.curves["energy"] = composition_fit(observed)
        values = values - np.nanmedian(values)
        _warn(observed, diagnosis, values, "an energy {:+.3g} eV away from the others", floor=0.01)


def _warn(
    observed: Observations,
    diagnosis: Diagnosis,
    values: np.ndarray,
    text: str,
    floor: float,
    low: bool = True,
) -> None:
    """Warn of values that stand apart, in frames that aren't named yet."""
    apart = [
        frame for frame in far_out(values, floor, low).tolist() if frame not in diagnosis.named
    ]
    if apart:
        typical = float(np.nanmedian(values))
        worst = max(values[apart], key=lambda value: abs(value - typical))
        message = f"{list_frames(observed, apart)}: {text.format(worst, typical)}"
        diagnosis.warn("outlier", message, apart)


def far_out(values: np.ndarray, floor: float = 0.0, low: bool = True) -> np.ndarray:
    """Numbers of the values that stand apart from all others, farthest first.

    Args:
        values: (n_values,), NaN where there is none.
        floor: the smallest width of a distribution that counts.
        low: look among small values, too.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < N_FRAMES:
        return np.zeros(0, dtype=int)
    lower, upper = np.quantile(values[known], [0.05, 0.95])
    width = max(upper - lower, floor, 1e-12)
    beyond = np.maximum(values[known] - upper, (lower - values[known]) if low else -np.inf) / width
    order = np.argsort(-beyond)
    most = max(2, int(PART * len(known)))
    top = np.maximum(beyond[order[: most + 1]], 0)
    gaps = top[:-1] - top[1:]
    apart = np.flatnonzero((top[:-1] > FAR) & (gaps > GAP * np.maximum(top[1:], FAR)))
    count = apart[-1] + 1 if len(apart) else 0
    return known[order[:count]]


def composition_fit(observed: Observations) -> np.ndarray:
    """Energies (n_frames,) in eV less what the numbers of atoms of each element explain."""
    assert observed.energy is not None
    elements = np.unique(np.concatenate([atoms.numbers for atoms in observed.frames]))
    counts = np.stack([(a.numbers[:, None] == elements).sum(axis=0) for a in observed.frames])
    known = np.isfinite(observed.energy)
    compositions = np.unique(counts[known], axis=0)
    if len(compositions) == 1:
        return observed.energy - np.median(observed.energy[known])
    centers = [
        np.median(observed.energy[known & (counts == row).all(axis=1)]) for row in compositions
    ]
    weights, *_ = np.linalg.lstsq(compositions.astype(float), np.array(centers), rcond=None)
    return observed.energy - counts @ weights


def largest_forces(observed: Observations) -> np.ndarray:
    """Length of the largest force on an atom (n_frames,), in eV/Angstrom."""
    assert observed.forces is not None
    return np.array([np.linalg.norm(f, axis=1).max() for f in observed.forces])
