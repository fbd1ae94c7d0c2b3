"""Structures that occur twice, and labels that belong to another structure."""

from collections import defaultdict

import numpy as np

from schnetpack_molfield.datasets.doctor.findings import Diagnosis, list_frames
from schnetpack_molfield.datasets.doctor.observations import Observations
from schnetpack_molfield.datasets.doctor.pairs import PairGroup

__all__ = ["check_repeats", "repeated_labels", "repeated_structures"]

#: Root mean square of displacements, in Angstrom, below which structures are the same.
SAME = 1e-6
#: Energies of copies, in eV, that are told apart.
OTHER_ENERGY = 1e-3
#: As many frames may have the rounded energy of the frame before, each of them worth a look.
N_CHANCE = 5
#: Part of the frames that may be copies, with the same labels, without a warning.
COPIES = 0.001


def check_repeats(observed: Observations, groups: list[PairGroup], diagnosis: Diagnosis) -> None:
    """Warn of structures that occur again, with other labels or in numbers, and of stale labels."""
    copies = repeated_structures(observed, groups)
    diagnosis.numbers["frames whose structure occurred before"] = len(copies)
    other = _with_other_energy(observed, copies)
    if other:
        diagnosis.warn(
            "repeat",
            f"{len(other)} of {len(observed)} frames repeat an earlier structure with another "
            f"energy ({_pairs(observed, copies, other)}): one of the two is wrong",
            other,
        )
    again = [frame for frame in copies if frame not in other]
    message = (
        f"{len(again)} of {len(observed)} frames repeat an earlier structure "
        f"({_pairs(observed, copies, again)})"
    )
    if again and len(again) >= COPIES * len(observed):
        hint = "drop them, or training and test set share structures"
        diagnosis.warn("repeat", f"{message}: {hint}", again)
    elif again:
        diagnosis.notes.append(message)
    stale = [frame for frame in repeated_labels(observed, copies) if frame not in diagnosis.named]
    alike = _like_the_frame_before(observed, copies)
    if not stale and 0 < len(alike) <= N_CHANCE:
        diagnosis.notes.append(
            f"{list_frames(observed, alike)}: exactly the energy of the frame before, by chance, "
            "as energies are rounded, or because it is stale"
        )
    if stale and len(stale) < len(observed) - 1:
        diagnosis.warn(
            "order",
            f"{len(stale)} of {len(observed)} frames have exactly the energy of an earlier "
            f"frame but other positions ({list_frames(observed, stale)}): stale labels",
            stale,
        )


def _with_other_energy(observed: Observations, copies: dict[int, int]) -> list[int]:
    if observed.energy is None:
        return []
    energy = observed.energy
    return [k for k, first in copies.items() if abs(energy[k] - energy[first]) > OTHER_ENERGY]


def _pairs(observed: Observations, copies: dict[int, int], frames: list[int]) -> str:
    """`frame 7 is frame 3`, of the first of some frames."""
    shown = [f"{observed.name(k)} is {observed.name(copies[k])}" for k in sorted(frames)[:2]]
    return f"frame {', '.join(shown)}{' ...' if len(frames) > 2 else ''}"


def repeated_structures(observed: Observations, groups: list[PairGroup]) -> dict[int, int]:
    """Frames whose structure occurred before, and where it did."""
    by_content: dict[bytes, list[int]] = defaultdict(list)
    for number, atoms in enumerate(observed.frames):
        content = (atoms.numbers.tobytes(), atoms.cell.array.tobytes(), atoms.positions.tobytes())
        by_content[b"".join(content)].append(number)
    found = {later: same[0] for same in by_content.values() for later in same[1:]}
    for group in groups:
        for pair in np.flatnonzero((group.lengths < SAME) & (group.first < group.second)):
            found.setdefault(int(group.second[pair]), int(group.first[pair]))
    return found


def _like_the_frame_before(observed: Observations, copies: dict[int, int]) -> list[int]:
    """Frames with the energy of the frame before and other positions, if energies are rounded."""
    if observed.energy is None or len(observed) < 2 or not _rounded(observed.energy):
        return []
    equal = np.flatnonzero(np.diff(observed.energy) == 0) + 1
    return [frame for frame in equal.tolist() if frame not in copies and _moved(observed, frame)]


def repeated_labels(observed: Observations, copies: dict[int, int]) -> list[int]:
    """Frames with exactly the energy of an earlier frame, though their atoms are elsewhere.

    Where rounded energies are equal by chance, the frame before is meant, and equal forces have
    to prove it.
    """
    own = np.array([frame for frame in range(len(observed)) if frame not in copies])
    before = own[1:][np.diff(own) == 1]
    if observed.energy is None or _rounded(observed.energy[own]):
        frames = before[_same_forces(observed)[before - 1]]
    else:
        _, first = np.unique(observed.energy[own], return_index=True)
        frames = np.delete(own, first)
        if len(frames) <= 3:  # few may be a chance, but for neighbours
            frames = before[observed.energy[before] == observed.energy[before - 1]]
    return [frame for frame in frames.tolist() if _moved(observed, frame)]


def _rounded(energy: np.ndarray) -> bool:
    """Whether equal energies of frames that aren't neighbours are no surprise.

    They aren't if there are about as many energies that hardly differ.
    """
    apart = energy[np.r_[True, energy[1:] != energy[:-1]]]
    gaps = np.diff(np.sort(apart))
    different = gaps[gaps > 0]
    n_near = (different < 1.5 * different.min(initial=np.inf)).sum()
    return bool(0 < (gaps == 0).sum() <= 3 * n_near)


def _same_forces(observed: Observations) -> np.ndarray:
    """Whether each frame but the first has the forces of the one before (n_frames - 1,)."""
    if observed.forces is None:
        return np.zeros(len(observed) - 1, dtype=bool)
    pairs = zip(observed.forces[:-1], observed.forces[1:], strict=True)
    return np.array([np.array_equal(a, b) and bool(np.any(a)) for a, b in pairs], dtype=bool)


def _moved(observed: Observations, frame: int) -> bool:
    """Whether a frame has the atoms of the one before at other distances."""
    before, after = observed.frames[frame - 1 : frame + 1]
    if not np.array_equal(before.numbers, after.numbers):
        return True
    old, new = (np.linalg.norm(a.positions - a.positions[:1], axis=1) for a in (before, after))
    return not np.allclose(old, new, rtol=0, atol=1e-5)
