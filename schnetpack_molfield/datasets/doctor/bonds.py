"""Yardsticks that hold for nearly all matter: how long bonds are, how stiff bonds to hydrogen."""

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from schnetpack_molfield.datasets.doctor.boxes import nearest_image
from schnetpack_molfield.datasets.doctor.observations import Observations

__all__ = ["bond_stiffness", "closest_ratios", "total_energy_estimate"]

#: Usual force constants of bonds from hydrogen to another element, in eV/Angstrom^2.
STIFFNESS = {6: 31.0, 7: 40.0, 8: 48.0}
OTHER_STIFFNESS = 25.0
#: How far a bond may be from its median length to count, in Angstrom.
STRETCH = 0.12
#: Correlation of force and length from which on there is a force constant.
RELATED = 0.3
#: Most frames of a group, and most atoms of a frame, that are measured.
N_FRAMES, N_ATOMS = 500, 400


def closest_ratios(observed: Observations, frames: np.ndarray | None = None) -> np.ndarray:
    """Shortest and longest way from an atom to its closest one, per sum of covalent radii.

    Args:
        observed: the structures; of very large ones the first atoms are looked at.
        frames: which; all if None.

    Returns:
        Smallest, median and largest of all atoms, (n_frames, 3); NaN for a single atom.
    """
    wanted = np.arange(len(observed)) if frames is None else frames
    looked_at = np.zeros(len(observed), dtype=bool)
    looked_at[wanted] = True
    ratios = np.full((len(observed), 3), np.nan)
    for members in observed.groups:
        chosen = members[looked_at[members]]
        n_atoms = len(observed.frames[members[0]])
        if n_atoms > 1 and len(chosen):
            for part in np.array_split(
                chosen, len(chosen) * min(n_atoms, N_ATOMS) ** 2 // 10**6 + 1
            ):
                ratios[part] = _closest(observed, part)
    return ratios[wanted]


def _closest(observed: Observations, members: np.ndarray) -> np.ndarray:
    """Smallest, median and largest of the closest distances in each of these frames (n, 3)."""
    radii = covalent_radii[observed.frames[members[0]].numbers[:N_ATOMS]]
    positions = np.stack([observed.frames[m].positions[:N_ATOMS] for m in members])
    vectors = _images(observed, members, positions[:, :, None] - positions[:, None])
    ratios = np.linalg.norm(vectors, axis=-1) / (radii[:, None] + radii)  # (n, n_atoms, n_atoms)
    ratios[:, np.arange(len(radii)), np.arange(len(radii))] = np.inf
    closest = ratios.min(axis=2)
    return np.stack([closest.min(axis=1), np.median(closest, axis=1), closest.max(axis=1)], axis=1)


def _images(observed: Observations, members: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Shortest images of vectors (n_frames, ..., 3), each in the box of its frame."""
    if not observed.frames[members[0]].pbc.any():
        return vectors
    return np.stack(
        [nearest_image(v, observed.frames[m]) for v, m in zip(vectors, members, strict=True)]
    )


def bond_stiffness(observed: Observations) -> float | None:
    """Force constants of bonds to hydrogen in units of what is usual: their median.

    The force along a bond falls with its length; how fast is known within a factor of two,
    whatever the method. None without forces, or without bonds that vibrate.
    """
    if observed.forces is None:
        return None
    ratios = [
        ratio
        for members in observed.groups
        if len(members) >= 5
        for ratio in _group_stiffness(observed, _spread(members, N_FRAMES))
    ]
    return float(np.median(ratios)) if ratios else None


def _spread(members: np.ndarray, most: int) -> np.ndarray:
    return members[np.unique(np.linspace(0, len(members) - 1, most).astype(int))]


def _group_stiffness(observed: Observations, members: np.ndarray) -> list[float]:
    """Of every bond to hydrogen in frames with the same atoms."""
    assert observed.forces is not None
    ratios = []
    positions = np.stack([observed.frames[m].positions for m in members])  # (n, n_atoms, 3)
    for hydrogen, other in _hydrogen_bonds(observed.frames[members[0]]):
        bonds = _images(observed, members, positions[:, hydrogen] - positions[:, other])
        forces = np.stack([observed.forces[m][hydrogen] for m in members])  # (n_frames, 3)
        lengths = np.linalg.norm(bonds, axis=1)
        along = np.einsum("fi,fi->f", forces, bonds) / lengths
        stiffness = _slope(lengths, -along)
        if stiffness is not None:
            number = int(observed.frames[members[0]].numbers[other])
            ratios.append(stiffness / STIFFNESS.get(number, OTHER_STIFFNESS))
    return ratios


def _hydrogen_bonds(atoms: Atoms, most: int = 30) -> list[tuple[int, int]]:
    """Hydrogens with exactly one atom at bonding distance, and that atom."""
    hydrogens = np.flatnonzero(atoms.numbers == 1)[:most]
    bonds = []
    for hydrogen in hydrogens:
        vectors = nearest_image(atoms.positions - atoms.positions[hydrogen], atoms)
        distances = np.linalg.norm(vectors, axis=1)
        radii = covalent_radii[atoms.numbers] + covalent_radii[1]
        near = np.flatnonzero((distances < 1.3 * radii) & (np.arange(len(atoms)) != hydrogen))
        if len(near) == 1 and atoms.numbers[near[0]] != 1:
            bonds.append((int(hydrogen), int(near[0])))
    return bonds


def _slope(x: np.ndarray, y: np.ndarray) -> float | None:
    """Slope of y against x near the median of x; None if x hardly varies or y doesn't follow."""
    near = (np.abs(x - np.median(x)) < STRETCH) & np.isfinite(y)
    x, y = x[near], y[near]
    if len(x) < 5 or np.std(x) < 1e-4:
        return None
    x, y = x - x.mean(), y - y.mean()
    covariance, spreads = (x * y).sum(), np.sqrt((x * x).sum() * (y * y).sum())
    return float(covariance / (x * x).sum()) if abs(covariance) > RELATED * spreads else None


def total_energy_estimate(numbers: np.ndarray) -> float:
    """Total energy of atoms with all their electrons, in eV, within about one percent.

    The series of Schwinger, Phys. Rev. A 24, 2353 (1981), for neutral atoms.
    """
    z = numbers.astype(float)
    series = -0.768745 * z ** (7 / 3) + 0.5 * z**2 - 0.269900 * z ** (5 / 3)
    return float(series.sum() * 27.211386245988)
