"""Molecules from files and SMILES: what is read, what is left out and what is refused."""

import gzip
import sys

import ase.io
import gemmi
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.data import vdw_radii
from ase.data.vdw_alvarez import vdw_radii as alvarez_radii
from ase.units import Bohr

from schnetpack_molfield.datasets.molecules import LIGAND, PROTEIN, read_molecules

ATOM = "{:6s}{:5d} {:<4s}{:1s}{:3s} A{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2s}\n"
#: Record, name, alternative location, residue, its number, position, element.
COMPLEX = [
    ("ATOM", " N", "", "ALA", 1, (0.0, 0.0, 0.0), "N"),
    ("ATOM", " CA", "A", "ALA", 1, (1.5, 0.0, 0.0), "C"),
    ("ATOM", " CA", "B", "ALA", 1, (1.4, 0.3, 0.0), "C"),
    ("ATOM", " CB", "B", "SER", 1, (1.4, 0.3, 1.0), "C"),  # another residue in the same place
    ("HETATM", "SE", "", "MSE", 2, (3.0, 0.0, 0.0), "SE"),
    ("HETATM", "CA", "", "XYZ", 3, (0.0, 4.0, 0.0), "CA"),
    ("HETATM", " O1", "B", "XYZ", 3, (0.0, 5.0, 0.0), "O"),
    ("HETATM", " O", "", "HOH", 4, (0.0, 0.0, 9.0), "O"),
]


def pdb_model(number=1, shift=0.0):
    records = [
        ATOM.format(kind, i, name, location, residue, n, x + shift, y, z, element)
        for i, (kind, name, location, residue, n, (x, y, z), element) in enumerate(COMPLEX, 1)
    ]
    return f"MODEL     {number:4d}\n{''.join(records)}ENDMDL\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a complex of two models as PDB and as mmCIF, to which paths are relative."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "complex.pdb").write_text(pdb_model() + pdb_model(2, shift=0.5) + "END\n")
    gemmi.read_structure("complex.pdb").make_mmcif_document().write_file("complex.cif")
    return tmp_path


@pytest.mark.parametrize("name", ["complex.pdb", "complex.cif"])
def test_models_of_a_complex(folder, name):
    frames = read_molecules(name)
    assert [str(atoms.symbols) for atoms in frames] == ["NCSeCaO"] * 2
    np.testing.assert_allclose(frames[0].positions[1], [1.5, 0, 0])  # the first location
    np.testing.assert_allclose(frames[1].positions - frames[0].positions, [[0.5, 0, 0]] * 5)
    assert frames[0].arrays["part"].tolist() == [PROTEIN] * 3 + [LIGAND] * 2
    assert frames[0].info["n_waters"] == 1


def test_water_alone_is_kept(folder):
    record = ATOM.format("HETATM", 1, " O", "", "HOH", 1, 0.0, 0.0, 0.0, "O")
    (folder / "water.pdb").write_text(record + "END\n")
    (water,) = read_molecules("water.pdb")
    assert str(water.symbols) == "O" and not water.has("part") and water.info["n_waters"] == 0


def test_atoms_of_one_name_are_all_kept(folder):
    """ASE calls both hydrogens H and everything ATOM of a residue MOL."""
    ase.io.write("ase.pdb", [molecule("H2O"), molecule("H2O")])
    frames = read_molecules("ase.pdb")
    assert [str(atoms.symbols) for atoms in frames] == ["OH2", "OH2"]


def test_every_frame_of_an_xyz_file(folder):
    ase.io.write("x.xyz", [molecule("H2O"), molecule("NH3")])
    assert [len(atoms) for atoms in read_molecules(folder / "x.xyz")] == [3, 4]


def conformers(n):
    chem = pytest.importorskip("rdkit.Chem")
    from rdkit.Chem.rdDistGeom import EmbedMultipleConfs

    ethanol = chem.AddHs(chem.MolFromSmiles("CCO"))
    EmbedMultipleConfs(ethanol, n, randomSeed=1)
    return "".join(chem.MolToMolBlock(ethanol, confId=i) + "$$$$\n" for i in range(n)), ethanol


def test_records_of_an_sdf(folder):
    text, ethanol = conformers(3)
    (folder / "x.sdf").write_text(text)
    frames = read_molecules("x.sdf")
    assert [str(atoms.symbols) for atoms in frames] == ["C2OH6"] * 3
    expected = ethanol.GetConformer(2).GetPositions()
    np.testing.assert_allclose(frames[2].positions, expected, atol=1e-4)


def test_a_smiles_is_always_the_same_geometry():
    pytest.importorskip("rdkit")
    (first,), (second,) = read_molecules("C/C=C/O"), read_molecules("C/C=C/O")
    assert str(first.symbols) == "C3OH6"
    np.testing.assert_array_equal(first.positions, second.positions)


@pytest.mark.parametrize(
    ("smiles", "symbols", "charge"),
    [
        ("[Na+].[Cl-]", "NaCl", 0),
        ("CC(=O)[O-].[NH4+].O", "C2O2H3NH4OH2", 0),
        ("O.O.O.O", "OH2OH2OH2OH2", 0),
        ("c1ccc2ccccc2c1.CCCCCCCC", "C10H8C8H18", 0),
        ("[Fe+2].[Cl-].[Cl-].[K+]", "FeCl2K", 1),
    ],
)
def test_fragments_of_a_smiles_stand_three_angstrom_apart(smiles, symbols, charge):
    chem = pytest.importorskip("rdkit.Chem")
    (atoms,) = read_molecules(smiles)
    assert str(atoms.symbols) == symbols and atoms.info["charge"] == charge
    fragments = chem.GetMolFrags(chem.AddHs(chem.MolFromSmiles(smiles)))
    ends = np.cumsum([len(fragment) for fragment in fragments])
    fragment = np.searchsorted(ends, np.arange(len(atoms)), side="right")
    radii = np.where(np.isnan(vdw_radii), alvarez_radii[: len(vdw_radii)], vdw_radii)
    gaps = atoms.get_all_distances() - np.add.outer(*[radii[atoms.numbers]] * 2)
    for k in range(1, len(ends)):
        before, here = fragment < k, fragment == k
        assert gaps[np.ix_(before, here)].min() == pytest.approx(3.0, abs=1e-9)


@pytest.mark.parametrize(
    ("smiles", "charge"), [("CC(=O)[O-]", -1), ("C[N+](C)(C)C", 1), ("CCO", 0), ("[Mg+2]", 2)]
)
def test_the_charge_of_a_smiles_and_of_a_file(folder, smiles, charge):
    chem = pytest.importorskip("rdkit.Chem")
    (atoms,) = read_molecules(smiles)
    assert atoms.info["charge"] == charge
    molecule = chem.AddHs(chem.MolFromSmiles(smiles))
    conformer = chem.Conformer(molecule.GetNumAtoms())
    conformer.Set3D(True)
    for i, xyz in enumerate(atoms.positions):
        conformer.SetAtomPosition(i, xyz.tolist())
    molecule.AddConformer(conformer)
    (folder / "x.sdf").write_text(chem.MolToMolBlock(molecule) + "$$$$\n")
    (folder / "x.pdb").write_text(chem.MolToPDBBlock(molecule))
    assert [read_molecules(f)[0].info.get("charge", 0) for f in ("x.sdf", "x.pdb")] == [charge] * 2


@pytest.mark.parametrize("cut", [1, 2, 40, 140, 700])
def test_a_pdb_that_is_cut_off(folder, cut):
    (folder / "cut.pdb").write_text((folder / "complex.pdb").read_text()[: -4 - cut])
    if cut == 1:  # only the end of the line is missing
        assert len(read_molecules("cut.pdb")) == 2
    else:
        with pytest.raises(ValueError, match=r"cut.pdb can't be read .* may be cut off"):
            read_molecules("cut.pdb")


def test_a_pdb_that_ends_within_a_number(folder):
    text = (folder / "complex.pdb").read_text()
    (folder / "cut.pdb").write_text(text[:200] + "\nEND\n")
    with pytest.raises(ValueError, match="cut.pdb can't be read"):
        read_molecules("cut.pdb")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_cut_sdf(folder, keep):
    text, _ = conformers(2)
    (folder / "cut.sdf").write_text(text[: int(keep * len(text))])
    with pytest.raises(ValueError, match="cut.sdf can't be read .*cut off"):
        read_molecules("cut.sdf")


def test_a_cut_mmcif(folder):
    text = (folder / "complex.cif").read_text().rstrip()
    (folder / "cut.cif").write_text(text[: text.rindex(" ")])
    with pytest.raises(ValueError, match="cut.cif can't be read"):
        read_molecules("cut.cif")


def test_a_cut_xyz(folder):
    (folder / "cut.xyz").write_text("3\n\nO 0 0 0\nH 0 0 1\n")
    with pytest.raises(ValueError, match="cut.xyz can't be read"):
        read_molecules("cut.xyz")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.pdb", "", "empty.pdb is empty"),
        ("end.pdb", "END\n", "end.pdb has no atoms"),
        ("empty.xyz", "0\n\n", "empty.xyz: model 0 has no atoms"),
        ("nan.xyz", "1\n\nH nan 0 0\n", r"nan.xyz: model 0: atom 0 \(H\) has no finite position"),
        ("number.xyz", "1\n\n8 0 0 0\n", "'8' is no element"),
        ("name.xyz", "1\n\nO1 0 0 0\n", "'O1' is no element"),
        ("dummy.xyz", "2\n\nO 0 0 0\nX 0 0 1\n", "atom 1 is a dummy atom"),
        ("none.cif", "# nothing\n", "it has 0 blocks of data, expected one"),
        (
            "tabs.pdb",
            ATOM.format("ATOM", 1, "N", "", "ALA", 1, 0, 0, 0, "N").replace("      ", "\t") + "END",
            "line 1: .* the columns are shifted",
        ),
        ("odd.pdb", ATOM.format("ATOM", 1, "X", "", "ALA", 1, 0, 0, 0, "X") + "END", "no element"),
    ],
)
def test_files_without_a_molecule(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_molecules(name)


def test_an_xyz_cut_within_its_last_number(folder):
    text = "3\n\nO 0.0 0.0 0.11926\nH 0.0 0.76324 -0.47706\nH 0.0 -0.76324 -0.47706"
    (folder / "whole.xyz").write_text(text)
    assert len(read_molecules("whole.xyz")[0]) == 3
    (folder / "cut.xyz").write_text(text[:-1])
    with pytest.raises(ValueError, match="last number may be cut off"):
        read_molecules("cut.xyz")
    (folder / "hand.xyz").write_text("3\n\nO 0 0 0.1\nH 0 0.76 -0.47\nH 0 -0.763 -0.5")
    assert len(read_molecules("hand.xyz")[0]) == 3


@pytest.mark.parametrize("name", ["complex.pdb", "complex.cif", "x.sdf", "x.xyz"])
def test_bytes_at_the_start_odd_letters_and_compression_change_nothing(folder, name):
    if name == "x.sdf":
        (folder / name).write_text(conformers(2)[0])
    if name == "x.xyz":
        ase.io.write(name, [molecule("H2O"), molecule("NH3")])
    expected = read_molecules(name)
    content = (folder / name).read_bytes()
    remark = {"complex.pdb": "REMARK   1 é\n", "complex.cif": "# é\n"}.get(name, "").encode(
        "latin-1"
    )
    for variant in (b"\xef\xbb\xbf" + content, remark + content, gzip.compress(content)):
        other = f"{variant[0]}_{name}" + (".gz" if variant[0] == 0x1F else "")
        (folder / other).write_bytes(variant)
        frames = read_molecules(other)
        assert [str(f.symbols) for f in frames] == [str(f.symbols) for f in expected]
        np.testing.assert_array_equal(frames[-1].positions, expected[-1].positions)
    (folder / f"cut_{name}.gz").write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(ValueError, match=f"cut_{name}.gz can't be read .*cut off"):
        read_molecules(f"cut_{name}.gz")


@pytest.mark.parametrize(("unit", "scale"), [("bohr", Bohr), ("nm", 10.0)])
def test_lengths_in_another_unit_are_asked_about(folder, unit, scale):
    water = molecule("H2O")
    ase.io.write("x.xyz", Atoms(water.numbers, water.positions / scale))
    with pytest.raises(ValueError, match=rf"x.xyz: its bonds are .*{unit}; name the unit of the"):
        read_molecules("x.xyz")
    np.testing.assert_allclose(
        read_molecules("x.xyz", unit)[0].positions, water.positions, atol=1e-6
    )
    kept = read_molecules("x.xyz", "Ang")[0].positions
    np.testing.assert_allclose(kept, water.positions / scale, atol=1e-6)


def test_a_crystal_is_refused(folder):
    ase.io.write("x.xyz", Atoms("He", cell=[3, 3, 3], pbc=True))
    with pytest.raises(ValueError, match="x.xyz: model 0 is periodic"):
        read_molecules("x.xyz")


def test_flat_molecules_are_refused(folder):
    chem = pytest.importorskip("rdkit.Chem")
    (folder / "flat.sdf").write_text(chem.MolToMolBlock(chem.MolFromSmiles("CCO")) + "$$$$\n")
    with pytest.raises(ValueError, match="no 3-D coordinates"):
        read_molecules("flat.sdf")


def test_neither_file_nor_smiles():
    pytest.importorskip("rdkit")
    with pytest.raises(FileNotFoundError, match="nothing.pdb isn't a file"):
        read_molecules("nothing.pdb")
    for smiles in ("ethanol", "CC(", ""):
        with pytest.raises(ValueError, match="neither a file nor a SMILES"):
            read_molecules(smiles)


@pytest.mark.parametrize("source", ["x.sdf", "CCO"])
def test_without_rdkit_one_line_says_what_to_install(folder, monkeypatch, source):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    (folder / "x.sdf").write_text("\n")
    with pytest.raises(ImportError, match=r"rdkit is needed here .*schnetpack-molfield\[chem\]"):
        read_molecules(source)


def test_mmcif_with_the_columns_that_matter(folder):
    labels = "group_PDB id type_symbol label_atom_id label_comp_id label_asym_id label_seq_id"
    tags = [*labels.split(), "Cartn_x", "Cartn_y", "Cartn_z"]
    header = "".join(f"_atom_site.{tag}\n" for tag in tags)
    rows = "ATOM 1 N N ALA A 1 0.0 0.0 0.0\nATOM 2 C CA ALA A 1 1.46 0.0 0.0\n"
    (folder / "a.cif").write_text(f"data_a\nloop_\n{header}{rows}#\n")
    (atoms,) = read_molecules("a.cif")
    assert str(atoms.symbols) == "NC" and atoms.get_distance(0, 1) == pytest.approx(1.46)
