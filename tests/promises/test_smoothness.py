"""Beyond the contract: energies have two continuous derivatives at degenerate geometries."""

from collections.abc import Callable

import pytest
import torch
from schnetpack import properties
from torch import nn

from schnetpack_molfield.testing import PATHS, Potential, molecule
from schnetpack_molfield.testing.symmetry import rotation

#: Paths on which s and -s are mirror images, so that the energy has no slope at 0.
EVEN = (
    "CO2 bent",
    "C2H2 bent, cis",
    "C2H2 bent, one side",
    "H2O through the line",
    "SF6, S leaves the centroid",
    "NH3 through the plane",
    "BF3 out of the plane",
    "C6H6 chair",
    "C6H6 with a visitor",
)


@pytest.fixture(scope="module")
def potential(build: Callable[[], nn.Module]) -> Potential:
    return Potential(build, torch.float64)


@pytest.mark.parametrize("name", EVEN)
def test_energy_is_even(potential: Potential, name: str) -> None:
    path = PATHS[name]
    for s in (1e-1, 1e-3, 1e-6):
        energy = potential([path(s), path(-s)]).energy
        assert abs(float(energy[0] - energy[1])) < 1e-10


@pytest.mark.parametrize("name", EVEN)
def test_energy_is_quadratic(potential: Potential, name: str) -> None:
    """A kink |s| or a root sqrt(s^2 + tiny) would have order one."""
    path = PATHS[name]
    energy = potential([path(0.0), path(1e-4), path(1e-3)]).energy
    order = torch.log10((energy[2] - energy[0]).abs() / (energy[1] - energy[0]).abs())
    assert float(order) == pytest.approx(2.0, abs=0.05)


def _hessian(potential: Potential, s: float, name: str) -> torch.Tensor:
    inputs = potential.inputs([PATHS[name](s)])
    return torch.autograd.functional.hessian(
        lambda positions: potential.energies(inputs, positions).sum(), inputs[properties.R]
    )  # (n_atoms, 3, n_atoms, 3)


@pytest.mark.parametrize("name", ["CO2 bent", "H2O through the line", "CH4 squeezed"])
def test_hessian_is_continuous(potential: Potential, name: str) -> None:
    """Vibrations of a symmetric molecule do not depend on which side one comes from."""
    hessians = [_hessian(potential, s, name) for s in (-1e-7, 0.0, 1e-7)]
    assert all(bool(torch.isfinite(hessian).all()) for hessian in hessians)
    assert float((hessians[0] - hessians[1]).abs().max()) < 1e-4
    assert float((hessians[2] - hessians[1]).abs().max()) < 1e-4


def test_errors_shrink_with_the_precision(build: Callable[[], nn.Module]) -> None:
    """An error that double precision doesn't cure is a defect, not rounding."""
    single, double = (
        max(rotation(Potential(build, dtype)).values()) for dtype in (torch.float32, torch.float64)
    )
    assert double < 1e-6 * single


@pytest.mark.parametrize(("name", "atom"), [("H2", 1), ("N2", 1), ("CO2", 1), ("CH4", 1)])
def test_forces_along_a_bond_scan(potential: Potential, name: str, atom: int) -> None:
    """|F + dE/dr| <= 1e-6 eV/Angstrom from 0.7 to 2.5 bond lengths."""
    step = 1e-5
    start = molecule(name)
    bond = start.positions[atom] - start.positions[0]
    bond_length = float((bond**2).sum() ** 0.5)
    structures = []
    for k in range(91):
        for shift in (-step, 0.0, step):
            atoms = start.copy()
            atoms.positions[atom] += bond * (0.02 * k - 0.3 + shift / bond_length)
            structures.append(atoms)
    outputs = potential(structures)
    energy = outputs.energy.view(-1, 3)  # (n_lengths, 3)
    direction = torch.as_tensor(bond / bond_length)
    force = outputs.forces.view(-1, 3, len(start), 3)[:, 1, atom] @ direction  # (n_lengths,)
    slope = (energy[:, 2] - energy[:, 0]) / (2 * step)
    assert float((force + slope).abs().max()) <= 1e-6
    assert float(force.abs().max()) > 0.01
