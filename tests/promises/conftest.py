"""The representations that have to keep the promises; PaiNN shows that the tests mean something."""

from collections.abc import Callable
from functools import partial

import pytest
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN
from torch import nn

from schnetpack_molfield.representation import MolField

CUTOFF = 4.0


def _painn() -> PaiNN:
    return PaiNN(16, 2, GaussianRBF(10, CUTOFF), CosineCutoff(CUTOFF), epsilon=1e-4)


def _molfield(charts: str, frame: str) -> MolField:
    radial_basis, cutoff_fn = GaussianRBF(10, CUTOFF), CosineCutoff(CUTOFF)
    return MolField(16, 3, radial_basis, cutoff_fn, charts=charts, frame=frame)


REPRESENTATIONS: dict[str, Callable[[], nn.Module]] = {
    "PaiNN": _painn,
    "atom charts, projection": partial(_molfield, "atom", "projection"),
    "atom charts, soft": partial(_molfield, "atom", "soft"),
    "molecule charts, projection": partial(_molfield, "molecule", "projection"),
    "molecule charts, soft": partial(_molfield, "molecule", "soft"),
}


@pytest.fixture(scope="session", params=REPRESENTATIONS)
def build(request: pytest.FixtureRequest) -> Callable[[], nn.Module]:
    """Builds one of the representations."""
    return REPRESENTATIONS[request.param]
