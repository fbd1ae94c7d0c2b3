"""Learned encodings of distances and angles keep the promises of the models around them.

In double precision; single precision is measured of the models with Gaussians.
"""

from collections.abc import Callable

import pytest
import torch
from schnetpack.nn import CosineCutoff
from schnetpack.representation import PaiNN
from torch import nn

from schnetpack_molfield.nn import ElementPairs, LearnedRadialEncoding
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing import RepresentationContract

CUTOFF = 4.0

pytestmark = pytest.mark.slow


def basis() -> LearnedRadialEncoding:
    return LearnedRadialEncoding(10, CUTOFF)


def molfield(charts: str) -> MolField:
    return MolField(16, 3, basis(), CosineCutoff(CUTOFF), charts=charts, n_angles=4)


class TestAtomCharts(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], nn.Module]:
        return lambda: molfield("atom")


class TestMoleculeCharts(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)
    size_extensive = False
    periodic = False

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], nn.Module]:
        return lambda: molfield("molecule")


class TestPaiNN(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], nn.Module]:
        return lambda: PaiNN(16, 2, basis(), CosineCutoff(CUTOFF), epsilon=1e-4)


def with_pairs_of_elements(base: str, mixing: float, **arguments: float) -> ElementPairs:
    """A representation that tells elements apart; `mixing` is zero at the start."""
    radial_basis = LearnedRadialEncoding(10, CUTOFF, pair_rank=2)
    nn.init.normal_(radial_basis.pair.mixing, std=mixing)
    with torch.no_grad():  # elements alike within 0.3 of 1 at the start, far apart here
        radial_basis.pair.element_factors.sub_(1).div_(0.3)
    window = CosineCutoff(CUTOFF)
    return ElementPairs(base, radial_basis, n_atom_basis=16, cutoff_fn=window, **arguments)


class TestPaiNNWithPairsOfElements(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], nn.Module]:
        painn = "schnetpack.representation.PaiNN"
        return lambda: with_pairs_of_elements(painn, 1.0, n_interactions=2, epsilon=1e-4)


class TestMolFieldWithPairsOfElements(RepresentationContract):
    checks_input = False
    dtypes = (torch.float64,)

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], nn.Module]:
        molfield = "schnetpack_molfield.representation.MolField"
        return lambda: with_pairs_of_elements(molfield, 0.3, n_interactions=3)  # as after training
