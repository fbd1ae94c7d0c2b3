"""What is written is what other programs read: the same points, numbers and units."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.units import Bohr

from schnetpack_molfield.fields import Grid, MolecularField, PromoleculeDensity
from schnetpack_molfield.grid_files import WRITTEN, Volume, read_volume, write_volume

#: Readers hand out origin and steps in Angstrom, and values in e/Ang^3 at (nx, ny, nz).
Read = tuple[np.ndarray, np.ndarray, np.ndarray]


def by_ase(path: Path) -> Read:
    from ase.io.cube import read_cube

    with path.open() as file:
        content = read_cube(file)
    return content["origin"], content["spacing"], content["data"] / Bohr**3


def by_pyscf(path: Path) -> Read:
    mol = pytest.importorskip("pyscf.gto").M(atom="He", verbose=0)
    cube = pytest.importorskip("pyscf.tools.cubegen").Cube(mol, nx=2, ny=2, nz=2)
    values = cube.read(str(path))
    steps = np.diag(cube.box.diagonal() / values.shape)
    return cube.boxorig * Bohr, steps * Bohr, values / Bohr**3


def by_iodata(path: Path) -> Read:
    cube = pytest.importorskip("iodata").load_one(str(path)).cube
    return cube.origin * Bohr, cube.axes * Bohr, cube.data / Bohr**3


def by_gemmi(path: Path) -> Read:
    gemmi = pytest.importorskip("gemmi")
    ccp4 = gemmi.read_ccp4_map(str(path))
    ccp4.setup(float("nan"), gemmi.MapSetup.ReorderOnly)
    cell = ccp4.grid.unit_cell
    steps = np.diag(np.array([cell.a, cell.b, cell.c]) / [ccp4.header_i32(k) for k in (8, 9, 10)])
    start = [ccp4.header_i32(k) for k in (5, 6, 7)]
    return start @ steps, steps, np.array(ccp4.grid)


def by_mrcfile(path: Path) -> Read:
    with pytest.importorskip("mrcfile").open(path) as file:
        steps = np.diag([float(file.voxel_size[axis]) for axis in "xyz"])
        start = [int(file.nstart[axis]) for axis in "xyz"]
        return start @ steps, steps, file.data.T.astype(float)


def by_grid_data(path: Path) -> Read:
    grid = pytest.importorskip("gridData").Grid(str(path))
    return grid.origin, np.diag(grid.delta), grid.grid


def by_openbabel(path: Path) -> Read:
    openbabel = pytest.importorskip("openbabel.openbabel")
    mol, conversion = openbabel.OBMol(), openbabel.OBConversion()
    conversion.SetInFormat(path.suffix[1:])
    assert conversion.ReadFile(mol, str(path))
    data = openbabel.toGridData(mol.GetData(openbabel.GridData))
    axes = [data.GetXAxis(), data.GetYAxis(), data.GetZAxis()]
    steps = np.array([[axis.GetX(), axis.GetY(), axis.GetZ()] for axis in axes])
    origin, end = data.GetOriginVector(), data.GetMaxVector()
    first = np.array([origin.GetX(), origin.GetY(), origin.GetZ()])
    last = np.array([end.GetX(), end.GetY(), end.GetZ()])
    shape = np.round((last - first) / steps.diagonal()).astype(int) + 1
    return first, steps, np.array(data.GetValues()).reshape(shape)


def by_pyvista(path: Path) -> Read:
    image = pytest.importorskip("pyvista").read(path)
    values = np.array(image.active_scalars).reshape(image.dimensions, order="F")
    return np.array(image.origin), np.diag(image.spacing), values


def by_vtk(path: Path) -> Read:
    reader = pytest.importorskip("vtkmodules.vtkIOXML").vtkXMLImageDataReader()
    numpy_support = pytest.importorskip("vtkmodules.util.numpy_support")
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    flat = numpy_support.vtk_to_numpy(image.GetPointData().GetArray(0))
    values = flat.reshape(image.GetDimensions(), order="F")
    return np.array(image.GetOrigin()), np.diag(image.GetSpacing()), values


def by_numpy(path: Path) -> Read:
    with np.load(path) as arrays:
        assert arrays["units"].tolist() == ["e/Ang^3"]
        return arrays["origin_A"], arrays["steps_A"], arrays["values"][..., 0]


READERS = [
    *((".cube", reader) for reader in (by_ase, by_pyscf, by_iodata)),
    *((".dx", reader) for reader in (by_grid_data, by_openbabel)),
    *((".ccp4", reader) for reader in (by_gemmi, by_mrcfile, by_grid_data)),
    *((".mrc", reader) for reader in (by_gemmi, by_mrcfile, by_grid_data)),
    *((".vti", reader) for reader in (by_pyvista, by_vtk)),
    (".npz", by_numpy),
]


def water(dtype: torch.dtype = torch.float64) -> MolecularField:
    atoms = molecule("H2O")
    atoms.rotate(40, (1, 2, 3))
    atoms.translate((0.31, -2.7, 5.123))
    return PromoleculeDensity().of(atoms, dtype=dtype)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(("ending", "reader"), READERS)
def test_other_programs_read_the_field_at_its_points(tmp_path, ending, reader):
    field, path = water(), tmp_path / f"rho{ending}"
    written = field.to_grid(path, spacing=0.4, margin=2.0)
    origin, steps, values = reader(path)
    nx, ny, nz = values.shape
    read = Grid(np.array(origin, float), np.array(steps, float), (nx, ny, nz))
    assert read.shape == written.shape and len(set(read.shape)) > 1
    np.testing.assert_allclose(read.points, written.points, rtol=0, atol=3e-6)
    expected = field(read.points).view(read.shape)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("ending", WRITTEN)
def test_what_is_written_comes_back(tmp_path, ending, dtype):
    field, path = water(dtype), tmp_path / f"rho{ending}"
    written = field.to_grid(path, spacing=0.5, margin=1.5)
    volume = read_volume(path)
    np.testing.assert_allclose(volume.grid.points, written.points, rtol=0, atol=1e-6)
    unit = "e/bohr^3" if ending in (".cube", ".cub") else "e/Ang^3"
    assert volume.titles() == [f"electron_density ({unit})"]
    expected = field.in_units(unit)(written.points).view(written.shape)
    np.testing.assert_allclose(volume.only(), expected, rtol=1e-5, atol=1e-7)
    if ending in (".cube", ".cub", ".vti", ".npz"):
        assert (volume.atoms.numbers == field.atoms.numbers).all()
        np.testing.assert_allclose(volume.atoms.positions, field.atoms.positions, atol=1e-6)
    write_volume(tmp_path / f"again{ending}", volume)
    again = read_volume(tmp_path / f"again{ending}")
    np.testing.assert_array_equal(again.values, volume.values)


@pytest.mark.parametrize("ending", [".vti", ".npz"])
def test_all_channels_are_written(tmp_path, ending):
    field = water().derived("electric_field")
    field.to_grid(tmp_path / f"x{ending}", spacing=1.0)
    volume = read_volume(tmp_path / f"x{ending}")
    assert volume.channels == field.channels and volume.units == ["V/Ang"] * 3
    expected = field(volume.grid.points).view(*volume.grid.shape, 3)
    np.testing.assert_allclose(volume.values, expected, rtol=1e-5, atol=1e-6)


def turned() -> Volume:
    """Different numbers along the axes of a sheared grid: no order of axes can be mistaken."""
    steps = np.array([[0.3, 0.1, 0], [-0.1, 0.35, 0], [0, 0.05, 0.4]])
    grid = Grid(np.array([0.5, -1.0, 2.0]), steps, (3, 4, 5))
    values = np.arange(60.0).reshape(3, 4, 5) / 7
    return Volume.of_one(grid, values, "rho", "e/Ang^3", molecule("H2O"))


@pytest.mark.parametrize("ending", [".cube", ".dx", ".npz"])
def test_turned_grids(tmp_path, ending):
    write_volume(tmp_path / f"x{ending}", turned())
    volume = read_volume(tmp_path / f"x{ending}")
    np.testing.assert_allclose(volume.grid.points, turned().grid.points, rtol=0, atol=1e-5)
    np.testing.assert_allclose(volume.values, turned().values, rtol=1e-5)


def test_formats_that_hold_no_turned_grid_say_so(tmp_path):
    for ending, message in ((".ccp4", "begins at whole steps"), (".vti", "right angles only")):
        with pytest.raises(ValueError, match=message):
            write_volume(tmp_path / f"x{ending}", turned())
    assert not list(tmp_path.iterdir())


def test_maps_with_any_order_of_axes(tmp_path):
    """Sections along y, rows along z, columns along x, as crystallographers write them."""
    gemmi = pytest.importorskip("gemmi")
    water().to_grid(tmp_path / "x.ccp4", spacing=0.5, margin=1.0)
    expected = read_volume(tmp_path / "x.ccp4")
    mrcfile = pytest.importorskip("mrcfile")
    with mrcfile.open(tmp_path / "x.ccp4") as file:  # (z, y, x)
        data = file.data.transpose(1, 0, 2).copy()  # (y, z, x)
        start = [int(file.nstart[axis]) for axis in "xzy"]
    ccp4 = gemmi.read_ccp4_map(str(tmp_path / "x.ccp4"))
    cell, sampling = ccp4.grid.unit_cell, [ccp4.header_i32(k) for k in (8, 9, 10)]
    header = {1: data.shape[2], 2: data.shape[1], 3: data.shape[0], 17: 1, 18: 3, 19: 2}
    header |= dict(zip((5, 6, 7, 8, 9, 10), [*start, *sampling], strict=True))
    other = gemmi.Ccp4Map()
    other.grid = gemmi.FloatGrid(data.transpose(2, 1, 0).copy())
    other.grid.set_unit_cell(cell)
    other.grid.spacegroup = gemmi.SpaceGroup("P 1")
    other.update_ccp4_header(2, True)
    for word, value in header.items():
        other.set_header_i32(word, value)
    other.write_ccp4_map(str(tmp_path / "y.ccp4"))
    found = read_volume(tmp_path / "y.ccp4")
    np.testing.assert_allclose(found.grid.points, expected.grid.points, atol=1e-5)
    np.testing.assert_array_equal(found.only(), expected.only())


ORBITALS = """two orbitals
of water
 -1    0.0  0.0  0.0
  2    1.0  0.0  0.0
  1    0.0  1.0  0.0
  2    0.0  0.0  1.0
  8    8.0  0.0  0.0  0.0
  2    5  7
 1.0D-01 2.0D-01 3.0D-01 4.0D-01
 5.0E-01 6.0E-01 7.0E-01 0.12345-100
"""


def test_cubes_of_several_orbitals_and_numbers_of_fortran(tmp_path):
    for name, text in {
        "by_ids": ORBITALS,
        "by_count": ORBITALS.replace(" -1    0.0  0.0  0.0", " -1 0.0 0.0 0.0 1"),
        "without_ids": ORBITALS.replace(" -1    0.0  0.0  0.0", " 1 0.0 0.0 0.0 2").replace(
            "  2    5  7\n", ""
        ),
    }.items():
        path = tmp_path / f"{name}.cube"
        path.write_text(text)
        volume = read_volume(path)
        assert volume.values.shape == (2, 1, 2, 2)
        np.testing.assert_allclose(volume.values[..., 0].ravel(), [0.1, 0.3, 0.5, 0.7])
        np.testing.assert_allclose(volume.values[..., 1].ravel(), [0.2, 0.4, 0.6, 0], atol=1e-99)
        ids = ["0", "1"] if name == "without_ids" else ["5", "7"]
        assert volume.channels == [f"two orbitals {k}" for k in ids]


def test_cubes_of_pyscf(tmp_path):
    cubegen = pytest.importorskip("pyscf.tools.cubegen")
    gto = pytest.importorskip("pyscf.gto")
    mol = gto.M(atom="H 0 0 0; F 0 0.3 0.9", basis="sto-3g", verbose=0)
    coefficients = np.eye(mol.nao)[:, 1]
    cubegen.orbital(mol, str(tmp_path / "x.cube"), coefficients, nx=5, ny=6, nz=7)
    volume = read_volume(tmp_path / "x.cube")
    expected = mol.eval_gto("GTOval", volume.grid.points / Bohr)[:, 1]
    np.testing.assert_allclose(volume.only().ravel(), expected, rtol=1e-4, atol=1e-5)


def test_xsf_of_a_molecule_and_of_a_crystal(tmp_path):
    from ase.io.xsf import write_xsf

    volume = turned()
    spans = volume.grid.steps * (np.array(volume.grid.shape) - 1)[:, None]
    data = {"data": volume.only(), "origin": volume.grid.origin, "span_vectors": spans}
    with (tmp_path / "x.xsf").open("w") as file:
        write_xsf(file, [molecule("H2O")], **data)
    found = read_volume(tmp_path / "x.xsf")
    np.testing.assert_allclose(found.grid.points, volume.grid.points, atol=1e-5)
    np.testing.assert_allclose(found.only(), volume.only(), atol=1e-6)
    crystal = Atoms("He", cell=spans, pbc=True)
    with (tmp_path / "y.xsf").open("w") as file:
        write_xsf(file, [crystal], **data)
    found = read_volume(tmp_path / "y.xsf")
    assert found.grid.shape == (2, 3, 4) and found.atoms.pbc.all()
    np.testing.assert_allclose(found.only(), volume.only()[:-1, :-1, :-1], atol=1e-6)
    with (tmp_path / "z.xsf").open("w") as file:
        write_xsf(file, [Atoms("He", cell=2 * spans, pbc=True)], **data)
    with pytest.raises(ValueError, match="voxels that don't fill its cell"):
        read_volume(tmp_path / "z.xsf")


@pytest.mark.parametrize("ending", [".cube", ".dx", ".ccp4"])
def test_compressed_files(tmp_path, ending):
    field, plain = water(), tmp_path / f"rho{ending}"
    field.to_grid(plain, spacing=0.6, margin=1.0)
    packed = tmp_path / f"rho{ending}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    np.testing.assert_array_equal(read_volume(packed).values, read_volume(plain).values)
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(ValueError, match="cut off or broken|no whole CCP4"):
        read_volume(packed)


@pytest.mark.parametrize("ending", [".cube", ".dx", ".ccp4", ".vti", ".npz"])
def test_files_that_are_cut_off_or_something_else(tmp_path, ending):
    path = tmp_path / f"rho{ending}"
    water().to_grid(path, spacing=0.6, margin=1.0)
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"nothing of the kind\n", b""):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"rho\."):
            read_volume(path)
    with pytest.raises(FileNotFoundError, match="isn't a file"):
        read_volume(tmp_path / f"other{ending}")
    with pytest.raises(ValueError, match=r"unknown ending of a grid file '.cbue'"):
        path.rename(tmp_path / "rho.cbue")
        read_volume(tmp_path / "rho.cbue")


def test_existing_grids_are_kept(tmp_path):
    path = tmp_path / "rho.dx"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="use force=True"):
        water().to_grid(path)
    assert path.read_text() == "mine"
    water().to_grid(path, spacing=1.0, force=True)
    assert read_volume(path).values.size > 8
