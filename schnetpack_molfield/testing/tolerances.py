"""How exactly a promise has to hold, by name and precision.

Energies are compared per atom, and the test potential is scaled to a root mean square force of
1 eV/Angstrom, so a limit reads as eV, eV/Angstrom or eV/Angstrom^3. A relative tolerance on a total
energy would hide errors that grow with the size of the molecule; comparisons of two answers only
allow for the constant that untrained weights give every atom (`errors.output_errors`).
"""

from dataclasses import dataclass

import torch

__all__ = [
    "AGREEMENT",
    "BOUND",
    "DERIVATIVE",
    "DOUBLE_ONLY",
    "EXACT",
    "FAR_APART",
    "JUMP",
    "ORDER",
    "PRECISION",
    "SYMMETRY_ZERO",
    "Tolerance",
]


@dataclass(frozen=True)
class Tolerance:
    """Largest accepted error in each precision; None where a precision can't tell.

    Attributes:
        float32: limit in single precision.
        float64: limit in double precision.
        rounds: whether the error in single precision is that of rounding, which grows with the
            weights of a model and is then judged by double precision.
    """

    float32: float | None
    float64: float | None
    rounds: bool = False

    def limit(self, dtype: torch.dtype) -> float | None:
        """Limit for `dtype`, None if the promise is not measured in that precision."""
        return {torch.float32: self.float32, torch.float64: self.float64}[dtype]


#: Bit-identical: repeated calls, pickles, gradients on other molecules of a batch. Also counts.
EXACT = Tolerance(0.0, 0.0)
#: The same quantity computed in another order, frame or batch.
AGREEMENT = Tolerance(1e-5, 1e-10, rounds=True)
#: Components that symmetry or momentum conservation force to zero.
SYMMETRY_ZERO = Tolerance(1e-5, 1e-8, rounds=True)
#: Against central differences, which single precision is too coarse for.
DERIVATIVE = Tolerance(None, 1e-6)
#: Distance of an observed order of convergence from the theoretical one.
ORDER = Tolerance(None, 0.1)
#: Pass or fail, measurable in double precision only.
DOUBLE_ONLY = Tolerance(None, 0.0)
#: Steps that neither the forces nor a Hessian of 100 eV/Angstrom^2 explain.
JUMP = Tolerance(None, 1e-8)
#: Largest force on a path, where 1 eV/Angstrom is typical and a singularity gives 1e8.
BOUND = Tolerance(1e2, 1e2)
#: Fragments against the whole.
FAR_APART = Tolerance(1e-5, 1e-8, rounds=True)
#: Single precision against double.
PRECISION = Tolerance(1e-4, None)
