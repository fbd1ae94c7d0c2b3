"""Functions on the sphere against e3nn's harmonics, Wigner D and 3j symbols."""

from itertools import product

import pytest
import torch
from e3nn import o3
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn.sphere import (
    SoftHarmonics,
    SolidHarmonics,
    SphereProduct,
    octahedral_rule,
)

IRREPS = o3.Irreps("0e + 1o + 2e")
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def directions(n):
    return torch.nn.functional.normalize(torch.randn(n, 3, dtype=torch.float64), dim=1)


def e3nn_harmonics(degrees, points):
    return o3.spherical_harmonics(degrees, points, normalize=True, normalization="component")


def test_harmonics_are_those_of_e3nn_far_from_the_origin(dtype):
    unit = directions(20)
    distance, harmonics = SoftHarmonics().to(dtype)((1e6 * unit).to(dtype))
    expected = e3nn_harmonics(IRREPS, unit).to(dtype)
    torch.testing.assert_close(harmonics, expected, rtol=0, atol=TOLERANCE[dtype])
    torch.testing.assert_close(distance, torch.full_like(distance, 1e6))


def test_harmonics_fade_with_the_direction(dtype):
    """Degree l is e3nn's times (|x| / d)^l."""
    x = torch.randn(20, 3, dtype=dtype) * 0.2
    distance, harmonics = SoftHarmonics(epsilon=0.1).to(dtype)(x)
    r = x.norm(dim=1)
    torch.testing.assert_close(distance, torch.sqrt(r**2 + 0.01))
    power = torch.tensor([0, 1, 1, 1, 2, 2, 2, 2, 2])
    expected = e3nn_harmonics(IRREPS, x) * (r / distance)[:, None] ** power
    torch.testing.assert_close(harmonics, expected, rtol=0, atol=TOLERANCE[dtype])


def test_harmonics_are_smooth_at_the_origin():
    origin = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    soft = SoftHarmonics().double()
    distance, harmonics = soft(origin)
    assert distance.item() == pytest.approx(0.1)
    assert harmonics.tolist() == [[1.0] + [0.0] * 8]
    assert gradcheck(soft, origin, eps=1e-5)
    assert gradgradcheck(soft, origin, eps=1e-5)


def test_weights_of_monomials_are_those_of_harmonics(dtype):
    solid = SolidHarmonics().to(dtype)
    x, weights = torch.randn(20, 3, dtype=dtype), torch.randn(2, 9, 4, dtype=dtype)
    pairs = torch.einsum("na,nb->nab", x, x).flatten(1)  # (20, 9)
    monomials = torch.cat([torch.ones_like(x[:, :1]), x, pairs], dim=1)  # (20, 13)
    expected = solid(x) @ weights
    torch.testing.assert_close(monomials @ solid.of_monomials(weights), expected)


def test_quadrature_is_exact_up_to_degree_7():
    points, weights = octahedral_rule()
    values = e3nn_harmonics(list(range(8)), points)  # (26, 64)
    degree = torch.arange(64).sqrt().floor()
    overlap = torch.einsum("p,pa,pb->ab", weights, values, values)  # (64, 64)
    exact = degree[:, None] + degree <= 7
    torch.testing.assert_close(
        overlap[exact], torch.eye(64, dtype=torch.float64)[exact], rtol=0, atol=1e-14
    )


def test_quadrature_is_not_exact_at_degree_8():
    points, weights = octahedral_rule()
    assert (weights @ e3nn_harmonics([8], points)).abs().max() > 0.1


def gaunt_coefficients():
    """Integrals of three harmonics, (9, 9, 9), from e3nn's 3j symbols.

    A 3j symbol contracted with harmonics of one direction is the same in every direction: it is
    the factor between symbol and integral.
    """
    any_direction = directions(1)[0]
    gaunt = torch.zeros(9, 9, 9, dtype=torch.float64)
    rows = IRREPS.slices()
    for i, j, k in product(range(3), repeat=3):
        if not abs(i - j) <= k <= i + j:
            continue
        symbol = o3.wigner_3j(i, j, k, dtype=torch.float64)
        y = [e3nn_harmonics([degree], any_direction) for degree in (i, j, k)]
        gaunt[rows[i], rows[j], rows[k]] = symbol * torch.einsum("abc,a,b,c", symbol, *y)
    return gaunt


def test_product_couples_with_gaunt_coefficients(dtype):
    layer = SphereProduct(4, 3).to(dtype)
    x = torch.randn(5, 9, 4, dtype=dtype)
    gaunt = gaunt_coefficients().to(dtype)
    c = torch.einsum("abc,nak,nbk->nck", gaunt, layer.first(x), layer.second(x))
    torch.testing.assert_close(layer(x), layer.mixing(c), rtol=0, atol=TOLERANCE[dtype])


def test_product_is_equivariant(dtype, orthogonal):
    turn = orthogonal[1].to(dtype)
    layer = SphereProduct(4, 3).to(dtype)
    x = torch.randn(5, 9, 4, dtype=dtype)
    torch.testing.assert_close(layer(turn @ x), turn @ layer(x), rtol=0, atol=TOLERANCE[dtype])


def test_harmonics_are_equivariant(dtype, orthogonal):
    matrix, turn = (m.to(dtype) for m in orthogonal)
    x = torch.randn(5, 3, dtype=dtype)
    soft = SoftHarmonics().to(dtype)
    torch.testing.assert_close(
        soft(x @ matrix.T)[1], soft(x)[1] @ turn.T, rtol=0, atol=TOLERANCE[dtype]
    )


def test_product_keeps_double_precision_after_single():
    """Tables that were rounded once would stay rounded."""
    points, weights = octahedral_rule()
    expected = e3nn_harmonics(IRREPS, points)
    for layer in (SphereProduct(2, 2).double(), SphereProduct(2, 2).double().float().double()):
        torch.testing.assert_close(layer.to_grid, expected, rtol=0, atol=1e-15)
        identity = layer.from_grid @ layer.to_grid
        torch.testing.assert_close(identity, torch.eye(9).double(), rtol=0, atol=1e-14)


def test_tables_are_no_weights():
    assert all(".weight" in name for name in SphereProduct(2, 2).state_dict())
