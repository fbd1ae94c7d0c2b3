"""How properties of molecules are distributed, against those of other molecules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schnetpack_molfield.checks import optional_import

__all__ = ["Distribution", "compare_distributions"]


@dataclass(frozen=True)
class Distribution:
    """A property of the samples beside that of the reference.

    Attributes:
        mean: of the samples.
        reference_mean: of the reference; NaN without one.
        distance: Wasserstein-1 distance in units of the reference's standard deviation.
    """

    mean: float
    reference_mean: float
    distance: float


def _descriptors() -> dict[str, Callable[[Any], float]]:
    crippen = optional_import("rdkit.Chem.Crippen", "generation")
    counts = optional_import("rdkit.Chem.rdMolDescriptors", "generation")
    qed = optional_import("rdkit.Chem.QED", "generation")

    def elements(number: int) -> Callable[[Any], float]:
        return lambda molecule: sum(a.GetAtomicNum() == number for a in molecule.GetAtoms())

    return {
        "atoms": lambda molecule: molecule.GetNumAtoms(),
        "H": elements(1),
        "C": elements(6),
        "N": elements(7),
        "O": elements(8),
        "rings": counts.CalcNumRings,
        "rotatable bonds": counts.CalcNumRotatableBonds,
        "share of sp3 carbon": counts.CalcFractionCSP3,
        "polar surface, A^2": counts.CalcTPSA,
        "logP": crippen.MolLogP,
        "QED": qed.qed,
    }


def compare_distributions(
    samples: Sequence[Any], reference: Sequence[Any]
) -> dict[str, Distribution]:
    """Compare descriptors of RDKit.

    Args:
        samples: RDKit's molecules, sanitized, with hydrogens; at least one.
        reference: those to compare with; empty without any.

    Raises:
        ImportError: if RDKit is missing.
    """
    with optional_import("rdkit.rdBase", "generation").BlockLogs():
        return {
            name: _compare(*([f(molecule) for molecule in part] for part in (samples, reference)))
            for name, f in _descriptors().items()
        }


def _compare(samples: list[float], reference: list[float]) -> Distribution:
    from scipy.stats import wasserstein_distance

    mean = float(np.mean(samples))
    if not reference:
        return Distribution(mean, float("nan"), float("nan"))
    spread = float(np.std(reference))
    distance = wasserstein_distance(samples, reference) / spread if spread else float("nan")
    return Distribution(mean, float(np.mean(reference)), float(distance))
