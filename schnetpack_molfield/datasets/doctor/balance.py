"""Forces of an isolated or periodic system cancel, and those of an isolated one turn nothing."""

from dataclasses import dataclass

import numpy as np

from schnetpack_molfield.datasets.doctor.findings import Diagnosis, list_frames
from schnetpack_molfield.datasets.doctor.observations import Observations
from schnetpack_molfield.datasets.doctor.outliers import far_out

__all__ = ["Balance", "check_balance", "force_balance"]

#: Net force and torque, in units of those of random forces, above which something is wrong.
UNBALANCED = 0.03

NET_HINT = "an external field, or forces that aren't converged or belong to other atoms"
TORQUE_HINT = "forces in another orientation, or atoms in another order, than positions"


@dataclass(frozen=True)
class Balance:
    """What is left over in the sum of all forces.

    Attributes:
        net: (n_frames,) length of the net force, in eV/Angstrom.
        torque: (n_frames,) length of the net torque, in eV; NaN for a periodic frame.
        relative_net: (n_frames,) net force in units of that of as many random forces.
        relative_torque: (n_frames,) likewise.
        n_fixed: number of atoms, at most of a frame, without any force in all frames.
    """

    net: np.ndarray
    torque: np.ndarray
    relative_net: np.ndarray
    relative_torque: np.ndarray
    n_fixed: int


def check_balance(observed: Observations, diagnosis: Diagnosis) -> bool:
    """Warn of net forces and torques, of all frames or of some that stand apart.

    Returns:
        False if the forces of most frames don't fit their structures.
    """
    balance = force_balance(observed)
    diagnosis.curves["net force"] = balance.net
    diagnosis.numbers["median net force, eV/Angstrom"] = float(np.nanmedian(balance.net))
    if balance.n_fixed:
        diagnosis.notes.append(
            f"{balance.n_fixed} atoms have no force in any frame (fixed atoms?), so net force and "
            "torque aren't judged; a model will learn these zeros as forces"
        )
        return True
    parts = (
        ("net force", "eV/Angstrom", balance.net, balance.relative_net, NET_HINT),
        ("net torque", "eV", balance.torque, balance.relative_torque, TORQUE_HINT),
    )
    for name, unit, values, relative, hint in parts:
        if not np.isfinite(relative).any():
            continue
        diagnosis.numbers[f"median {name} per random one"] = float(np.nanmedian(relative))
        if np.nanmedian(relative) > UNBALANCED:
            diagnosis.warn(
                "balance",
                f"forces have a {name} of {np.nanmedian(values):.3g} {unit} (median), "
                f"{np.nanmedian(relative):.1%} of that of random forces: {hint}",
            )
            return False
        apart = far_out(relative, floor=UNBALANCED, low=False)
        apart = apart[[frame not in diagnosis.named for frame in apart.tolist()]]
        if len(apart):
            diagnosis.warn(
                "balance",
                f"{list_frames(observed, apart)}: a {name} of up to {values[apart].max():.3g} "
                f"{unit}, others have {np.nanmedian(values):.2g}: a broken calculation",
                apart.tolist(),
            )
    return True


def force_balance(observed: Observations) -> Balance:
    """Net force and torque of every frame with forces."""
    assert observed.forces is not None
    rows = [
        _left_over(a.positions, f, bool(a.pbc.any()))
        for a, f in zip(observed.frames, observed.forces, strict=True)
    ]
    net, torque, usual_net, usual_torque = np.array(rows).T
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = net / np.maximum(usual_net, np.nanmedian(usual_net))
        relative_torque = torque / np.maximum(usual_torque, np.nanmedian(usual_torque))
    return Balance(net, torque, relative, relative_torque, _n_fixed(observed))


def _left_over(
    positions: np.ndarray, forces: np.ndarray, periodic: bool
) -> tuple[float, float, float, float]:
    """Net force and torque, and those of random forces of the same size on the same atoms."""
    arms = positions - positions.mean(axis=0)
    size = np.sqrt(np.square(forces).sum(axis=1).mean())
    moments = arms.T @ forces  # (3, 3); their antisymmetric part is the torque
    torque = np.nan if periodic else np.linalg.norm(moments - moments.T) / np.sqrt(2)
    return (
        float(np.linalg.norm(forces.sum(axis=0))),
        float(torque),
        float(size * np.sqrt(len(forces))),
        float(size * np.sqrt(np.square(arms).sum() * 2 / 3)),
    )


def _n_fixed(observed: Observations) -> int:
    """Most atoms of a group of frames that have no force in any of them."""
    assert observed.forces is not None
    counts = [0]
    for members in observed.groups:
        if len(members) > 2:
            still = np.all([(observed.forces[m] == 0).all(axis=1) for m in members], axis=0)
            counts.append(int(still.sum()) if not still.all() else 0)
    return max(counts)
