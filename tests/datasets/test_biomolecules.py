"""What is protein, ligand and water in a file, and which element each atom is."""

import gemmi
import numpy as np
import pytest

from schnetpack_molfield.datasets.biomolecules import LIGAND, PROTEIN, parse_mmcif, parse_pdb

ATOM = "{:6s}{:5d} {:<4s} {:<4s}{:1s}{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2s}"

#: Heavy atoms of an extended peptide: name, element, position in a residue that is 3.8 A long.
BACKBONE = [
    (" N  ", "N", (0.0, 0.0, 0.0)),
    (" CA ", "C", (1.2, 0.8, 0.0)),
    (" C  ", "C", (2.5, 0.0, 0.0)),
    (" O  ", "O", (2.5, -1.2, 0.0)),
    (" CB ", "C", (1.2, 1.8, 1.1)),
]
LIGAND_ATOMS = [(" C1 ", "C", (0.0, 0.0, 0.0)), (" O1 ", "O", (1.4, 0.0, 0.0))]


def residue(name, number, place, atoms=BACKBONE, kind="ATOM", chain="A"):
    """Lines of a residue that is moved by `place`."""
    return [
        ATOM.format(kind, 1, atom, name, chain, number, *(np.add(xyz, place)), element)
        for atom, element, xyz in atoms
    ]


def peptide(names="ALA ALA ALA", chain="A"):
    steps = enumerate(names.split())
    return [line for i, n in steps for line in residue(n, i + 1, (3.65 * i, 0, 0), chain=chain)]


def free(name, number=9, kind="ATOM", place=(0, 9, 0), chain="A"):
    """An amino acid by itself, with its second oxygen."""
    return residue(name, number, place, [*BACKBONE, (" OXT", "O", (3.5, 0.6, 0))], kind, chain)


def parts(lines, parse=parse_pdb):
    """How many atoms are protein and how many are ligand."""
    (atoms,) = parse("\n".join([*lines, "END\n"]))
    if not atoms.has("part"):
        return len(atoms), 0
    return [int((atoms.arrays["part"] == part).sum()) for part in (PROTEIN, LIGAND)]


@pytest.mark.parametrize("kind", ["ATOM", "HETATM"])
@pytest.mark.parametrize("ter", [[], ["TER"]])
@pytest.mark.parametrize("chain", ["A", "B", " "])
def test_a_lone_amino_acid_is_a_ligand(kind, ter, chain):
    assert parts([*peptide(), *ter, *free("GLU", kind=kind, chain=chain)]) == [15, 6]


def test_ter_alone_makes_a_ligand_of_what_follows():
    lone = residue("GLU", 9, (0, 9, 0))
    assert parts([*peptide(), "TER", *lone]) == [15, 5]
    assert parts([*peptide(), *lone]) == (20, 0)  # between gaps of the chain


def test_a_lone_nucleotide_is_a_ligand():
    names = [" P  ", " O5'", " C5'", " C4'", " C3'", " O3'"]
    places = zip(names, range(len(names)), strict=True)
    atoms = [(n, n.strip()[0], (1.5 * i, 9.0, 0.0)) for n, i in places]
    assert parts([*peptide(), *residue("  A", 9, (0, 0, 0), atoms)]) == [15, 6]
    assert parts([*peptide(), *residue("AMP", 9, (0, 0, 0), atoms, "HETATM")]) == [15, 6]


def test_caps_and_modified_residues_are_protein():
    ace = [
        (" C  ", "C", (2.5, 0.0, 0.0)),
        (" O  ", "O", (2.5, -1.2, 0)),
        (" CH3", "C", (1.2, 1, 0)),
    ]
    nme = [(" N  ", "N", (0.0, 0.0, 0.0)), (" CH3", "C", (1.2, 0.8, 0.0))]
    capped = [
        *residue("ACE", 1, (0, 0, 0), ace, "HETATM"),
        *residue("MSE", 2, (3.65, 0, 0), kind="HETATM"),
        *residue("XAA", 3, (7.3, 0, 0), kind="HETATM"),  # by its backbone
        *residue("ALA", 4, (10.95, 0, 0)),
        *residue("NME", 5, (14.6, 0, 0), nme, "HETATM"),
    ]
    ligand = residue("LIG", 6, (0, 9, 0), LIGAND_ATOMS, "HETATM")
    assert parts([*capped, *ligand]) == [20, 2]


@pytest.mark.parametrize("kind", ["ATOM", "HETATM"])
def test_a_ligand_that_is_bound_to_a_side_chain_is_no_protein(kind):
    bound = residue("LIG", 9, (1.2, 2.5, 2.3), LIGAND_ATOMS, kind)  # 1.4 A from a CB
    assert parts([*peptide(), *bound]) == [15, 2]


def test_a_metal_does_not_join_chains():
    zinc = residue(" ZN", 9, (0, -2.0, 0), [("ZN  ", "ZN", (0, 0, 0))], "HETATM")
    assert parts([*peptide(), *zinc]) == [15, 1]


def test_a_trace_of_alpha_carbons_is_a_protein():
    trace = [line for line in peptide() if line[12:16] == " CA "]
    assert parts([*trace, *residue("LIG", 9, (0, 9, 0), LIGAND_ATOMS)]) == [3, 2]


def test_entity_records_of_mmcif_decide():
    lines = [*peptide(), "TER", *free("GLU", kind="HETATM"), "END", ""]
    structure = gemmi.read_pdb_string("\n".join(lines))
    structure.setup_entities()
    text = structure.make_mmcif_document().as_string(gemmi.cif.Style.Pdbx)
    assert parts(text.splitlines()[:], lambda _: parse_mmcif(text)) == [15, 6]
    polymer = text.replace("non-polymer", "polymer")
    assert parts([], lambda _: parse_mmcif(polymer)) == (21, 0)


WATER = [(" O  ", "O", (0, 0, 0)), (" H1 ", "H", (0.8, 0.6, 0)), (" H2 ", "H", (-0.8, 0.6, 0))]


@pytest.mark.parametrize(
    "name", ["HOH", "WAT", "SOL", "TIP3", "TIP", "TP3", "TP4", "SPC", "T3P", "OPC", "H2O", "XYZ"]
)
def test_water_has_many_names(name):
    water = residue(name, 9, (0, 9, 0), WATER)
    (atoms,) = parse_pdb("\n".join([*peptide(), *water, "END\n"]))
    assert len(atoms) == 15 and atoms.info["n_waters"] == 1


@pytest.mark.parametrize("site", [" M  ", " MW ", "MW  ", "EPW ", " EPW", " LP1"])
@pytest.mark.parametrize("element", ["", "M", "EP"])
def test_sites_of_water_that_are_no_atoms(site, element):
    atoms = [*WATER, (site, element, (0.1, 0, 0))]
    water = residue("SOL", 1, (0, 9, 0), atoms)
    (left_out,) = parse_pdb("\n".join([*peptide(), *water, "END\n"]))
    assert len(left_out) == 15 and left_out.info["n_waters"] == 1
    (alone,) = parse_pdb("\n".join([*water, "END\n"]))
    assert str(alone.symbols) == "OH2"


def test_what_is_no_water():
    for extra in [(" C1 ", "C", (2, 0, 0)), (" H3 ", "H", (0, 0, 1))]:
        other = residue("SOL", 9, (0, 9, 0), [*WATER, extra], "HETATM")
        assert parts([*peptide(), *other]) == [15, 4]


@pytest.mark.parametrize("end", [66, 80])
@pytest.mark.parametrize("align", ["{:4s}", " {:3s}", "{:>4s}", "  {:2s}"])
def test_alpha_carbons_are_no_calcium_in_whatever_column(end, align):
    lines = [line[:12] + align.format(line[12:16].strip()) + line[16:end] for line in peptide()]
    (atoms,) = parse_pdb("\n".join([*lines, "END\n"]))
    assert str(atoms.symbols) == "NC2OC" * 3


def test_elements_that_contradict_an_amino_acid_are_corrected():
    lines = [line[:76] + "CA" if line[12:16] == " CA " else line for line in peptide()]
    (atoms,) = parse_pdb("\n".join([*lines, "END\n"]))
    assert str(atoms.symbols) == "NC2OC" * 3


@pytest.mark.parametrize(
    ("name", "residue_name", "symbol"),
    [
        ("CA  ", "CA", "Ca"),
        (" CA ", " CA", "Ca"),
        ("CAL ", "CAL", "Ca"),
        (" SOD", "SOD", "Na"),
        ("POT ", "POT", "K"),
        ("CLA ", "CLA", "Cl"),
        ("CES ", "CES", "Cs"),
        (" NA ", "NA+", "Na"),
        ("Na+ ", "Na+", "Na"),
        ("CL- ", "CL-", "Cl"),
        ("ZN  ", "ZN2", "Zn"),
        (" ZN ", " ZN", "Zn"),
        ("CD  ", "UNL", "Cd"),
    ],
)
def test_ions_without_an_element_column(name, residue_name, symbol):
    ion = residue(residue_name, 9, (0, 9, 0), [(name, "", (0, 0, 0))], "HETATM")
    (atoms,) = parse_pdb("\n".join([*peptide(), *ion, "END\n"]))
    assert atoms.symbols[-1] == symbol


@pytest.mark.parametrize(
    ("names", "step", "symbols"),
    [
        (["CA  ", "CB  ", "CD  "], 1.5, "C3"),
        (["NA  ", "C1  ", "OS  "], 1.4, "NCO"),
        ([" C1 ", "CL1 ", "BR2 "], 1.75, "CClBr"),
        (["HG  ", " O  ", "1HO "], 0.97, "HOH"),
        (["H10A", " C1 ", "HE21"], 1.09, "HCH"),
        (["PB  ", "O1B "], 1.5, "PO"),
        (["FE  ", " NA "], 2.0, "FeN"),
        (["SI1 ", " H1 "], 1.48, "SiH"),
    ],
)
def test_elements_of_ligands_by_names_and_distances(names, step, symbols):
    atoms = [(name, "", (step * i, 0, 0)) for i, name in enumerate(names)]
    (molecule,) = parse_pdb("\n".join([*residue("LIG", 1, (0, 0, 0), atoms, "HETATM"), "END\n"]))
    assert str(molecule.symbols) == symbols


@pytest.mark.parametrize("where", [6, 11, 12, 17, 21, 26, 30])
@pytest.mark.parametrize("shift", [1, -1, 2])
def test_shifted_columns_are_refused(where, shift):
    lines = [
        line[:where] + " " * shift + line[where:] if shift > 0 else line[:where] + line[where + 1 :]
        for line in peptide()
    ]
    with pytest.raises(ValueError, match=r"line 1: x, y and z must be .*columns are shifted"):
        parse_pdb("\n".join([*lines, "END\n"]))


def test_coordinates_that_touch_or_have_other_decimals_are_read():
    line = peptide()[0]
    touching = line[:30] + "-100.000-200.000-300.000" + line[54:]
    (atoms,) = parse_pdb(f"{touching}\nEND\n")
    np.testing.assert_allclose(atoms.positions, [[-100, -200, -300]])
    wide = line[:30] + "1000.0002000.0003000.000" + line[54:]
    (atoms,) = parse_pdb(f"{wide}\nEND\n")
    np.testing.assert_allclose(atoms.positions, [[1000, 2000, 3000]])
    fine = line[:30] + "  1.2345 -1.2345 12.3456" + line[54:]
    (atoms,) = parse_pdb(f"{fine}\nEND\n")
    np.testing.assert_allclose(atoms.positions, [[1.2345, -1.2345, 12.3456]])


def test_charges_of_a_file_are_added_up():
    line = peptide()[0]
    (atoms,) = parse_pdb(f"{line[:78]}1-\nEND\n")
    assert atoms.info["charge"] == -1


@pytest.mark.parametrize("style", [gemmi.cif.Style.Simple, gemmi.cif.Style.Pdbx])
def test_a_cut_mmcif_is_refused(style):
    ligand = residue("LIG", 9, (0, 9, 0), LIGAND_ATOMS, "HETATM")
    structure = gemmi.read_pdb_string("\n".join([*peptide(), "TER", *ligand, "END", ""]))
    text = structure.make_mmcif_document().as_string(style)
    assert len(parse_mmcif(text)[0]) == 17
    assert len(parse_mmcif(text + "#\n")[0]) == 17
    rows = text.rstrip("#\n").splitlines()
    for n_lost in (2, 5, 10):
        with pytest.raises(ValueError, match=r"ends among its atoms.*may be cut off.* #"):
            parse_mmcif("\n".join([*rows[:-n_lost], ""]))
    with pytest.raises(ValueError, match="may be cut off"):
        parse_mmcif("\n".join(rows[:-1]))  # without the end of the line


def test_a_crystal_cif_is_named():
    text = "data_x\n_cell_length_a 4\nloop_\n_atom_site_label\n_atom_site_fract_x\nNa1 0.0\n"
    with pytest.raises(ValueError, match="crystal in fractional coordinates"):
        parse_mmcif(text)
