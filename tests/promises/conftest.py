"""The representations that have to keep the promises; PaiNN shows that the tests mean something."""

from collections.abc import Callable

import pytest
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN
from torch import nn

CUTOFF = 4.0


def _painn() -> PaiNN:
    return PaiNN(16, 2, GaussianRBF(10, CUTOFF), CosineCutoff(CUTOFF), epsilon=1e-4)


REPRESENTATIONS: dict[str, Callable[[], nn.Module]] = {"PaiNN": _painn}


@pytest.fixture(scope="session", params=REPRESENTATIONS)
def build(request: pytest.FixtureRequest) -> Callable[[], nn.Module]:
    """Builds one of the representations."""
    return REPRESENTATIONS[request.param]
