"""Fixtures for all tests: both precisions, one thread, fixed seeds, commands, small models."""

import io
import logging
import os
import runpy
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import copy
from importlib.resources import as_file, files
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms
from e3nn import o3
from hydra.core.global_hydra import GlobalHydra
from schnetpack.model import NeuralNetworkPotential

CUTOFF = 4.0

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
        command = [str(Path(sys.executable).with_name(name)), *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        return _checked(done, check)

    return run


@pytest.fixture(scope="session")
def run_in_process() -> Command:
    """The same as `run_command` in this process: without the seconds that every start takes.

    `name` may be the path of a script, too.

    What the program changes for all of Python is changed back: logging, environment, threads,
    gradients, Hydra. Warnings are printed, as there; those of this package are errors.
    """

    def run(folder: Path, name: str, *arguments: str, check: bool = True):
        output, errors, status = io.StringIO(), io.StringIO(), 0
        script = str(Path(sys.executable).parent / name)
        with redirect_stdout(output), redirect_stderr(errors), _as_program(folder, name, arguments):
            try:
                runpy.run_path(script, run_name="__main__")
            except SystemExit as end:
                status = end.code or 0
            except Exception:
                traceback.print_exc()
                status = 1
        printed = (output.getvalue(), errors.getvalue())
        return _checked(subprocess.CompletedProcess([name, *arguments], status, *printed), check)

    return run


def _checked(
    done: subprocess.CompletedProcess[str], check: bool
) -> subprocess.CompletedProcess[str]:
    """The finished program, unless it failed and shouldn't have."""
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(done.args)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


@contextmanager
def _as_program(folder: Path, name: str, arguments: Sequence[str]) -> Iterator[None]:
    """The state of Python that a program finds, and the state before when it ends."""
    environment = {"PWD": str(folder), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    loggers = [logging.getLogger(name) for name in ("", "pytorch_lightning", "lightning_fabric")]
    before = [(log, log.level, log.propagate, log.handlers[:]) for log in loggers]
    hydra = copy(GlobalHydra.instance())
    GlobalHydra.instance().clear()
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            mock.patch.dict(os.environ, environment),
            warnings.catch_warnings(),
            torch.enable_grad(),
        ):
            patch.chdir(folder)
            patch.setattr(sys, "argv", [name, *arguments])
            warnings.simplefilter("default")
            warnings.filterwarnings("error", module="schnetpack_molfield")
            yield
    finally:
        GlobalHydra.set_instance(hydra)
        torch.set_num_threads(1)
        for log, log.level, log.propagate, handlers in before:
            for handler in set(log.handlers) - set(handlers):
                handler.close()
            log.handlers = handlers


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


@pytest.fixture
def make_model() -> Callable[..., NeuralNetworkPotential]:
    """A small PaiNN with random weights; `forces` adds the module that derives them."""

    def make(
        energy_key: str = "energy", dtype: torch.dtype = torch.float64, forces: bool = False
    ) -> NeuralNetworkPotential:
        torch.manual_seed(1)
        outputs = [spk.atomistic.Atomwise(16, output_key=energy_key)]
        if forces:
            outputs.append(spk.atomistic.Forces(energy_key=energy_key))
        offsets = spk.transform.AddOffsets(energy_key, add_mean=True)
        offsets.mean = torch.tensor([-467.1234567891], dtype=torch.float64)
        model = NeuralNetworkPotential(
            spk.representation.PaiNN(
                16, 2, spk.nn.GaussianRBF(12, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
            ),
            input_modules=[spk.atomistic.PairwiseDistances()],
            output_modules=outputs,
        ).to(dtype)
        model.postprocessors.extend([spk.transform.CastTo64(), offsets])
        return model

    return make


@pytest.fixture
def record() -> dict[str, object]:
    """What a training run writes down about such a model."""
    return {
        "version": "0.1.0",
        "cutoff": CUTOFF,
        "dtype": "float64",
        "distance_unit": "Ang",
        "property_units": {"energy": "kcal/mol"},
        "energy_key": "energy",
        "forces_key": None,
        "stress_key": None,
        "elements": ["H", "C", "O"],
        "references": [],
    }


def sample(name: str) -> dict[str, np.ndarray]:
    """Arrays of a sample inside the package."""
    with as_file(files("schnetpack_molfield.datasets") / f"{name}_sample.npz") as path:
        return dict(np.load(path))


@pytest.fixture
def ethanol() -> Atoms:
    """A frame of ethanol at 500 K: no symmetry, no force vanishes."""
    arrays = sample("ethanol")
    return Atoms(arrays["Z"], arrays["R"][0])


@pytest.fixture
def water() -> Atoms:
    """Two waters in a sheared cell, shorter than the cutoff: atoms see images of themselves."""
    atoms = Atoms("H2O", [[0.76, 0.59, 0.0], [-0.76, 0.59, 0.0], [0.0, 0.0, 0.0]])
    atoms.set_cell([[3.1, 0.2, 0.0], [0.0, 3.1, 0.2], [0.2, 0.0, 3.1]])
    atoms.pbc = True
    return atoms.repeat((2, 1, 1))
