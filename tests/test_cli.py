from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from schnetpack.data import ASEAtomsData
from typer.testing import CliRunner

from schnetpack_molfield import __version__
from schnetpack_molfield.cli import app, main


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "frames.npz"
    positions = np.random.default_rng(0).normal(size=(6, 2, 3))
    split = np.array([0, 0, 0, 0, 1, 1])
    np.savez(path, Z=[1, 1], R=positions, E_eV=np.arange(6.0), F_eV_A=positions, split=split)
    return path


@pytest.fixture
def extxyz(tmp_path: Path) -> Path:
    path = tmp_path / "frames.extxyz"
    for energy in (1.0, 2.0):
        atoms = molecule("H2O")
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=atoms.positions)
        write(path, atoms, append=True)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run `molfield` in this process; returns the exit status."""
    monkeypatch.setattr("sys.argv", ["molfield", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_version_and_help() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.strip() == __version__
    assert "import" in CliRunner().invoke(app, ["--help"]).output


def test_several_files_into_one_database(monkeypatch, archive, extxyz, tmp_path, capsys) -> None:
    out = tmp_path / "new.db"
    assert run(monkeypatch, "import", archive, extxyz, "--out", out) == 0
    database = ASEAtomsData(str(out))
    assert len(database) == 8
    assert database[7]["energy"].item() == 2.0
    assert "8 structures with energy (eV), forces (eV/Ang)" in capsys.readouterr().out


def test_unit_and_name_of_a_label(monkeypatch, extxyz, tmp_path) -> None:
    arguments = ["-p", "energy=kcal/mol", "--rename", "energy=U"]
    assert run(monkeypatch, "import", extxyz, "-o", tmp_path / "new.db", *arguments) == 0
    assert ASEAtomsData(str(tmp_path / "new.db")).units == {"U": "kcal/mol"}


def test_split_of_the_archive(monkeypatch, archive, tmp_path, capsys) -> None:
    out, split = tmp_path / "new.db", tmp_path / "split.npz"
    arguments = ["--split-file", split, "--num-val", 1]
    assert run(monkeypatch, "import", archive, "-o", out, *arguments) == 0
    assert np.load(split)["test_idx"].tolist() == [4, 5]
    shown = capsys.readouterr().out
    assert f"data.split_file={split} data.num_train=3 data.num_val=1 data.num_test=2" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{archive}", "-o", "{archive}"], "must end in .db"),
        (["{missing}", "-o", "{new}"], "isn't a file"),
        (["{archive}", "-o", "{new}", "-p", "enrgy"], "did you mean 'energy'"),
        (["{archive}", "-o", "{new}", "--rename", "energy"], "expected KEY=NAME"),
        (["{extxyz}", "-o", "{new}", "--split-file", "{split}"], "has no split"),
        (["{archive}", "-o", "{new}", "--split-file", "{archive}"], "npz exists; use"),
        (
            ["{archive}", "-o", "{new}", "--split-file", "{split}", "--num-val", "4"],
            "leaves none of 4 training structures",
        ),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    monkeypatch, archive, extxyz, tmp_path, capsys, arguments, message
) -> None:
    names = {"archive": archive, "extxyz": extxyz}
    names |= {"missing": tmp_path / "missing.xyz", "new": tmp_path / "new.db"}
    names |= {"split": tmp_path / "split.npz"}
    before = sorted(tmp_path.iterdir())
    filled = [argument.format(**names) for argument in arguments]
    assert run(monkeypatch, "import", *filled) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert message in error
    assert "\n" not in error
    assert sorted(tmp_path.iterdir()) == before


def test_existing_database_needs_force(monkeypatch, archive, tmp_path, capsys) -> None:
    out = tmp_path / "new.db"
    out.write_text("precious")
    assert run(monkeypatch, "import", archive, "-o", out) == 1
    assert "pass --force" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert run(monkeypatch, "import", archive, "-o", out, "--force") == 0
    assert len(ASEAtomsData(str(out))) == 6


def test_broken_frame_is_named(monkeypatch, extxyz, tmp_path, capsys) -> None:
    extxyz.write_text(extxyz.read_text().rsplit("\n", 2)[0])  # the last atom is missing
    assert run(monkeypatch, "import", extxyz, "-o", tmp_path / "new.db") == 1
    assert "frames.extxyz: frame 1 can't be read" in capsys.readouterr().err
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [(["imprt"], "import"), (["import", "a.xyz", "--out", "b.db", "--forec"], "--force")],
)
def test_typos_are_understood(monkeypatch, capsys, arguments, suggestion) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert suggestion in capsys.readouterr().err
