"""Molecules from any file, and entries that can't be read."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

pytest.importorskip("rdkit")

from rdkit import Chem  # noqa: E402

from schnetpack_molfield import properties as keys  # noqa: E402
from schnetpack_molfield.assessment import judge_by_lengths, read_entries  # noqa: E402
from schnetpack_molfield.generation.sample_files import write_samples  # noqa: E402


def record(atoms: Atoms) -> str:
    found = judge_by_lengths(atoms).molecule
    found.SetProp("_Name", str(atoms.symbols))
    return Chem.MolToMolBlock(found) + "$$$$\n"


def test_broken_records_are_named_and_the_others_read(tmp_path: Path) -> None:
    records = [record(molecule(name)) for name in ("CH4", "H2O", "NH3")]
    records[1] = records[1].replace(" O ", " Q7")
    records += ["cut\n\n\n$$$$\n"]
    flat = molecule("C2H2")
    flat.positions[:] = flat.positions[:, [2, 0, 1]]  # along x, so that z is 0
    drawing = record(flat).replace(" 3D\n", " 2D\n")
    (tmp_path / "some.sdf").write_text("".join(records) + drawing)
    entries = read_entries(tmp_path / "some.sdf")
    assert [len(atoms) for atoms in entries.molecules] == [5, 4]
    assert len(entries) == 5
    water, cut, drawing = entries.unreadable
    assert water == "entry 1 (OH2): RDKit can't read it"
    assert cut.startswith("entry 3 (cut)") and "M  END" in cut
    assert "drawing" in drawing


@pytest.mark.parametrize("name", ["some.extxyz", "some.xyz", "some.db"])
def test_other_files(tmp_path: Path, name: str) -> None:
    molecules = [molecule("CH4"), molecule("C6H6")]
    ase.io.write(tmp_path / name, molecules)
    entries = read_entries(tmp_path / name)
    assert [len(atoms) for atoms in entries.molecules] == [5, 12]
    assert np.allclose(entries.molecules[1].positions, molecules[1].positions, atol=1e-6)
    assert len(read_entries(tmp_path / name, most=1)) == 1


def test_what_has_no_place(tmp_path: Path) -> None:
    broken = molecule("CH4")
    broken.positions[2, 0] = np.nan
    ase.io.write(tmp_path / "some.xyz", [broken, molecule("H2O")])
    assert read_entries(tmp_path / "some.xyz").unreadable == ["entry 0: a position isn't finite"]


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "none.sdf").write_text("nothing\n$$$$\nat all\n$$$$\n")
    with pytest.raises(ValueError, match=r"none of its 2 entries can be read.*entry 0 \(nothing\)"):
        read_entries(tmp_path / "none.sdf")
    with pytest.raises(FileNotFoundError, match="missing.sdf isn't a file"):
        read_entries(tmp_path / "missing.sdf")


def test_a_first_record_without_a_title(tmp_path) -> None:
    """As `molfield sample` writes it: an empty line of the title belongs to the record."""
    samples = [molecule(name) for name in ("CH4", "H2O")]
    for atoms in samples:
        atoms.info[keys.latent] = np.zeros(3)
    write_samples(tmp_path / "some.sdf", samples)
    entries = read_entries(tmp_path / "some.sdf")
    assert entries.unreadable == []
    assert [str(atoms.symbols) for atoms in entries.molecules] == ["CH4", "OH2"]
