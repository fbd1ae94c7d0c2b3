"""Do energies change by the work of the forces? Wrong signs, units, order and single frames."""

from dataclasses import dataclass

import numpy as np

from schnetpack_molfield.datasets.doctor.observations import Observations
from schnetpack_molfield.datasets.doctor.pairs import PairGroup

__all__ = ["WorkTest", "energy_errors", "negated_forces", "work_test"]

#: Longest path, as root mean square of the atoms' displacements in Angstrom.
MAX_LENGTH = 0.35
#: Shorter paths join a structure and its copy.
MIN_LENGTH = 1e-4
#: Longest path that tells the sign of forces, likewise; and how many times better energies have
#: to follow from the other sign: by chance it is up to 3.4 times in samples of real sets.
SIGN_LENGTH, SIGN_RATIO = 0.9, 4.0
#: Fewest paths that say something.
MIN_PAIRS = 6


@dataclass(frozen=True)
class WorkTest:
    """Changes of the energy along paths between near frames, and the work of the forces there.

    For a quadratic potential the mean of both ends' forces gives the work exactly.

    Attributes:
        changes: (n_pairs,) of the energy, in eV.
        work: (n_pairs,) minus the forces' mean times the path, in eV.
        lengths: (n_pairs,) root mean square of the atoms' displacements, in Angstrom.
    """

    changes: np.ndarray
    work: np.ndarray
    lengths: np.ndarray

    @property
    def slope(self) -> float:
        """Change per work, the one with the smallest sum of errors: a weighted median."""
        ratios = self.changes / self.work
        order = np.argsort(ratios)
        weights = np.cumsum(np.abs(self.work[order]))
        return float(ratios[order][np.searchsorted(weights, weights[-1] / 2)])

    @property
    def misfit(self) -> float:
        """Median error of slope times work, in units of the median change; one: no relation."""
        typical = np.median(np.abs(self.changes))
        return float(np.median(np.abs(self.changes - self.slope * self.work)) / max(typical, 1e-12))


def work_test(
    observed: Observations,
    groups: list[PairGroup],
    energy_shift: int = 0,
    forces_shift: int = 0,
) -> WorkTest | None:
    """Compare along the shortest paths; None if there are too few.

    Args:
        observed: frames with energies and forces.
        groups: pairs of near frames.
        energy_shift: take the energy of the frame that is so many frames later in the set.
        forces_shift: likewise the forces.
    """
    parts = [_compare(observed, group, energy_shift, forces_shift) for group in groups]
    changes, work, lengths = (np.concatenate(part) for part in zip(*parts, strict=True))
    useful = (lengths > MIN_LENGTH) & (lengths < MAX_LENGTH) & np.isfinite(changes + work)
    useful &= work != 0
    if useful.sum() < MIN_PAIRS:
        return None
    useful &= lengths <= max(np.quantile(lengths[useful], 0.3), np.sort(lengths[useful])[:30][-1])
    return WorkTest(changes[useful], work[useful], lengths[useful])


def _compare(
    observed: Observations, group: PairGroup, energy_shift: int, forces_shift: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changes, work and lengths (n_pairs,) of all pairs whose shifted labels are in the group."""
    assert observed.energy is not None
    members = np.unique(group.first)
    known = np.ones(len(group.first), dtype=bool)
    for shift in (energy_shift, forces_shift):
        known &= np.isin(group.first + shift, members) & np.isin(group.second + shift, members)
    first, second = group.first[known], group.second[known]
    changes = observed.energy[second + energy_shift] - observed.energy[first + energy_shift]
    work = path_work(observed, first + forces_shift, second + forces_shift, group, known)
    return changes, work, group.lengths[known]


def path_work(
    observed: Observations,
    first: np.ndarray,
    second: np.ndarray,
    group: PairGroup,
    known: np.ndarray,
) -> np.ndarray:
    """Work (n_pairs,) in eV against the forces of frames `first` and `second` along the paths."""
    assert observed.forces is not None
    if not len(first):
        return np.zeros(0)
    start = np.stack([observed.forces[frame] for frame in first])  # (n_pairs, n_atoms, 3)
    end = np.stack([observed.forces[frame] for frame in second])
    end = np.einsum("pai,pij->paj", end, group.turns[known])
    return -0.5 * np.einsum("pai,pai->p", start + end, group.moves[known])


def negated_forces(observed: Observations, groups: list[PairGroup]) -> np.ndarray:
    """Numbers of the frames whose own forces have the wrong sign, (n,).

    The energies of three or more near frames follow from the work of the frame's forces only if
    these are multiplied by -1. Paths may be longer than where the work is exact.
    """
    assert observed.forces is not None
    errors, negated = np.zeros((2, len(observed)))
    count = np.zeros(len(observed))
    for group in groups:
        changes, work, lengths = _compare(observed, group, 0, 0)
        forces = np.stack([observed.forces[frame] for frame in group.first])
        own = -np.einsum("pai,pai->p", forces, group.moves)  # (n_pairs,)
        useful = (lengths > MIN_LENGTH) & (lengths < SIGN_LENGTH) & np.isfinite(changes + work)
        owner = group.first[useful]
        np.add.at(errors, owner, np.square(changes - work)[useful])
        np.add.at(negated, owner, np.square(changes - work + own)[useful])
        np.add.at(count, owner, 1)
    return np.flatnonzero((count >= 3) & (errors > SIGN_RATIO**2 * negated))


def energy_errors(
    observed: Observations, groups: list[PairGroup]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the energy of a frame is from what its nearest frames and the forces say.

    Neighbours count by the inverse square of their distance.

    Returns:
        Numbers of the frames with three or more near neighbours (n,); the error in eV, positive
        where the energy is too low (n,); its size in units of how far the neighbours disagree
        plus what is usual for paths of that length (n,).
    """
    parts = [_compare(observed, group, 0, 0) for group in groups]
    changes, work, lengths = (np.concatenate(part) for part in zip(*parts, strict=True))
    near = (lengths > MIN_LENGTH) & (lengths < MAX_LENGTH) & np.isfinite(changes + work)
    owner = np.concatenate([group.first for group in groups])[near]
    errors, lengths = (work - changes)[near], lengths[near]

    def mean(values: np.ndarray) -> np.ndarray:
        weights = np.bincount(owner, lengths**-2, len(observed))
        sums = np.bincount(owner, values * lengths**-2, len(observed))
        return sums / np.where(weights > 0, weights, 1)  # (n_frames,)

    error, length = mean(errors), mean(lengths)
    frames = np.flatnonzero(np.bincount(owner, minlength=len(observed)) >= 3)
    spread = np.sqrt(mean(np.square(errors - error[owner])))[frames]
    error, cubes = error[frames], length[frames] ** 3
    usual = np.median(np.abs(error) / cubes) if len(frames) else 0.0
    return frames, error, np.abs(error) / (spread + usual * cubes + 1e-9)
