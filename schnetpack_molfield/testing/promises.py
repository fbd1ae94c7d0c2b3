"""The promises of a representation: what is measured, how exact it has to be, who can keep it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from schnetpack_molfield.testing import (
    continuity,
    derivatives,
    locality,
    persistence,
    symmetry,
    tolerances,
)
from schnetpack_molfield.testing.errors import Errors
from schnetpack_molfield.testing.potential import Potential
from schnetpack_molfield.testing.rounding import Judged
from schnetpack_molfield.testing.tolerances import Tolerance

__all__ = ["CAPABILITIES", "PROMISES", "Measurement", "Promise"]

#: Times the rounding of single answers that an error of single precision may be.
ROUNDING = 10.0


@dataclass(frozen=True)
class Measurement:
    """The worst case of one promise in one precision.

    Attributes:
        promise: name of the promise.
        dtype: precision of model and inputs.
        case: molecule or path, with details, that is worst.
        error: what was measured there.
        limit: what is accepted.
    """

    promise: str
    dtype: torch.dtype
    case: str
    error: float
    limit: float

    @property
    def kept(self) -> bool:
        """Whether the promise holds; NaN never does."""
        return self.error <= self.limit

    def __str__(self) -> str:
        verdict = "kept" if self.kept else "BROKEN"
        precision = str(self.dtype).removeprefix("torch.")
        numbers = f"{self.error:.2e} (limit {self.limit:.0e})"
        return f"{verdict}: {self.promise} [{precision}] {numbers} worst for {self.case}"


@dataclass(frozen=True)
class Promise:
    """One thing that a representation has to do.

    Attributes:
        check: measures errors by case; its docstring says what is promised.
        tolerance: largest accepted error in each precision.
        capability: name of the flag of those who can keep the promise, None for everybody.
    """

    check: Callable[[Potential], Errors]
    tolerance: Tolerance
    capability: str | None = None

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.check.__name__

    def measure(self, potential: Potential) -> Measurement | None:
        """Worst case for a potential, None if its precision is too coarse to tell.

        Where single precision misses the limit, its copy in double precision is the judge: an error
        of `ROUNDING` times the rounding of its answers is no more than what float32 can hold, and
        `single_precision` limits that rounding itself.
        """
        limit = self.tolerance.limit(potential.dtype)
        if limit is None:
            return None
        worst = self._measure(potential, limit)
        if worst.kept or not self.tolerance.rounds or potential.dtype != torch.float32:
            return worst
        judged = Judged(potential)
        worst = self._measure(judged, limit)
        return replace(worst, limit=max(limit, ROUNDING * judged.deviation))

    def _measure(self, potential: Potential, limit: float) -> Measurement:
        errors = self.check(potential)
        case = max(errors, key=lambda key: math.inf if math.isnan(errors[key]) else errors[key])
        return Measurement(self.name, potential.dtype, case, errors[case], limit)


def _symmetry() -> Iterator[Promise]:
    yield Promise(symmetry.rotation, tolerances.AGREEMENT)
    yield Promise(symmetry.reflection, tolerances.AGREEMENT)
    yield Promise(symmetry.translation, tolerances.AGREEMENT)
    yield Promise(symmetry.vector_equivariance, tolerances.AGREEMENT)
    yield Promise(symmetry.atom_permutation, tolerances.AGREEMENT)
    yield Promise(symmetry.edge_permutation, tolerances.AGREEMENT)
    yield Promise(symmetry.point_groups, tolerances.SYMMETRY_ZERO)
    yield Promise(symmetry.enantiomers, tolerances.AGREEMENT)
    yield Promise(symmetry.distinguishes_diastereomers, tolerances.EXACT)


def _derivatives() -> Iterator[Promise]:
    yield Promise(derivatives.responds, tolerances.EXACT)
    yield Promise(derivatives.finite, tolerances.EXACT)
    yield Promise(derivatives.finite_training_gradients, tolerances.EXACT)
    yield Promise(derivatives.finite_differences, tolerances.DERIVATIVE)
    yield Promise(derivatives.convergence_order, tolerances.ORDER)
    yield Promise(derivatives.first_derivatives, tolerances.DOUBLE_ONLY)
    yield Promise(derivatives.second_derivatives, tolerances.DOUBLE_ONLY)
    yield Promise(derivatives.momentum, tolerances.SYMMETRY_ZERO)
    yield Promise(derivatives.stress, tolerances.DERIVATIVE, "periodic")


def _continuity() -> Iterator[Promise]:
    yield Promise(continuity.degenerate_limit, tolerances.JUMP)
    yield Promise(continuity.energy_steps, tolerances.JUMP)
    yield Promise(continuity.bounded_forces, tolerances.BOUND)
    yield Promise(continuity.nothing_beyond_the_cutoff, tolerances.JUMP, "size_extensive")
    yield Promise(continuity.single_precision, tolerances.PRECISION)


def _locality() -> Iterator[Promise]:
    yield Promise(locality.batch_equals_single, tolerances.AGREEMENT)
    yield Promise(locality.cross_molecule_gradient, tolerances.EXACT)
    yield Promise(locality.isolated_atoms, tolerances.EXACT)
    yield Promise(locality.far_fragments, tolerances.FAR_APART, "size_extensive")
    yield Promise(locality.periodic_images, tolerances.AGREEMENT, "periodic")
    yield Promise(locality.supercell, tolerances.AGREEMENT, "periodic")


def _persistence() -> Iterator[Promise]:
    yield Promise(persistence.attributes, tolerances.EXACT)
    yield Promise(persistence.precision_kept, tolerances.EXACT)
    yield Promise(persistence.repeated_calls, tolerances.EXACT)
    yield Promise(persistence.pickling, tolerances.EXACT)
    yield Promise(persistence.state_dict, tolerances.EXACT)
    yield Promise(persistence.torchscript, tolerances.AGREEMENT, "scriptable")
    yield Promise(persistence.bad_input, tolerances.EXACT, "checks_input")


#: All promises, cheap and fundamental ones first within each group.
PROMISES: tuple[Promise, ...] = (
    *_persistence(),
    *_symmetry(),
    *_derivatives(),
    *_continuity(),
    *_locality(),
)
#: Flags that a representation can switch off.
CAPABILITIES: frozenset[str] = frozenset(p.capability for p in PROMISES if p.capability)
