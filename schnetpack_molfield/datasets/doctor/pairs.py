"""Pairs of frames that are near each other, superposed: paths along which forces do work."""

from dataclasses import dataclass

import numpy as np

from schnetpack_molfield.datasets.doctor.boxes import full_cell, nearest_image
from schnetpack_molfield.datasets.doctor.observations import Observations

__all__ = ["PairGroup", "near_pairs"]

N_NEIGHBORS = 5
#: How many frames of a group are looked at, in runs of consecutive ones.
N_FRAMES, N_CONSECUTIVE = 2000, 100
#: Numbers kept for all pairs of a group together; larger molecules have fewer frames looked at.
N_NUMBERS = 6_000_000
#: Distances that tell the shapes of molecules apart.
N_DISTANCES = 1000


@dataclass(frozen=True)
class PairGroup:
    """Pairs of frames with the same atoms.

    Attributes:
        first: (n_pairs,) number of the frame a path begins at.
        second: (n_pairs,) number of the one it ends at.
        moves: (n_pairs, n_atoms, 3) how far the atoms move, in Angstrom, overall motion removed.
        turns: (n_pairs, 3, 3) turn row vectors of the second frame into the first one's frame.
    """

    first: np.ndarray
    second: np.ndarray
    moves: np.ndarray
    turns: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(n_pairs,) root mean square of the atoms' displacements, in Angstrom."""
        return np.sqrt(np.square(self.moves).sum(axis=2).mean(axis=1))


def near_pairs(observed: Observations) -> list[PairGroup]:
    """Every frame with its nearest frames of the same atoms, group by group.

    Frames of a periodic group whose cell isn't that of the other are left out.
    """
    groups = [_sample(m, len(observed.frames[m[0]])) for m in observed.groups if len(m) > 1]
    return [_pairs(observed, members) for members in groups]


def _sample(members: np.ndarray, n_atoms: int) -> np.ndarray:
    """Runs of consecutive frames, spread over the group."""
    most = int(np.clip(N_NUMBERS / (3 * N_NEIGHBORS * n_atoms), 50, N_FRAMES))
    if len(members) <= most:
        return members
    runs = np.array_split(members, max(len(members) // N_CONSECUTIVE, 1))
    wanted = max(most // N_CONSECUTIVE, 1)
    chosen = np.linspace(0, len(runs) - 1, wanted).round().astype(int)
    return np.concatenate([runs[run] for run in np.unique(chosen)])


def _pairs(observed: Observations, members: np.ndarray) -> PairGroup:
    positions = np.stack([observed.frames[m].positions for m in members])  # (n, n_atoms, 3)
    periodic = bool(observed.frames[members[0]].pbc.any())
    cells = np.stack([full_cell(observed.frames[m]) for m in members])  # (n, 3, 3)
    shapes = _fractions(positions, cells) if periodic else _distances(positions)
    first, second = _nearest(shapes)
    if periodic:
        same = np.abs(cells[first] - cells[second]).max(axis=(1, 2)) < 1e-3
        first, second = first[same], second[same]
        ways = zip(positions[second] - positions[first], first, strict=True)
        moves = np.stack([nearest_image(way, observed.frames[members[k]]) for way, k in ways])
        moves -= moves.mean(axis=1, keepdims=True)  # without a drift of the whole box
        turns = np.broadcast_to(np.eye(3), (len(first), 3, 3))
    else:
        moves, turns = _superposed(positions[first], positions[second])
    return PairGroup(members[first], members[second], moves, turns)


def _distances(positions: np.ndarray) -> np.ndarray:
    """Distances (n, n_distances) between atoms, of all pairs or of many drawn at random."""
    i, j = np.triu_indices(positions.shape[1], 1)
    if len(i) > N_DISTANCES:
        drawn = np.random.default_rng(0).choice(len(i), N_DISTANCES, replace=False)
        i, j = i[drawn], j[drawn]
    return np.linalg.norm(positions[:, i] - positions[:, j], axis=-1)


def _fractions(positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Places in the box as points on circles (n, 6 n_atoms), which wrapping doesn't change."""
    angles = 2 * np.pi * np.einsum("nai,nij->naj", positions, np.linalg.inv(cells))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=-1).reshape(len(positions), -1)


def _nearest(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of every row and its nearest ones (n_pairs,), nearest in (n, n_numbers)."""
    k = min(N_NEIGHBORS, len(shapes) - 1)
    shapes = shapes - shapes.mean(axis=0)
    squares = np.square(shapes).sum(axis=1)
    gaps = squares[:, None] + squares - 2 * shapes @ shapes.T  # (n, n)
    np.fill_diagonal(gaps, np.inf)
    nearest = np.argpartition(gaps, k - 1, axis=1)[:, :k]
    return np.repeat(np.arange(len(shapes)), k), nearest.ravel()


def _superposed(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacements and rotations that lay `end` on `start` (n_pairs, n_atoms, 3), by Kabsch."""
    start = start - start.mean(axis=1, keepdims=True)
    end = end - end.mean(axis=1, keepdims=True)
    left, _, right = np.linalg.svd(np.einsum("pai,paj->pij", end, start))
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    turns = left @ right
    return np.einsum("pai,pij->paj", end, turns) - start, turns
