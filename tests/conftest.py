"""Fixtures for all tests: both precisions, one thread, fixed seeds."""

import pytest
import torch


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """Both precisions; a test with numbers in it should ask for this."""
    return request.param


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    """Same random numbers in every test, whatever ran before it."""
    torch.manual_seed(0)


def pytest_configure() -> None:
    """One thread: small tensors run fastest that way, and numbers don't depend on the machine."""
    torch.set_num_threads(1)
