"""Quadrature over all space against integrals that are known."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.fields import VectorFunction, atom_centered_quadrature


def test_gaussians_of_every_molecule(atoms, dtype):
    function = VectorFunction({"all": ["H", "He", "B", "C", "N", "O", "F"]}, beta=2.0, radii="vdw")
    field = function.of(atoms, dtype=dtype)
    radii = function.radii(torch.as_tensor(atoms.numbers), torch.zeros(1, dtype=torch.float64))
    exact = float((radii**3).sum()) * np.exp(2.0) * (np.pi / 2.0) ** 1.5
    assert field.integral() == pytest.approx(exact, rel=2e-3)


def test_first_moments(dtype):
    atoms = molecule("CH3CH2OH")
    positions = torch.as_tensor(atoms.positions, dtype=dtype)
    points, weights = atom_centered_quadrature(torch.as_tensor(atoms.numbers), positions)
    density = VectorFunction({"all": ["H", "C", "O"]}, radii={"H": 1, "C": 1, "O": 1})
    values = density.of(atoms, dtype=dtype)(points)[:, 0] * weights
    center = (values.unsqueeze(1) * points).sum(dim=0) / values.sum()
    torch.testing.assert_close(center, positions.mean(dim=0), rtol=0, atol=2e-3)
    assert points.dtype == weights.dtype == dtype


def test_more_points_are_more_accurate():
    atom = torch.tensor([6]), torch.zeros(1, 3, dtype=torch.float64)
    errors = []
    for n_radial in (10, 20, 40):
        points, weights = atom_centered_quadrature(*atom, n_radial=n_radial, degree=11)
        errors.append(abs(float((weights * torch.exp(-points.norm(dim=1))).sum()) - 8 * np.pi))
    assert errors[0] > 10 * errors[1] > 100 * errors[2] or errors[2] < 1e-8


def test_coincident_atoms_share_space():
    field = VectorFunction(["He"]).of(Atoms("He2"), dtype=torch.float64)
    one = VectorFunction(["He"]).of(Atoms("He"), dtype=torch.float64)
    assert field.integral() == pytest.approx(2 * one.integral(), rel=1e-6)


def test_a_batch_is_its_molecules(dtype):
    molecules = [molecule(name) for name in ("H2O", "H2", "CH3CH2OH")]
    single = [
        atom_centered_quadrature(
            torch.as_tensor(a.numbers), torch.as_tensor(a.positions, dtype=dtype), 5, 7
        )
        for a in molecules
    ]
    together = atom_centered_quadrature(
        torch.cat([torch.as_tensor(a.numbers) for a in molecules]),
        torch.cat([torch.as_tensor(a.positions, dtype=dtype) for a in molecules]),
        n_radial=5,
        degree=7,
        idx_m=torch.repeat_interleave(torch.arange(3), torch.tensor([3, 2, 9])),
    )
    for actual, expected in zip(together, zip(*single, strict=True), strict=True):
        torch.testing.assert_close(actual, torch.cat(expected))
