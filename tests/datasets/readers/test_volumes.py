"""Files of electron densities on grids as training data."""

import gzip
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.calculators.vasp import VaspChargeDensity
from ase.units import Bohr
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import Request, read_frames, write_database
from schnetpack_molfield.fields import Grid, PromoleculeDensity
from schnetpack_molfield.fields.cube import write_cube
from schnetpack_molfield.grid_files import Volume, write_volume
from schnetpack_molfield.transform import GridPoints


def density(name: str) -> tuple[Atoms, Grid, np.ndarray]:
    """A promolecule in e/Ang^3 on a grid whose vectors are turned and of different lengths."""
    atoms = molecule(name)
    shape = (24, 22, 20)
    steps = np.array([[0.3, 0.1, 0], [-0.1, 0.35, 0], [0, 0.05, 0.4]])
    middle = atoms.positions.mean(axis=0)
    grid = Grid(middle - np.array(shape) / 2 @ steps, steps, shape).as_written_in_cube()
    field = PromoleculeDensity().of(atoms, dtype=torch.float64)
    return atoms, grid, field(grid.points).view(shape).numpy()


@pytest.mark.parametrize(
    ("factor", "comment"),
    [(Bohr**3, "from some program"), (1.0, "from another"), (1.0, "rho (e/Ang^3)")],
)
def test_densities_come_back_at_their_points(tmp_path: Path, factor: float, comment: str) -> None:
    for name in ("H2O", "CH4"):
        atoms, grid, values = density(name)
        write_cube(tmp_path / f"{name}.cube", atoms, grid, factor * values, comment)
    sources = [read_frames(file, Request()) for file in sorted(tmp_path.glob("*.cube"))]
    write_database(tmp_path / "rho.db", sources)
    data = ASEAtomsData(str(tmp_path / "rho.db"), transforms=[GridPoints(n_points=None)])
    assert len(data) == 2 and data.units["electron_density"] == "e/Ang^3"
    for index, name in enumerate(("CH4", "H2O")):
        sample = data[index]
        exact = PromoleculeDensity().of(molecule(name), dtype=torch.float64)
        expected = exact(sample["field_points"])
        torch.testing.assert_close(
            sample["electron_density"].double(), expected, rtol=3e-5, atol=1e-6
        )


def test_what_is_no_density(tmp_path: Path) -> None:
    atoms, grid, values = density("H2O")
    write_cube(tmp_path / "x.cube", atoms, grid, values - values.mean(), "potential")
    with pytest.raises(ValueError, match="no electron density, and nothing else"):
        read_frames(tmp_path / "x.cube", Request())
    write_cube(tmp_path / "x.cube", atoms, grid, 1000 * values, "rho")
    with pytest.raises(ValueError, match=r"beyond the cores it adds up to .* OH2 has some 8"):
        read_frames(tmp_path / "x.cube", Request())
    write_cube(tmp_path / "x.cube", atoms, grid, 0.3 * values, "rho (e/Ang^3)")
    read_frames(tmp_path / "x.cube", Request())  # what the file says wins, if it may be
    text = (tmp_path / "x.cube").read_text()
    (tmp_path / "x.cube").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match="not a complete cube file"):
        read_frames(tmp_path / "x.cube", Request())


def stored(path: Path, file: Path) -> dict[str, torch.Tensor]:
    """The only sample of a database that is made of a file."""
    write_database(path, [read_frames(file, Request())], overwrite=True)
    return ASEAtomsData(str(path), transforms=[GridPoints(n_points=None)])[0]


def check(sample: dict[str, torch.Tensor], atoms: Atoms, tolerance: float = 1e-4) -> None:
    """The density of a sample is the promolecule's of these atoms where it says it is."""
    exact = PromoleculeDensity().of(atoms, dtype=torch.float64)(sample["field_points"])
    found = sample["electron_density"].double()
    torch.testing.assert_close(found, exact, rtol=tolerance, atol=tolerance)
    positions = sample["_positions"].numpy()
    np.testing.assert_allclose(positions, atoms.positions, rtol=0, atol=1e-5)


@pytest.mark.parametrize("ending", [".dx", ".ccp4", ".map", ".vti", ".npz", ".cube.gz", ".dx.gz"])
def test_other_formats(tmp_path: Path, ending: str) -> None:
    atoms = molecule("CH3OH")
    plain = tmp_path / f"rho{ending.removesuffix('.gz')}"
    PromoleculeDensity().of(atoms, dtype=torch.float64).to_grid(plain, spacing=0.3)
    ase.io.write(tmp_path / "rho.xyz", atoms)
    if ending.endswith(".gz"):
        plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    check(stored(tmp_path / "rho.db", tmp_path / f"rho{ending}"), atoms)


def test_formats_without_atoms_need_a_structure(tmp_path: Path) -> None:
    atoms = molecule("H2O")
    PromoleculeDensity().of(atoms).to_grid(tmp_path / "rho.dx", spacing=0.4)
    with pytest.raises(ValueError, match=r"put their structure beside it as rho.xyz, .sdf"):
        read_frames(tmp_path / "rho.dx", Request())
    ase.io.write(tmp_path / "rho.xyz", atoms)
    read_frames(tmp_path / "rho.dx", Request())
    other = atoms.copy()
    other.positions = other.positions[:, [1, 2, 0]] + [0, 0, 1.5]
    ase.io.write(tmp_path / "rho.xyz", other)
    with pytest.raises(ValueError, match="its density isn't where its atoms are"):
        read_frames(tmp_path / "rho.dx", Request())


def test_another_order_of_axes_is_noticed(tmp_path: Path) -> None:
    atoms = molecule("CH3CH2OH")
    field = PromoleculeDensity().of(atoms, dtype=torch.float64)
    grid, values = field.grid(spacing=0.4, margin=3.0)
    mixed = values[..., 0].numpy().ravel(order="F").reshape(grid.shape)
    write_cube(tmp_path / "x.cube", atoms, grid, mixed, "rho (e/Ang^3)")
    with pytest.raises(ValueError, match="another structure, origin or order of the axes"):
        read_frames(tmp_path / "x.cube", Request())


def in_a_box(atoms: Atoms, shift: np.ndarray, electrons: str = "all") -> tuple[Atoms, np.ndarray]:
    """Atoms in a periodic box, wrapped, and their density (20, 24, 28), images and all."""
    box = atoms.copy()
    box.set_cell([[8.0, 0, 0], [0.5, 9.0, 0], [0, 1.0, 10.0]])
    box.pbc = True
    box.positions += shift
    box.wrap()
    shape = (20, 24, 28)
    grid = Grid(np.zeros(3), np.array(box.cell) / np.array(shape)[:, None], shape)
    field = PromoleculeDensity(electrons=electrons).of(box, dtype=torch.float64)
    images = [i @ box.cell for i in np.ndindex(3, 3, 3)]
    values = sum(field(grid.points + image - box.cell.sum(axis=0)) for image in images)
    return box, values.view(shape).numpy()


def write_chgcar(path: Path, box: Atoms, values: np.ndarray) -> None:
    density = VaspChargeDensity(None)
    density.atoms, density.chg = [box], [values]
    density.write(str(path), format="chgcar")


@pytest.mark.parametrize("shift", [[4, 4, 4], [0, 0, 0], [0.3, 8.9, -0.4]])
def test_a_molecule_in_the_box_of_a_chgcar(tmp_path: Path, shift: list[float]) -> None:
    """It is made whole, and the points around it are those of the density."""
    box, values = in_a_box(molecule("CH3OH"), np.array(shift))
    write_chgcar(tmp_path / "CHGCAR", box, values)
    sample = stored(tmp_path / "rho.db", tmp_path / "CHGCAR")
    positions = sample["_positions"].numpy()
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    np.testing.assert_allclose(distances, molecule("CH3OH").get_all_distances(), atol=1e-5)
    check(sample, Atoms(sample["_atomic_numbers"].numpy(), positions), 2e-4)


def test_valence_electrons_only(tmp_path: Path) -> None:
    box, values = in_a_box(molecule("CH3OH"), np.array([4, 4, 4]), "valence")
    write_chgcar(tmp_path / "CHGCAR", box, values)
    with pytest.warns(UserWarning, match="valence electrons only: the cores of free atoms"):
        sample = stored(tmp_path / "rho.db", tmp_path / "CHGCAR")
    atoms = Atoms(sample["_atomic_numbers"].numpy(), sample["_positions"].numpy())
    check(sample, atoms, 2e-4)


def test_boxes_that_hold_no_molecule(tmp_path: Path) -> None:
    box, values = in_a_box(molecule("CH3OH"), np.array([4, 4, 4]))
    box.set_cell(box.cell * 0.6)
    write_chgcar(tmp_path / "CHGCAR", box, values)
    with pytest.raises(ValueError, match=r"less than 4 Angstrom from periodic images .*vacuum"):
        read_frames(tmp_path / "CHGCAR", Request())
    write_chgcar(tmp_path / "LOCPOT", box, values)
    with pytest.raises(ValueError, match=r"it holds local_potential \(eV\): no electron density"):
        read_frames(tmp_path / "LOCPOT", Request())


def test_voxels_that_are_no_numbers_and_several_orbitals(tmp_path: Path) -> None:
    atoms, grid, values = density("H2O")
    values[3, 4, 5] = np.nan
    write_cube(tmp_path / "x.cube", atoms, grid, values, "rho")
    with pytest.raises(ValueError, match=r"1 of its 10560 voxels aren't numbers.*\(3, 4, 5\)"):
        read_frames(tmp_path / "x.cube", Request())
    field = PromoleculeDensity().of(atoms).derived("electric_field")
    field.to_grid(tmp_path / "x.vti", spacing=1.0)
    with pytest.raises(ValueError, match=r"electric_field_x \(V/Ang\).*no electron density"):
        read_frames(tmp_path / "x.vti", Request())
    values[3, 4, 5] = 0
    both = Volume(grid, np.stack([values, values], -1), ["a", "b"], ["", ""], atoms)
    write_volume(tmp_path / "x.npz", both)
    with pytest.raises(ValueError, match="2 quantities .* expected one electron density"):
        read_frames(tmp_path / "x.npz", Request())
