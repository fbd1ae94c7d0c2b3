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
from schnetpack_molfield.testing.paths import PATHS
from schnetpack_molfield.testing.potential import Potential

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


@pytest.mark.parametrize(("epsilon", "stiff"), [(1e-8, True), (1e-4, False)])
def test_default_epsilon_is_too_sharp_at_symmetric_sites(epsilon: float, stiff: bool) -> None:
    """Smooth, with finite forces, but a Hessian above 100 eV/Angstrom^2."""
    potential = Potential(lambda: painn(epsilon=epsilon), torch.float64)
    steepest = 0.0
    for path in PATHS.values():
        start, end = (potential([path(s)]).forces for s in (0.0, 1e-6))
        assert torch.isfinite(end).all() and end.abs().max() < 100
        steepest = max(steepest, float((end - start).abs().max()) / 1e-6)
    assert (steepest > 100) == stiff
