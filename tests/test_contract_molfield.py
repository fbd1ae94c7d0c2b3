"""MolField through the contract, both atlases, every frame, every hyper-network.

As it is by default in both precisions, with other parts in double precision.
"""

from collections.abc import Callable

import pytest
import torch
from schnetpack.nn import CosineCutoff, GaussianRBF

from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing import RepresentationContract
from schnetpack_molfield.testing.validation import measure, promises

CUTOFF = 4.0


def molfield(**options: str | bool) -> MolField:
    return MolField(
        n_atom_basis=16,
        n_interactions=3,
        radial_basis=GaussianRBF(n_rbf=10, cutoff=CUTOFF),
        cutoff_fn=CosineCutoff(CUTOFF),
        **options,
    )


class TestAtomCharts(RepresentationContract):
    checks_input = False  # the interfaces do, so that a step of MD stays cheap

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], MolField]:
        return lambda: molfield(charts="atom")


@pytest.mark.slow
class TestFrames(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)

    @pytest.fixture(scope="class", params=["soft", "none"])
    @classmethod
    def representation(cls, request: pytest.FixtureRequest) -> Callable[[], MolField]:
        return lambda: molfield(charts="atom", frame=request.param)


@pytest.mark.slow
class TestMoleculeCharts(RepresentationContract):
    """One function per molecule sees all of it, so it is neither extensive nor periodic."""

    checks_input = False
    size_extensive = False
    periodic = False

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], MolField]:
        return lambda: molfield(charts="molecule")


@pytest.mark.slow
class TestSoftFrameOfAMolecule(RepresentationContract):
    checks_input = False
    size_extensive = False
    periodic = False
    dtypes = (torch.float64,)

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], MolField]:
        return lambda: molfield(charts="molecule", frame="soft")


@pytest.mark.slow
class TestHypernetworks(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)

    @pytest.fixture(
        scope="class",
        params=[{"hypernetwork": "linear"}, {"hypernetwork": "none"}, {"variational": True}],
        ids=["linear", "none", "variational"],
    )
    @classmethod
    def representation(cls, request: pytest.FixtureRequest) -> Callable[[], MolField]:
        return lambda: molfield(charts="atom", **request.param)


@pytest.mark.slow
def test_gram_schmidt_is_not_continuous() -> None:
    """The frame that is there for comparison breaks what the others promise."""
    representation = molfield(charts="atom", frame="gram_schmidt")
    names = {"degenerate_limit", "bounded_forces"}
    chosen = [promise for promise in promises([]) if promise.name in names]
    found = measure(representation, chosen, randomise=True, dtypes=[torch.float64])
    assert {promise.name for promise, (m,) in found if not m.kept} == names
