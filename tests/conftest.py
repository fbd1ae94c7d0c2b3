"""Fixtures for all tests: both precisions, one thread, fixed seeds, and SchNetPack's commands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from e3nn import o3

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure() -> None:
    """One thread: small tensors run fastest that way, and numbers don't depend on the machine."""
    torch.set_num_threads(1)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """Both precisions; a test with numbers in it should ask for this."""
    return request.param


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    """Same random numbers in every test, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(params=[1, -1], ids=["proper", "improper"])
def orthogonal(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    """A random orthogonal matrix (3, 3), and (9, 9) what it does to harmonics of degree 0 to 2."""
    matrix = request.param * o3.rand_matrix(dtype=torch.float64)
    torch.set_default_dtype(torch.float64)  # e3nn makes its generators in the default precision
    wigner = o3.Irreps("0e + 1o + 2e").D_from_matrix(matrix)
    torch.set_default_dtype(torch.float32)
    return matrix, wigner


@pytest.fixture(scope="session")
def run_command() -> Command:
    """Run an installed command in a folder, as a user does: `run_command(folder, "spktrain", ...)`.

    Returns the finished process; a failure fails the test with the output, unless `check=False`.
    """

    def run(folder: Path, name: str, *arguments: str, check: bool = True):
        environment = os.environ | {"PWD": str(folder), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        done = subprocess.run(
            [str(Path(sys.executable).with_name(name)), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode != 0:
            pytest.fail(
                f"{name} {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    return run


@pytest.fixture(scope="session")
def few_steps() -> tuple[str, ...]:
    """Overrides that keep a run of `spktrain` to seconds."""
    return (
        "print_config=False",
        "trainer.max_epochs=1",
        "trainer.limit_train_batches=2",
        "trainer.limit_val_batches=1",
        "trainer.limit_test_batches=1",
        "data.num_workers=0",
        "model.representation.n_atom_basis=16",
    )
