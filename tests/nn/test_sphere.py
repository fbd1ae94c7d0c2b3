"""Functions on the sphere against e3nn's harmonics, Wigner D and 3j symbols."""

from itertools import product

import pytest
import torch
from e3nn import o3
from scipy.integrate import lebedev_rule
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn.irreps import degree_of_row, irreps, n_rows
from schnetpack_molfield.nn.sphere import SoftHarmonics, SolidHarmonics, SphereProduct

IRREPS = o3.Irreps("0e + 1o + 2e")
DEGREES = [0, 1, 2, 3]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def directions(n):
    return torch.nn.functional.normalize(torch.randn(n, 3, dtype=torch.float64), dim=1)


def e3nn_harmonics(degrees, points):
    return o3.spherical_harmonics(degrees, points, normalize=True, normalization="component")


def turned(degree, matrix):
    """What an orthogonal matrix does to harmonics, (n_rows, n_rows) in float64."""
    torch.set_default_dtype(torch.float64)  # e3nn makes its generators in the default precision
    wigner = irreps(degree).D_from_matrix(matrix)
    torch.set_default_dtype(torch.float32)
    return wigner


@pytest.mark.parametrize("degree", DEGREES)
def test_harmonics_are_those_of_e3nn_far_from_the_origin(dtype, degree):
    unit = directions(20)
    distance, harmonics = SoftHarmonics(degree=degree).to(dtype)((1e6 * unit).to(dtype))
    expected = e3nn_harmonics(irreps(degree), unit).to(dtype)
    torch.testing.assert_close(harmonics, expected, rtol=0, atol=TOLERANCE[dtype])
    torch.testing.assert_close(distance, torch.full_like(distance, 1e6))


@pytest.mark.parametrize("degree", DEGREES)
def test_harmonics_fade_with_the_direction(dtype, degree):
    """Degree l is e3nn's times (|x| / d)^l."""
    x = torch.randn(20, 3, dtype=dtype) * 0.2
    distance, harmonics = SoftHarmonics(epsilon=0.1, degree=degree).to(dtype)(x)
    r = x.norm(dim=1)
    torch.testing.assert_close(distance, torch.sqrt(r**2 + 0.01))
    expected = e3nn_harmonics(irreps(degree), x) * (r / distance)[:, None] ** degree_of_row(degree)
    torch.testing.assert_close(harmonics, expected, rtol=0, atol=TOLERANCE[dtype])


def test_harmonics_are_smooth_at_the_origin():
    origin = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    soft = SoftHarmonics().double()
    distance, harmonics = soft(origin)
    assert distance.item() == pytest.approx(0.1)
    assert harmonics.tolist() == [[1.0] + [0.0] * 8]
    assert gradcheck(soft, origin, eps=1e-5)
    assert gradgradcheck(soft, origin, eps=1e-5)


def test_monomials_are_products_of_components(dtype):
    x = torch.randn(20, 3, dtype=dtype)
    pairs = torch.einsum("na,nb->nab", x, x).flatten(1)  # (20, 9)
    expected = torch.cat([torch.ones_like(x[:, :1]), x, pairs], dim=1)  # (20, 13)
    actual = SolidHarmonics().to(dtype).monomials(x.T[None])  # (1, 13, 20)
    torch.testing.assert_close(actual[0].T, expected)


@pytest.mark.parametrize("degree", DEGREES)
def test_weights_of_monomials_are_those_of_harmonics(dtype, degree):
    solid = SolidHarmonics(degree).to(dtype)
    x, weights = torch.randn(20, 3, dtype=dtype), torch.randn(2, n_rows(degree), 4, dtype=dtype)
    monomials = solid.monomials(x.T[None])[0].T  # (20, n_monomials)
    torch.testing.assert_close(monomials @ solid.of_monomials(weights), solid(x) @ weights)


@pytest.mark.parametrize("degree", DEGREES[1:])
def test_the_rule_is_exact_for_products_of_two_and_the_projection(degree):
    """Harmonics up to degree 3 L have no mean but that of degree 0."""
    layer = SphereProduct(1, 1, degree).double()
    weights = layer.from_grid[0]  # of the points, Y_0 = 1
    first, second = layer.to_grid[:, :, None], layer.to_grid[:, None, :]
    overlap = torch.einsum("p,pab->ab", weights, first * second)
    identity = torch.eye(n_rows(degree), dtype=torch.float64)
    torch.testing.assert_close(overlap, identity, rtol=0, atol=1e-12)
    unit = layer.to_grid[:, 1:4] / 3**0.5  # its points, in e3nn's order
    for order in range(1, 3 * degree + 1):
        assert (weights @ e3nn_harmonics([order], unit)).abs().max() < 1e-12


def gaunt_coefficients(degree):
    """Integrals of three harmonics, (n_rows, n_rows, n_rows), from e3nn's 3j symbols.

    A 3j symbol contracted with harmonics of one direction is the same in every direction: it is
    the factor between symbol and integral.
    """
    any_direction = directions(1)[0]
    gaunt = torch.zeros([n_rows(degree)] * 3, dtype=torch.float64)
    rows = irreps(degree).slices()
    for i, j, k in product(range(degree + 1), repeat=3):
        if not abs(i - j) <= k <= i + j:
            continue
        symbol = o3.wigner_3j(i, j, k, dtype=torch.float64)
        y = [e3nn_harmonics([order], any_direction) for order in (i, j, k)]
        gaunt[rows[i], rows[j], rows[k]] = symbol * torch.einsum("abc,a,b,c", symbol, *y)
    return gaunt


@pytest.mark.parametrize("degree", DEGREES[1:])
def test_product_couples_with_gaunt_coefficients(dtype, degree):
    layer = SphereProduct(4, 3, degree).to(dtype)
    x = torch.randn(5, n_rows(degree), 4, dtype=dtype)
    gaunt = gaunt_coefficients(degree).to(dtype)
    c = torch.einsum("abc,nak,nbk->nck", gaunt, layer.first(x), layer.second(x))
    torch.testing.assert_close(layer(x), layer.mixing(c), rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("degree", DEGREES[1:])
def test_product_is_equivariant(dtype, orthogonal, degree):
    turn = turned(degree, orthogonal[0]).to(dtype)
    layer = SphereProduct(4, 3, degree).to(dtype)
    x = torch.randn(5, n_rows(degree), 4, dtype=dtype)
    torch.testing.assert_close(layer(turn @ x), turn @ layer(x), rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("degree", DEGREES)
def test_harmonics_are_equivariant(dtype, orthogonal, degree):
    matrix, turn = orthogonal[0].to(dtype), turned(degree, orthogonal[0]).to(dtype)
    x = torch.randn(5, 3, dtype=dtype)
    soft = SoftHarmonics(degree=degree).to(dtype)
    torch.testing.assert_close(
        soft(x @ matrix.T)[1], soft(x)[1] @ turn.T, rtol=0, atol=TOLERANCE[dtype]
    )


def test_product_keeps_double_precision_after_single():
    """Tables that were rounded once would stay rounded."""
    points = torch.tensor(lebedev_rule(7)[0].T)
    expected = e3nn_harmonics(IRREPS, points)
    for layer in (SphereProduct(2, 2).double(), SphereProduct(2, 2).double().float().double()):
        torch.testing.assert_close(layer.to_grid, expected, rtol=0, atol=1e-15)
        identity = layer.from_grid @ layer.to_grid
        torch.testing.assert_close(identity, torch.eye(9).double(), rtol=0, atol=1e-14)


def test_tables_are_no_weights():
    assert all(".weight" in name for name in SphereProduct(2, 2).state_dict())
