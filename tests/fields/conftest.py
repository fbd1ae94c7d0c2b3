"""Molecules and exact functions that the tests of this folder share."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.fields import (
    AtomFunction,
    BallDistance,
    ExactDistance,
    GaussianDistance,
    PromoleculeDensity,
    SmoothDistance,
    SolventExcludedDistance,
    VectorFunction,
)

FUNCTIONS = {
    "vector": lambda: VectorFunction({"H": "H", "other": ["He", "C", "N", "O", "F"]}),
    "vdw": BallDistance,
    "smooth": SmoothDistance,
    "gaussian": GaussianDistance,
    "exact": ExactDistance,
    "ses": SolventExcludedDistance,
    "promolecule": PromoleculeDensity,
}


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> AtomFunction:
    """Every exact function, one after the other."""
    return FUNCTIONS[request.param]()


def nasty_molecules() -> dict[str, Atoms]:
    """Single atom, linear, planar, highly symmetric, flexible, far fragments, coincident atoms."""
    names = ["H2", "N2", "CO2", "C2H2", "H2O", "NH3", "CH4", "BF3", "C6H6", "CH3CH2OH"]
    far = molecule("H2O") + Atoms("He", positions=[[0, 0, 40]])
    coincident = Atoms("CHH", positions=[[0, 0, 0], [0, 0, 1.1], [0, 0, 1.1]])
    named = {name: molecule(name) for name in names}
    return {"He": Atoms("He"), **named, "far": far, "coincident": coincident}


@pytest.fixture(params=nasty_molecules().items(), ids=lambda item: item[0])
def atoms(request: pytest.FixtureRequest) -> Atoms:
    """Every nasty molecule, one after the other."""
    return request.param[1].copy()


def as_tensors(atoms: Atoms, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Atomic numbers (n_atoms,) and positions (n_atoms, 3)."""
    return torch.as_tensor(atoms.numbers), torch.as_tensor(atoms.positions, dtype=dtype)


def points_near(atoms: Atoms, n: int, dtype: torch.dtype) -> torch.Tensor:
    """Random points (n, 3) inside and around a molecule."""
    rng = np.random.default_rng(7)
    centers = atoms.positions[rng.integers(len(atoms), size=n)]
    return torch.as_tensor(centers + rng.normal(scale=1.2, size=(n, 3)), dtype=dtype)


@pytest.fixture(name="as_tensors")
def _as_tensors():
    return as_tensors


@pytest.fixture(name="points_near")
def _points_near():
    return points_near
