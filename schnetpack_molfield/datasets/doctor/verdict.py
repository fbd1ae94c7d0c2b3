"""What follows from energies and forces together: unit, sign, order, and frames that don't fit."""

import numpy as np

from schnetpack_molfield.datasets.doctor.balance import check_balance
from schnetpack_molfield.datasets.doctor.bonds import bond_stiffness, total_energy_estimate
from schnetpack_molfield.datasets.doctor.findings import Diagnosis, list_frames
from schnetpack_molfield.datasets.doctor.observations import Observations
from schnetpack_molfield.datasets.doctor.pairs import PairGroup
from schnetpack_molfield.datasets.doctor.units import Evidence, guess_units
from schnetpack_molfield.datasets.doctor.work import (
    WorkTest,
    energy_errors,
    negated_forces,
    work_test,
)
from schnetpack_molfield.fields.lengths import unusual_lengths

__all__ = ["check_labels", "check_lengths"]

#: Misfit of the work test up to which energies and forces belong together, and from which not.
RELATED, UNRELATED = 0.4, 0.8
#: Paths, in Angstrom, short enough that the work test has to succeed.
SHORT = 0.2
#: Error of a frame's energy, in units of what is usual there, that is a warning if it is large,
#: and part of the frames from which on it isn't a matter of single frames.
STRANGE, MANY = 5.0, 0.01
#: By how many frames labels may have been moved: of energies, of forces.
SHIFTS = [(1, 0), (-1, 0), (1, 1), (-1, -1), (0, 1), (0, -1), (2, 0), (-2, 0)]


def check_lengths(observed: Observations, diagnosis: Diagnosis) -> bool:
    """Warn if positions aren't in Angstrom, and return whether they are."""
    chosen = np.unique(np.linspace(0, len(observed) - 1, 50).astype(int))
    guess = unusual_lengths(*[observed.frames[frame] for frame in chosen])
    if guess is None:
        return True
    diagnosis.warn("units", f"{guess}; multiply positions by {guess.angstrom:.4g}")
    return False


def check_labels(observed: Observations, groups: list[PairGroup], diagnosis: Diagnosis) -> None:
    """Warn of labels in wrong order, unit or sign, of unbalanced forces and of single energies.

    What explains everything comes first, and nothing that follows from it is said afterwards.
    """
    test = _work(observed, groups, diagnosis)
    related = test is not None and test.misfit < RELATED
    if test is not None and not related and _moved(observed, groups, test, diagnosis):
        return
    if observed.forces is not None and not check_balance(observed, diagnosis):
        return
    slope = test.slope if test is not None and related else None
    evidence = Evidence(slope, bond_stiffness(observed), _size(observed))
    if evidence.stiffness is not None:
        diagnosis.numbers["stiffness of bonds to hydrogen, per usual one"] = evidence.stiffness
    before = len(diagnosis.findings)
    _sign(evidence, diagnosis)
    _units(observed, evidence, diagnosis)
    if test is not None and not related:
        _unrelated(test, diagnosis)
    if related and len(diagnosis.findings) == before:
        _single_signs(observed, groups, diagnosis)
        _single_energies(observed, groups, diagnosis)


def _work(observed: Observations, groups: list[PairGroup], diagnosis: Diagnosis) -> WorkTest | None:
    """Compare energies with the work of forces; None where that isn't possible."""
    if observed.energy is None or observed.forces is None or not groups:
        return None
    test = work_test(observed, groups)
    if test is not None:
        diagnosis.curves |= {"changes": test.changes, "work": test.work}
        diagnosis.numbers["change of the energy per work of the forces"] = test.slope
        diagnosis.numbers["misfit of energy and work"] = test.misfit
    return test


def _size(observed: Observations) -> float | None:
    """Energies in units of what all electrons of neutral atoms have: their median."""
    if observed.energy is None:
        return None
    estimates = np.array([total_energy_estimate(atoms.numbers) for atoms in observed.frames])
    return float(np.median(observed.energy / estimates))


def _moved(
    observed: Observations, groups: list[PairGroup], test: WorkTest, diagnosis: Diagnosis
) -> bool:
    """Warn if labels fit much better when they are taken from the frame before or after."""
    tests = {shifts: work_test(observed, groups, *shifts) for shifts in SHIFTS}
    misfits = {shifts: moved.misfit for shifts, moved in tests.items() if moved is not None}
    if not misfits:
        return False
    energy_shift, forces_shift = best = min(misfits, key=lambda shifts: misfits[shifts])
    if misfits[best] > min(RELATED, 0.5 * test.misfit):
        return False
    kinds = [k for k, shift in (("energies", energy_shift), ("forces", forces_shift)) if shift]
    shift = energy_shift or forces_shift
    other = f"k-{shift}" if shift > 0 else f"k+{-shift}"
    reason = "of an earlier geometry, written after atoms had moved" if len(kinds) == 2 else ""
    diagnosis.warn(
        "order",
        f"{' and '.join(kinds)} are shifted by {_frames(abs(shift))}: frame k carries those of "
        f"frame {other}{', labels ' + reason if reason else ''} (misfit to the work of the forces "
        f"{misfits[best]:.2f} instead of {test.misfit:.2f})",
    )
    return True


def _frames(count: int) -> str:
    return "one frame" if count == 1 else f"{count} frames"


def _sign(evidence: Evidence, diagnosis: Diagnosis) -> None:
    """Warn of forces that push along with a stretched bond, or energies that fall with work."""
    slope, stiffness = evidence.slope, evidence.stiffness
    if stiffness is not None and stiffness < 0 and (slope is None or slope < 0):
        proof = "they pull stretched bonds further apart"
        if slope is not None:
            proof += " and energies fall where work is done against them"
        diagnosis.warn(
            "sign", f"forces have the wrong sign (gradients?): {proof}; multiply them by -1"
        )
    elif slope is not None and slope < 0:
        what = "forces" if stiffness is None else "energies"
        diagnosis.warn(
            "sign",
            f"{what} have the wrong sign: energies fall where work is done against the forces; "
            f"multiply the {what} by -1",
        )


def _units(observed: Observations, evidence: Evidence, diagnosis: Diagnosis) -> None:
    """Warn if other units explain the sizes, or if none does."""
    stated = dict(observed.units)
    if not stated:
        return
    guess = guess_units(evidence, stated)
    if guess is None:
        diagnosis.warn(
            "units",
            f"no usual units explain energies and forces: {_proof(evidence)}",
        )
    elif guess != stated and guess:
        changed = {kind: unit for kind, unit in guess.items() if unit != stated[kind]}
        names = {"energy": "energies", "forces": "forces"}
        looks = " and ".join(
            f"{names[kind]} look like {unit}, not {stated[kind]}" for kind, unit in changed.items()
        )
        options = " ".join(
            f"--property {observed.names.get(kind, kind)}={unit}" for kind, unit in changed.items()
        )
        diagnosis.warn("units", f"{looks} ({_proof(evidence)}): import with {options}")


def _proof(evidence: Evidence) -> str:
    """The sizes that aren't as usual, in words."""
    parts = []
    if evidence.slope is not None:
        parts.append(f"energies change by {abs(evidence.slope):.3g} times the work of the forces")
    if evidence.stiffness is not None:
        parts.append(f"bonds to H are {abs(evidence.stiffness):.3g} times as stiff as usual")
    if evidence.size is not None and not parts:
        parts.append(f"energies are {evidence.size:.3g} times those of all electrons")
    return ", ".join(parts)


def _unrelated(test: WorkTest, diagnosis: Diagnosis) -> None:
    """Warn, or note for longer paths, that energies have nothing to do with forces."""
    message = f"energies don't follow the work of the forces (misfit {test.misfit:.2f})"
    if test.misfit > UNRELATED and np.median(test.lengths) < SHORT and len(test.work) >= 20:
        hint = "labels of other structures, another order of atoms, or another orientation"
        diagnosis.warn("work", f"{message}: {hint}")
    else:
        diagnosis.notes.append(
            f"{message} along paths of {np.median(test.lengths):.2f} Angstrom per atom: frames are "
            "too far apart to tell"
        )


def _single_signs(observed: Observations, groups: list[PairGroup], diagnosis: Diagnosis) -> None:
    """Warn of frames whose forces are those of the others times -1."""
    frames = negated_forces(observed, groups)
    if len(frames):
        diagnosis.warn(
            "sign",
            f"{list_frames(observed, frames)}: the forces have the wrong sign: energies of the "
            "nearest frames follow from their work times -1",
            frames,
        )


def _single_energies(observed: Observations, groups: list[PairGroup], diagnosis: Diagnosis) -> None:
    """Warn of frames whose energy isn't what their nearest frames and the forces say."""
    assert observed.energy is not None
    frames, errors, relative = energy_errors(observed, groups)
    large = np.abs(errors) > np.std(observed.energy[frames])
    strange = (relative > 2 * STRANGE) | (large & (relative > STRANGE))
    strange &= ~np.isin(frames, list(diagnosis.named))
    order = np.flatnonzero(strange)[np.argsort(-np.abs(errors[strange]))]
    if not len(order):
        return
    error = errors[order[0]]
    message = (
        f"{list_frames(observed, frames[order])}: the energy is {abs(error):.3g} eV too "
        f"{'low' if error > 0 else 'high'} for the forces and the nearest frames"
    )
    if len(order) > MANY * len(frames):
        message += "; so many may be of another level of theory, or of an earlier geometry"
    diagnosis.warn("outlier", message, frames[order])
