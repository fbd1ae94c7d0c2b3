"""SchNetPack's own PaiNN through the contract: the host passes what it should pass.

PaiNN does not look at its input, so NaN and coincident atoms get an answer. Its invariant
sqrt(|v|^2 + epsilon) has a curvature of epsilon^(-1/2) where symmetry makes v vanish; with the
default of 1e-8 that is 1e4, seen by tests in single precision and by limits at symmetric sites.
"""

from collections.abc import Callable

import pytest
import torch
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN

from schnetpack_molfield.testing import RepresentationContract
from schnetpack_molfield.testing.validation import measure, promises

CUTOFF = 4.0


def painn(epsilon: float) -> PaiNN:
    return PaiNN(
        n_atom_basis=16,
        n_interactions=2,
        radial_basis=GaussianRBF(n_rbf=10, cutoff=CUTOFF),
        cutoff_fn=CosineCutoff(CUTOFF),
        epsilon=epsilon,
    )


class TestPaiNN(RepresentationContract):
    checks_input = False

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], PaiNN]:
        return lambda: painn(epsilon=1e-4)


def test_default_epsilon_is_too_sharp_at_symmetric_sites() -> None:
    names = {"degenerate_limit", "finite", "bounded_forces"}
    chosen = [promise for promise in promises([]) if promise.name in names]
    found = measure(painn(epsilon=1e-8), chosen, randomise=True, dtypes=[torch.float64])
    errors = {promise.name: m.error for promise, (m,) in found}
    assert errors["degenerate_limit"] > 1e-8
    assert errors["finite"] == 0 and errors["bounded_forces"] < 100
