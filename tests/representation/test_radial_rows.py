"""Radial functions at tiles of points next to SchNetPack's, and densities of elements."""

import pytest
import torch
from schnetpack import properties
from schnetpack.nn import BesselRBF, CosineCutoff, GaussianRBF

from schnetpack_molfield.nn.radial import LearnedRadialEncoding
from schnetpack_molfield.representation.radial_rows import ElementDensity, radial_rows
from schnetpack_molfield.testing import molecule

BASES = {
    "gaussian": lambda: GaussianRBF(20, 4.0),
    "trainable gaussian": lambda: GaussianRBF(20, 4.0, trainable=True),
    "bessel": lambda: BesselRBF(8, 4.0),
    "learned": lambda: LearnedRadialEncoding(8, 4.0),
}


@pytest.mark.parametrize("make", BASES.values(), ids=BASES)
def test_rows_are_the_basis(make, dtype) -> None:
    basis = make().to(dtype)
    distances = 0.1 + 3.8 * torch.rand(3, 50, dtype=dtype)
    values = radial_rows(basis)(distances, torch.tensor([1, 6, 8]))
    limit = 5e-6 if dtype == torch.float32 else 1e-13
    expected = basis(distances).transpose(1, 2)
    torch.testing.assert_close(values, expected, rtol=0, atol=limit)


def test_far_tails_are_no_denormal_numbers(dtype) -> None:
    """They would be six times slower on a CPU."""
    basis = GaussianRBF(20, 4.0).to(dtype)
    values = radial_rows(basis)(torch.linspace(0, 4, 50, dtype=dtype)[None], torch.tensor([1]))
    assert values.min() > torch.finfo(dtype).tiny


def test_pairs_of_elements_know_the_chart(dtype) -> None:
    """A point has no element, the chart has its own."""
    basis = LearnedRadialEncoding(8, 4.0, pair_rank=2).to(dtype)
    for parameter in basis.parameters():
        torch.nn.init.normal_(parameter)
    distances, elements = 4 * torch.rand(3, 50, dtype=dtype), torch.tensor([1, 6, 8])
    values = radial_rows(basis)(distances, elements)
    for row, element, d in zip(values, elements, distances, strict=True):
        own = element.expand(50)
        torch.testing.assert_close(row.T, basis(d, torch.zeros_like(own), own))
    assert (radial_rows(basis)(distances, elements + 1) - values).abs().max() > 1e-2


def test_density_of_elements(dtype) -> None:
    """Against its formula, all atoms and points at once; two molecules don't see each other."""
    basis, window = GaussianRBF(8, 3.0), CosineCutoff(3.0)
    density = ElementDensity(6, basis, window).to(dtype)
    structures = [molecule("rattled ethanol"), molecule("H2O")]
    points = [1.5 * torch.randn(20, 3, dtype=dtype) for _ in structures]
    expected = []
    for atoms, x in zip(structures, points, strict=True):
        d = torch.cdist(x, torch.as_tensor(atoms.positions, dtype=dtype))
        d = torch.sqrt(d**2 + 0.01)  # (n_points, n_atoms)
        radial = density.radial_functions(basis(d))
        element = density.elements(torch.as_tensor(atoms.numbers))  # (n_atoms, 6)
        expected.append((window(d).unsqueeze(2) * radial * element).sum(dim=1))
    sizes = torch.tensor([len(atoms) for atoms in structures])
    inputs = {
        properties.Z: torch.cat([torch.as_tensor(a.numbers) for a in structures]),
        properties.R: torch.cat([torch.as_tensor(a.positions, dtype=dtype) for a in structures]),
        properties.idx_m: torch.repeat_interleave(torch.arange(2), sizes),
    }
    idx_m = torch.repeat_interleave(torch.arange(2), 20)
    torch.testing.assert_close(density(torch.cat(points), idx_m, inputs), torch.cat(expected))
