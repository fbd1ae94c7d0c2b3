"""Cube files: what is read is what was written."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io.cube import read_cube as ase_read_cube, read_cube_data
from ase.units import Bohr, Hartree

from schnetpack_molfield.fields import MolecularField, PromoleculeDensity, QuantumCalculation
from schnetpack_molfield.grid_files import read_volume


def test_round_trip_by_our_reader_and_ases(tmp_path, dtype):
    field = PromoleculeDensity().of(molecule("CH3CH2OH"), dtype=dtype)
    path = tmp_path / "rho.cube"
    grid = field.to_cube(path, channel="electron_density", spacing=0.3)
    expected = field(grid.points)[:, 0].view(grid.shape).numpy() * Bohr**3
    with path.open() as file:
        theirs = ase_read_cube(file)
    np.testing.assert_allclose(theirs["origin"], grid.origin, rtol=0, atol=1e-6)
    np.testing.assert_allclose(theirs["spacing"], grid.steps, rtol=0, atol=1e-9)
    cell = grid.steps * np.array(grid.shape)[:, None]
    np.testing.assert_allclose(theirs["atoms"].cell, cell, rtol=0, atol=1e-6)
    np.testing.assert_allclose(theirs["atoms"].positions, field.atoms.positions, atol=1e-6)
    assert (theirs["atoms"].numbers == field.atoms.numbers).all()
    np.testing.assert_allclose(theirs["data"], expected, rtol=1e-5)
    volume = read_volume(path)
    np.testing.assert_allclose(volume.grid.points, grid.points, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(volume.only(), theirs["data"])
    assert len(volume.atoms) == len(field.atoms)


def test_values_belong_to_the_points_that_a_reader_gets(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    field.to_cube(tmp_path / "rho.cube", spacing=0.2)
    volume = read_volume(tmp_path / "rho.cube")
    again = field(volume.grid.points)[:, 0].view(volume.grid.shape)
    np.testing.assert_allclose(volume.only(), again * Bohr**3, rtol=1e-6)


def test_requested_spacing_and_margin(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    grid = field.to_cube(tmp_path / "rho.cube", spacing=0.5, margin=2.0)
    np.testing.assert_allclose(np.diag(grid.steps), 0.5, atol=1e-6)
    positions = field.atoms.positions
    assert (grid.points.min(axis=0) <= positions.min(axis=0) - 2.0 + 1e-5).all()
    assert (grid.points.max(axis=0) >= positions.max(axis=0) + 2.0 - 1e-5).all()


def test_existing_file_is_kept_without_force(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    path = tmp_path / "rho.cube"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"rho.cube exists; use force=True"):
        field.to_cube(path)
    assert path.read_text() == "mine"
    field.to_cube(path, spacing=1.0, force=True)
    assert read_volume(path).values.size > 1


def test_bad_path_is_named_before_any_work(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    with pytest.raises(ValueError, match=r"rho.txt must end in one of .cube, .cub"):
        field.to_cube(tmp_path / "rho.txt")
    with pytest.raises(FileNotFoundError, match="the folder of .*rho.cube does not exist"):
        field.to_cube(tmp_path / "nowhere" / "rho.cube")
    with pytest.raises(ValueError, match="unknown channel 'rho'"):
        field.to_cube(tmp_path / "rho.cube", channel="rho")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 1, 4, 40])
def test_truncated_file_is_named(tmp_path, keep):
    path = tmp_path / "rho.cube"
    PromoleculeDensity().of(molecule("H2O")).to_cube(path, spacing=1.0)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:keep]))
    with pytest.raises(ValueError, match="rho.cube is not a complete cube file"):
        read_volume(path)


def electrons(path, volume):
    """Sum over the values that ASE reads times the volume of a voxel in bohr^3."""
    return read_cube_data(path)[0].sum() * volume


@pytest.mark.parametrize("name", ["H2", "H2O", "CH3CH2OH"])
def test_densities_integrate_to_the_electrons_in_atomic_units(tmp_path, name, dtype):
    """By lengths in bohr, as every program that reads the file has them."""
    valence = PromoleculeDensity(electrons="valence").of(molecule(name), dtype=dtype)
    path = tmp_path / "rho.cube"
    grid = valence.to_cube(path, spacing=0.15, margin=5.0)
    expected = sum({"H": 1, "C": 4, "O": 6}[symbol] for symbol in molecule(name).symbols)
    assert electrons(path, grid.cell_volume / Bohr**3) == pytest.approx(expected, rel=2e-3)
    assert path.read_text().splitlines()[0] == "electron_density (e/bohr^3)"


def test_files_of_a_calculation_hold_what_pyscf_computes(tmp_path):
    """Density, orbital and potential at the points of the files, in atomic units."""
    scf, gto = (pytest.importorskip(f"pyscf.{name}") for name in ("scf", "gto"))
    reader = pytest.importorskip("pyscf.tools.cubegen").Cube
    mol = gto.M(atom="H 0 0 0; H 0 0 0.74", basis="sto-3g", verbose=0)
    mean_field = scf.RHF(mol).run()
    calculation = QuantumCalculation(mean_field)
    fields = {
        "e/bohr^3": calculation.density(),
        "1/bohr^1.5": calculation.orbitals(["HOMO"]),
        "Ha/e": calculation.potential(),
    }
    grid = fields["e/bohr^3"].to_cube(tmp_path / "x.cube", spacing=0.3, margin=3.0)
    points, matrix = grid.points / Bohr, mean_field.make_rdm1()
    orbitals = mol.eval_gto("GTOval", points)  # (n_points, n_ao)
    nuclei = (1 / np.linalg.norm(points[:, None] - mol.atom_coords(), axis=-1)).sum(axis=1)
    expected = {
        "e/bohr^3": np.einsum("pi,ij,pj->p", orbitals, matrix, orbitals),
        "1/bohr^1.5": orbitals @ mean_field.mo_coeff[:, 0],
        "Ha/e": nuclei - np.einsum("pij,ij->p", mol.intor("int1e_grids", grids=points), matrix),
    }
    for unit, field in fields.items():
        field.to_cube(tmp_path / "x.cube", spacing=0.3, margin=3.0, force=True)
        values = reader(mol, nx=2, ny=2, nz=2).read(tmp_path / "x.cube")  # (nx, ny, nz)
        np.testing.assert_allclose(values.ravel(), expected[unit], rtol=1e-5, atol=1e-7)
        assert f"({unit})" in (tmp_path / "x.cube").read_text().splitlines()[0]
        if unit == "e/bohr^3":
            assert values.sum() * grid.cell_volume / Bohr**3 == pytest.approx(2, abs=0.02)


CUSTOMS = [
    ("e/Ang^3", "e/bohr^3", Bohr**3),
    ("e/bohr^3", "e/bohr^3", 1.0),
    ("V", "Ha/e", 1 / Hartree),
    ("1/Ang^1.5", "1/bohr^1.5", Bohr**1.5),
    ("Ang", "Ang", 1.0),
    ("", "", 1.0),
    ("GHz", "GHz", 1.0),
]


@pytest.mark.parametrize(("own", "in_file", "factor"), CUSTOMS)
def test_every_quantity_in_the_unit_that_is_customary(tmp_path, own, in_file, factor):
    path = tmp_path / "x.cube"
    MolecularField(lambda x: 1 + x[:, :1] ** 2, molecule("H2O"), ["x"], own).to_cube(
        path, spacing=1
    )
    volume = read_volume(path)
    grid, values = volume.grid, volume.only()
    expected = (1 + grid.points[:, 0] ** 2).reshape(grid.shape)
    np.testing.assert_allclose(values, factor * expected, rtol=1e-5)
    assert path.read_text().splitlines()[0] == (f"x ({in_file})" if in_file else "x")


@pytest.mark.parametrize("units", ["e/Ang^3", "e/A^3", "e/Angstrom3", "e / Angstrom^3"])
def test_units_override_the_custom(tmp_path, units):
    field = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    path = tmp_path / "x.cube"
    grid = field.to_cube(path, spacing=0.5, units=units)
    expected = field(grid.points)[:, 0].view(grid.shape)
    np.testing.assert_allclose(read_volume(path).only(), expected, rtol=1e-6)
    assert path.read_text().splitlines()[0] == f"electron_density ({units})"


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("e/Bohr", "'e/Ang\\^3' can't be converted to 'e/Bohr', only to e/bohr\\^3, e/Ang\\^3"),
        ("V", "'e/Ang\\^3' can't be converted to 'V'"),
    ],
)
def test_units_of_another_quantity(tmp_path, units, message):
    field = PromoleculeDensity().of(molecule("H2O"))
    with pytest.raises(ValueError, match=message):
        field.to_cube(tmp_path / "x.cube", units=units)
    assert not list(tmp_path.iterdir())


def test_lengths_in_angstrom_where_the_first_count_is_negative(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    grid = field.to_cube(tmp_path / "bohr.cube", spacing=0.5)
    lines = (tmp_path / "bohr.cube").read_text().splitlines()
    for k in range(2, 9):  # number of atoms and origin, three times count and step, three atoms
        *numbers, x, y, z = lines[k].split()
        lengths = [f"{float(length) * Bohr:.9f}" for length in (x, y, z)]
        lines[k] = " ".join(["-" * (k in (3, 4, 5)) + numbers[0], *numbers[1:], *lengths])
    (tmp_path / "angstrom.cube").write_text("\n".join(lines))
    volume = read_volume(tmp_path / "angstrom.cube")
    atoms, read_grid, values = volume.atoms, volume.grid, volume.only()
    np.testing.assert_allclose(read_grid.points, grid.points, rtol=0, atol=1e-6)
    np.testing.assert_allclose(atoms.positions, field.atoms.positions, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(values, read_volume(tmp_path / "bohr.cube").only())
