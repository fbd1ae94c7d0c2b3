"""SDF, PDB, CIF and QM9's own files."""

import tarfile
from pathlib import Path

import gemmi
import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from schnetpack_molfield.datasets import Request, read_frames, read_structures, write_database

RECORD = """hydrogen
  test
 comment
  2  1  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 H   0  0  0  0  0  0
    {length:.4f}    0.0000    0.0000 {symbol}   0  0  0  0  0  0
  1  2  1  0
M  END
> <energy>
{energy}

> <note>
two words

$$$$
"""
V3000 = """hydrogen
  test
 comment
  0  0  0  0  0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 2 1 0 0 0
M  V30 BEGIN ATOM
M  V30 1 H 0 0 0 0
M  V30 2 H 0.74 0 0 0
M  V30 END ATOM
M  V30 END CTAB
M  END
$$$$
"""
METHANE = """5
gdb 1\t157.7118\t157.70997\t157.70699\t0.\t13.21\t-0.3877\t0.1171\t0.5048\t35.3641\t0.044749\t\
-40.47893\t-40.476062\t-40.475117\t-40.498597\t6.469\t
C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689
H\t 0.002150416\t-0.0060313176\t 0.0019761204\t 0.133921
H\t 1.0117308433\t 1.4637511618\t 2.7657*^-4\t 0.133922
H\t-0.540815069\t 1.4475266138\t-0.8766437152\t 0.133923
H\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923
1341.307\t1341.3284
C\tC\t
InChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4
"""
PDB = """CRYST1   20.000   20.000   20.000  90.00  90.00  90.00 P 1           1
ATOM      1  N   GLY A   1       0.000   0.000   0.000  1.00 20.00           N
ATOM      2  CA BGLY A   1       1.450   0.000   0.000  0.40 20.00           C
ATOM      3  CA AGLY A   1       1.460   0.100   0.000  0.60 20.00           C
ATOM      4  C   GLY A   1       2.009   1.420   0.000  1.00 20.00           C
END
"""


def test_every_conformer_of_an_sdf(tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    path.write_text(
        "".join(RECORD.format(length=r, symbol="H", energy=-r) for r in (0.7, 0.8, 0.9))
    )
    with pytest.raises(ValueError, match="the unit of 'energy' isn't known"):
        read_structures(path)
    frames = list(read_structures(path, {"energy": "kcal/mol"}).read())
    assert [frame.atoms.get_distance(0, 1) for frame in frames] == pytest.approx([0.7, 0.8, 0.9])
    assert [frame.properties["energy"].tolist() for frame in frames] == [[-0.7], [-0.8], [-0.9]]


def test_sdf_of_the_third_version_and_isotopes(tmp_path: Path) -> None:
    (tmp_path / "a.sdf").write_text(V3000)
    (frame,) = read_structures(tmp_path / "a.sdf").read()
    assert frame.atoms.get_distance(0, 1) == pytest.approx(0.74)
    (tmp_path / "b.sdf").write_text(RECORD.format(length=0.74, symbol="D", energy=-1))
    (frame,) = read_structures(tmp_path / "b.sdf", {"none": None}).read()
    assert frame.atoms.numbers.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [(("M  END", ""), "frame 1 can't be read .*may be cut off"), ((" H ", " R#"), "'R#' is no el")],
)
def test_broken_record(tmp_path: Path, change, message: str) -> None:
    record = RECORD.format(length=0.74, symbol="H", energy=-1)
    (tmp_path / "a.sdf").write_text(record + record.replace(*change))
    with pytest.raises(ValueError, match=message):
        read_structures(tmp_path / "a.sdf", {"none": None})


def test_occupancies_of_a_pdb_are_no_labels(tmp_path: Path) -> None:
    (tmp_path / "a.pdb").write_text(PDB)
    source = read_structures(tmp_path / "a.pdb")
    assert (source.labels, source.left_out) == ([], ())
    (frame,) = source.read()
    assert frame.atoms.numbers.tolist() == [7, 6, 6]
    assert frame.atoms.positions[1].tolist() == [1.45, 0, 0]  # the first location
    assert frame.atoms.cell.lengths().tolist() == [20, 20, 20]


def test_waters_of_a_pdb_and_an_mmcif_are_kept(tmp_path: Path) -> None:
    """Energies and forces are of all atoms; only fields leave waters out."""
    water = "HETATM    4  O   HOH B   9       9.000   9.000   0.000  1.00 20.00           O"
    (tmp_path / "a.pdb").write_text("\n".join([*PDB.splitlines()[:3], water, "END", ""]))
    structure = gemmi.read_pdb_string((tmp_path / "a.pdb").read_text())
    structure.setup_entities()
    document = structure.make_mmcif_document()
    document.write_file(str(tmp_path / "a.CIF"), gemmi.cif.Style.Pdbx)
    for name in ("a.pdb", "a.CIF"):
        (frame,) = read_structures(tmp_path / name).read()
        assert frame.atoms.numbers.tolist() == [7, 6, 8], name


def test_crystal(tmp_path: Path) -> None:
    write(tmp_path / "a.cif", bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    source = read_structures(tmp_path / "a.cif")
    (frame,) = source.read()
    assert (source.labels, source.left_out) == ([], ())
    assert sorted(frame.atoms.numbers) == [11] * 4 + [17] * 4
    text = (tmp_path / "a.cif").read_text()
    (tmp_path / "a.cif").write_text(text.replace("1.0000", "0.5000", 1))
    with pytest.raises(ValueError, match="site . is occupied by Na 0.5"):
        read_structures(tmp_path / "a.cif")


@pytest.mark.parametrize("kind", ["file", "folder", "tar", "TAR"])
def test_files_of_qm9(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "qm9"
    folder.mkdir()
    files = [folder / f"dsgdb9nsd_00000{i}.xyz" for i in (1, 2)]
    for file in files:
        file.write_text(METHANE)
    path = files[0] if kind == "file" else folder
    if kind.lower() == "tar":
        path = tmp_path / ("dsgdb9nsd.xyz.tar.bz2" if kind == "tar" else "QM9.TAR.BZ2")
        with tarfile.open(path, "w:bz2") as archive:
            for file in files:
                archive.add(file, file.name)
    source = read_structures(path)
    assert source.count == (1 if kind == "file" else 2)
    atoms, labels = next(source.read())
    assert atoms.numbers.tolist() == [6, 1, 1, 1, 1]
    assert atoms.positions[2, 2] == 2.7657e-4
    assert labels["energy_U0"].tolist() == [-40.47893]
    assert labels["heat_capacity"].tolist() == [6.469]
    assert labels["partial_charges"][0] == -0.535689
    assert source.units["isotropic_polarizability"] == "a0 a0 a0"
    write_database(tmp_path / "qm9.db", [source])
    assert source.atomrefs["energy_U0"][6] == -37.846772


def test_types_that_are_no_elements(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("2\n\nO16 0 0 0\nopls_140 0 0 0.97\n")
    with pytest.raises(ValueError, match="'O16' is no element; if it is O, pass --map O16=O"):
        read_structures(path)
    request = Request(elements={"O16": "O", "opls_140": "H"})
    assert next(read_frames(path, request).read()).atoms.numbers.tolist() == [8, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\nProperties=pos:R:3\n0 0 0\n0 0 1\n", "no column names its elements"),
        ("2\nProperties=type:I:1:pos:R:3\n1 0 0 0\n2 0 0 1\n", "types 1, 2 and no elements"),
        ("2\n\n1 0 0 0\n2 0 0 1\n", "'1' is no element"),
    ],
)
def test_extended_xyz_without_elements(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_structures(tmp_path / "a.xyz")


def test_dummy_atom(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("2\n\nO 0 0 0\nX 0 0 0.97\n")
    with pytest.raises(ValueError, match="frame 0: atom 1 has no element .*dummy atom"):
        write_database(tmp_path / "a.db", [read_structures(tmp_path / "a.xyz")])


def test_columns_of_elements_under_other_names(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("2\nProperties=element:S:1:pos:R:3\nO 0 0 0\nD 0 0 1\n")
    assert next(read_structures(tmp_path / "a.xyz").read()).atoms.numbers.tolist() == [8, 1]


def test_masses_aren_t_labels(tmp_path: Path) -> None:
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.set_momenta(np.ones((2, 3)))
    atoms.set_tags([1, 2])
    write(tmp_path / "a.traj", atoms)
    assert read_structures(tmp_path / "a.traj").left_out == ()
