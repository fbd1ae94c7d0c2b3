"""Signed distances against analytic ones and dense samples of the surface."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.data import vdw_radii

from schnetpack_molfield.fields import (
    BallDistance,
    ExactDistance,
    GaussianDistance,
    SmoothDistance,
    SolventExcludedDistance,
    molecular_surface,
)


@pytest.mark.parametrize("surface", ["vdw", "smooth", "gaussian", "exact", "sas", "ses"])
def test_one_ball(surface, dtype):
    field = molecular_surface(surface).of(Atoms("C", positions=[[1.0, 2.0, 3.0]]), dtype=dtype)
    offsets = torch.randn(50, 3, dtype=dtype)
    offsets *= torch.linspace(1.0, 4.0, 50, dtype=dtype).unsqueeze(1) / offsets.norm(
        dim=1, keepdim=True
    )
    radius = vdw_radii[6] + (1.4 if surface == "sas" else 0.0)
    expected = offsets.norm(dim=1) - radius
    points = offsets + torch.tensor([1.0, 2.0, 3.0], dtype=dtype)
    torch.testing.assert_close(field(points)[:, 0], expected, rtol=0, atol=2e-5)
    gradient = field.gradient(points[expected.abs() > 0.1])[:, 0]
    unit = torch.nn.functional.normalize(offsets[expected.abs() > 0.1])
    torch.testing.assert_close(gradient, unit, rtol=0, atol=1e-3)


def exposed_surface(atoms: Atoms, radii: np.ndarray, n: int) -> torch.Tensor:
    """Points on the surface of a union of balls, by sampling its spheres."""
    directions = torch.nn.functional.normalize(torch.randn(n, 3, dtype=torch.float64))
    centers, radii = torch.as_tensor(atoms.positions), torch.as_tensor(radii)
    samples = (centers[:, None] + radii[:, None, None] * directions).flatten(0, 1)
    return samples[(torch.cdist(samples, centers) > radii - 1e-9).all(dim=1)]


@pytest.mark.parametrize("name", ["CO2", "H2O", "CH4", "C6H6", "CH3CH2OH", "BF3"])
def test_exact_distance_is_that_to_the_nearest_sample(name, points_near):
    atoms = molecule(name)
    points = points_near(atoms, 200, torch.float64)
    distance = ExactDistance().of(atoms, dtype=torch.float64)(points)[:, 0]
    samples = exposed_surface(atoms, vdw_radii[atoms.numbers], 20000)
    excess = torch.cdist(points, samples).amin(dim=1) - distance.abs()
    assert excess.min() > -1e-9  # no sample is nearer than the exact distance
    assert excess.max() < 0.06
    assert excess.mean() < 0.01
    assert (distance < 0).any() and (distance > 0).any()


def test_exact_distance_agrees_outside_and_is_deeper_inside(atoms, dtype, points_near):
    points = points_near(atoms, 300, dtype)
    simple = BallDistance().of(atoms, dtype=dtype)(points)
    exact = ExactDistance().of(atoms, dtype=dtype)(points)
    tolerance = {torch.float32: 2e-3, torch.float64: 1e-7}[dtype]
    assert (exact - simple)[simple > 0].abs().max() == 0
    assert ((exact - simple)[simple < 0] <= tolerance).all()


def test_exact_distance_is_deeper_between_atoms():
    field = ExactDistance(radii={"H": 1.0}).of(
        Atoms("H2", positions=[[0, 0, -0.5], [0, 0, 0.5]]), dtype=torch.float64
    )
    ring = np.sqrt(1 - 0.25)  # radius of the circle in which the spheres meet
    expected = torch.tensor([-ring, -np.hypot(ring - 0.1, 0.0)], dtype=torch.float64)
    torch.testing.assert_close(field([[0, 0, 0], [0.1, 0, 0]])[:, 0], expected)


def test_exact_distance_has_unit_gradient(points_near):
    atoms = molecule("CH3CH2OH")
    points = points_near(atoms, 200, torch.float64)
    slope = ExactDistance().of(atoms, dtype=torch.float64).gradient(points)[:, 0].norm(dim=1)
    torch.testing.assert_close(slope, torch.ones_like(slope), rtol=0, atol=1e-9)


def test_soft_minimum_lies_where_the_docstring_says(atoms, points_near):
    points = points_near(atoms, 200, torch.float64)
    hard = BallDistance().of(atoms, dtype=torch.float64)(points)
    soft = SmoothDistance(sharpness=5.0).of(atoms, dtype=torch.float64)(points)
    assert (soft <= hard + 1e-12).all()
    assert (soft >= hard - np.log(len(atoms)) / 5.0 - 1e-12).all()


def test_gaussian_distance_vanishes_where_the_gaussians_add_up_to_one(points_near):
    from schnetpack_molfield.fields import VectorFunction

    atoms = molecule("CH3CH2OH")
    points = points_near(atoms, 500, torch.float64)
    total = VectorFunction({"all": ["C", "H", "O"]}, beta=4.0).of(atoms, dtype=torch.float64)
    surface = GaussianDistance(beta=4.0).of(atoms, dtype=torch.float64)
    clear = (total(points) - 1).abs() > 1e-3
    assert torch.equal((total(points) > 1)[clear], (surface(points) < 0)[clear])


def test_solvent_excluded_surface_fills_the_gap_between_two_atoms():
    atoms = Atoms("He2", positions=[[0, 0, -1.8], [0, 0, 1.8]])  # 3.6 A apart: spheres don't meet
    middle = [[0.0, 0.0, 0.0]]
    vdw = BallDistance().of(atoms, dtype=torch.float64)(middle)
    ses = SolventExcludedDistance().of(atoms, dtype=torch.float64)(middle)
    ring = np.sqrt((1.4 + 1.4) ** 2 - 1.8**2)  # where the probe's centre gets nearest
    assert vdw > 0
    torch.testing.assert_close(ses, torch.tensor([[1.4 - ring]], dtype=torch.float64))


def test_unknown_surface_is_named():
    with pytest.raises(ValueError, match="unknown surface 'smoth'; did you mean 'smooth'"):
        molecular_surface("smoth")
