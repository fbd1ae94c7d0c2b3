"""Encodings of angles and dihedrals, above all where angles are singular."""

import math

import ase
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn import (
    LearnedAngularEncoding,
    LearnedDihedralEncoding,
    cos_angle,
    dihedral_components,
)


def random_features(encoding):
    """The encoding with random coefficients, in float64."""
    torch.nn.init.normal_(encoding.spline.coefficients)
    return encoding.double()


def angle_features(encoding, bend):
    """Features of a triatomic molecule bent by `bend` away from 180 degrees."""
    zero = torch.zeros_like(bend)
    left = torch.stack([zero - 1.1, zero, zero], dim=-1)
    right = 1.2 * torch.stack([bend.cos(), bend.sin(), zero], dim=-1)
    return encoding(cos_angle(left, right))


def test_angles_start_as_chebyshev_polynomials(dtype):
    theta = torch.linspace(0, math.pi, 301, dtype=dtype)
    expected = torch.cos(theta[:, None] * torch.arange(8))
    learned = LearnedAngularEncoding(8).to(dtype)(theta.cos())
    torch.testing.assert_close(learned, expected, rtol=0, atol=5e-4)


@pytest.mark.parametrize("chiral", [False, True])
def test_dihedrals_start_as_fourier_functions(chiral):
    phi = torch.linspace(-7, 7, 301, dtype=torch.float64)
    functions = [phi * 0 + 1, phi.cos(), phi.sin(), (2 * phi).cos(), (2 * phi).sin()]
    if not chiral:
        functions = [torch.cos(k * phi) for k in range(5)]
    encoding = LearnedDihedralEncoding(5, chiral=chiral, epsilon=0.0).double()
    learned = encoding(3 * phi.cos(), 3 * phi.sin())
    torch.testing.assert_close(learned, torch.stack(functions, dim=-1), rtol=0, atol=2e-4)


@pytest.mark.parametrize("straight", [0.0, math.pi])
def test_angle_is_smooth_through_0_and_180_degrees(straight):
    encoding = random_features(LearnedAngularEncoding(3))
    for size in (1e-1, 1e-4, 1e-8, 0.0):
        bend = torch.tensor([-size, size], dtype=torch.float64) + straight
        bend.requires_grad_()
        values = angle_features(encoding, bend)
        torch.testing.assert_close(values[0], values[1], rtol=0, atol=1e-9)
        (slope,) = torch.autograd.grad(values[:, 0].sum(), bend, create_graph=True)
        (second,) = torch.autograd.grad(slope.sum(), bend)
        assert slope.abs().max() <= 1e3 * size + 1e-9, "an even function has no slope there"
        torch.testing.assert_close(second[0], second[1], rtol=1e-5, atol=1e-6)


def test_angle_of_coincident_atoms_is_finite(dtype):
    r = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    values = LearnedAngularEncoding(3).to(dtype)(cos_angle(r, torch.ones_like(r)))
    (slope,) = torch.autograd.grad(values.sum(), r)
    assert values.isfinite().all() and slope.isfinite().all()


def four_atoms(phi):
    """Bonds of a chain with two right angles and the dihedral phi."""
    b1 = torch.tensor([0.0, -1.2, 0.0], dtype=torch.float64)
    b2 = torch.tensor([1.5, 0.0, 0.0], dtype=torch.float64)
    b3 = torch.stack([phi * 0, phi.cos(), phi.sin()], dim=-1)
    return b1, b2, b3


@pytest.mark.parametrize("phi", [0.3, 2.0, -1.0, -3.0])
def test_dihedral_components_agree_with_ase(phi):
    bonds = four_atoms(torch.tensor(phi, dtype=torch.float64))
    x, y = dihedral_components(*bonds)
    positions = torch.stack([torch.zeros(3).double(), *bonds]).cumsum(0)
    expected = math.radians(ase.Atoms("H4", positions.numpy()).get_dihedral(0, 1, 2, 3))
    assert math.remainder(float(torch.atan2(y, x)) - expected, 2 * math.pi) == pytest.approx(0)


def test_mirror_images():
    phi = torch.tensor([0.7, -2.5], dtype=torch.float64)
    x, y = 2 * phi.cos(), 2 * phi.sin()
    even = random_features(LearnedDihedralEncoding(3))
    torch.testing.assert_close(even(x, y), even(x, -y), rtol=0, atol=1e-12)
    chiral = random_features(LearnedDihedralEncoding(3, chiral=True))
    assert (chiral(x, y) - chiral(x, -y)).abs().max() > 1e-2


@pytest.mark.parametrize("chiral", [False, True])
def test_dihedral_is_smooth_where_it_is_undefined(chiral):
    encoding = random_features(LearnedDihedralEncoding(3, chiral=chiral))
    for size in (1e-2, 1e-4, 0.0):
        xy = size * torch.tensor([[1.0, 0.3], [-0.2, 1.0], [0.5, -0.8]], dtype=torch.float64)
        xy.requires_grad_()
        values = encoding(xy[:, 0], xy[:, 1])
        (slope,) = torch.autograd.grad(values.sum(), xy, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum() + slope.sum(), xy)
        assert values.abs().max() <= 1e5 * size**4
        assert slope.abs().max() <= 1e6 * size**3
        assert second.abs().max() <= 1e8 * size**2


@pytest.mark.parametrize("chiral", [False, True])
def test_gradients(chiral):
    dihedral = random_features(LearnedDihedralEncoding(2, 8, chiral=chiral))
    angle = random_features(LearnedAngularEncoding(2, 8))
    bonds = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    def evaluate(b1, b2, b3):
        return angle(cos_angle(b1, b2)) + dihedral(*dihedral_components(b1, b2, b3))

    assert gradcheck(evaluate, bonds)
    assert gradgradcheck(evaluate, bonds)


def test_roughness_along_the_angle():
    """The mean over k of the integral of (k^2 cos(k theta))^2."""
    expected = sum(k**4 for k in range(1, 6)) / 6
    angle = LearnedAngularEncoding(6, 96).spline.roughness().item()
    dihedral = LearnedDihedralEncoding(6, 96).spline.roughness().item()
    assert angle == pytest.approx(expected * math.pi / 2, rel=0.01)
    assert dihedral == pytest.approx(expected * math.pi, rel=0.02)


def test_script(dtype):
    x, y = torch.randn(2, 5, 1, dtype=dtype).clamp(-1, 1)
    angle, dihedral = LearnedAngularEncoding(4).to(dtype), LearnedDihedralEncoding(4).to(dtype)
    assert torch.jit.script(angle)(x).shape == (5, 1, 4)
    torch.testing.assert_close(torch.jit.script(angle)(x), angle(x))
    torch.testing.assert_close(torch.jit.script(dihedral)(x, y), dihedral(x, y))
