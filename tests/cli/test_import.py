"""`molfield import` from end to end."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from schnetpack import datasets
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.cli import main
from schnetpack_molfield.datasets import MD17, rMD17


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run `molfield import` into `new.db`; returns the exit status."""

    def run_import(*arguments: object) -> int:
        words = ["molfield", "import", *map(str, arguments), "-o", str(tmp_path / "new.db")]
        monkeypatch.setattr("sys.argv", words)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    return run_import


def ethanol(energy: float | None = -1.0) -> Atoms:
    atoms = molecule("CH3CH2OH")
    results = {"forces": atoms.positions} | ({} if energy is None else {"energy": energy})
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def test_column_force_is_asked_about_and_then_taken(run, tmp_path: Path, capsys) -> None:
    atoms = molecule("H2O")
    atoms.info["Energy"] = -470.0
    atoms.new_array("force", np.arange(9.0).reshape(3, 3))
    write(tmp_path / "a.xyz", atoms, format="extxyz")
    assert run(tmp_path / "a.xyz") == 1
    assert "did you mean" in capsys.readouterr().err
    assert not (tmp_path / "new.db").exists()
    assert run(tmp_path / "a.xyz", "--rename", "force=forces", "--rename", "Energy=energy") == 0
    sample = ASEAtomsData(str(tmp_path / "new.db"))[0]
    assert sample["forces"].tolist() == np.arange(9.0).reshape(3, 3).tolist()
    assert sample["energy"].tolist() == [-470.0]


def test_a_turned_gradient_is_said(run, tmp_path: Path, capsys) -> None:
    atoms = molecule("H2O")
    atoms.new_array("gradient", np.arange(9.0).reshape(3, 3))
    write(tmp_path / "a.xyz", atoms, format="extxyz")
    assert run(tmp_path / "a.xyz", "--rename", "gradient=forces") == 0
    assert "'gradient' with the other sign is 'forces'" in capsys.readouterr().out
    sample = ASEAtomsData(str(tmp_path / "new.db"))[0]
    assert sample["forces"].tolist() == (-np.arange(9.0)).reshape(3, 3).tolist()


def test_what_is_left_out_is_said(run, tmp_path: Path, capsys) -> None:
    frames = [ethanol(), ethanol(None), ethanol()]
    for step, atoms in enumerate(frames):
        atoms.info["step"] = step
    write(tmp_path / "a.xyz", frames, format="extxyz")
    assert run(tmp_path / "a.xyz") == 1
    error = capsys.readouterr().err.strip()
    assert "energy: missing in 1 of 3 frames (1); --skip-missing" in error
    assert "\n" not in error
    assert run(tmp_path / "a.xyz", "--skip-missing") == 0
    shown = capsys.readouterr().out
    assert "left out 1 of 3 frames (1), which lack energy" in shown
    assert "not imported: step" in shown


@pytest.mark.parametrize("module", [datasets.MD17, datasets.rMD17, MD17, rMD17])
def test_the_modules_of_md17_open_it(run, tmp_path: Path, module) -> None:
    write(tmp_path / "a.xyz", [ethanol(k) for k in range(4)], format="extxyz")
    assert run(tmp_path / "a.xyz") == 0
    split = str(tmp_path / "split.npz")
    data = module(
        datapath=str(tmp_path / "new.db"),
        molecule="ethanol",
        batch_size=1,
        num_train=2,
        num_val=1,
        num_workers=0,
        **{"split_file" if module in (datasets.MD17, datasets.rMD17) else "drawn_split": split},
        property_units={"energy": "kcal/mol", "forces": "kcal/mol/Ang"},
    )
    data.prepare_data()
    data.setup()
    energies = sorted(round(float(data.dataset[k]["energy"])) for k in range(4))
    assert energies == [0, 23, 46, 69]  # eV in kcal/mol


def test_split_file_in_a_folder_with_spaces(run, tmp_path: Path, capsys) -> None:
    positions = np.random.default_rng(0).normal(scale=0.05, size=(3, 9, 3)) + ethanol().positions
    numbers = ethanol().numbers
    archive = tmp_path / "a.npz"
    np.savez(archive, Z=numbers, R=positions, E_eV=np.arange(3.0), split=[0, 0, 1])
    split = tmp_path / "my data" / "lr=1.npz"
    (tmp_path / "my data").mkdir()
    assert run(archive, "--split-file", split) == 0
    assert f"""'data.split_file='"'"'{split}'"'"'' data.num_train=2""" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "forces=foo"], "'foo' is no known unit of 'forces'; known are eV/Ang"),
        (["-p", "energy=eV/A"], "'eV/A' is no unit of 'energy'; known are eV"),
        (["--rename", "enrgy=U"], "there is no label 'enrgy'; did you mean 'energy'"),
        (["--rename", "energy=forces"], "'eV' is no unit of 'forces'"),
        (["--map", "1=Q"], "'Q' is no element"),
        (["--length-unit", "foot"], "'foot' is no known unit of lengths; known are Ang, Bohr, nm"),
    ],
)
def test_mistakes(run, tmp_path: Path, capsys, arguments, message: str) -> None:
    write(tmp_path / "a.xyz", ethanol(), format="extxyz")
    assert run(tmp_path / "a.xyz", *arguments) == 1
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split-file", "no/split.npz"], "the folder of no/split.npz does not exist"),
        (["--split-file", "split.txt"], "split.txt must end in one of .npz"),
        (["--split-file", "is.npz", "--force"], "is.npz is a folder"),
        (["--report", "is.md", "--force"], "is.md is a folder"),
    ],
)
def test_places_that_cannot_be_written(run, tmp_path: Path, capsys, options, message: str) -> None:
    """They are refused before the work: nothing is written."""
    for name in ("is.npz", "is.md"):
        (tmp_path / name).mkdir()
    np.savez(tmp_path / "a.npz", Z=[1], R=np.zeros((3, 1, 3)), E_eV=np.ones(3), split=[0, 0, 1])
    assert run(tmp_path / "a.npz", *options) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new.db").exists()


def test_a_folder_where_the_database_would_be(run, tmp_path: Path, capsys) -> None:
    (tmp_path / "new.db").mkdir()
    write(tmp_path / "a.xyz", ethanol(), format="extxyz")
    assert run(tmp_path / "a.xyz", "--force") == 1
    assert "new.db is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.xyz", "a.npz", "a.db", "a.pdb", "a.cif", "a.sdf", "a.cube"])
def test_files_that_are_none(run, tmp_path: Path, capsys, name: str) -> None:
    (tmp_path / name).touch()
    assert run(tmp_path / name) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / name} is empty\n"
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    assert run(tmp_path / name) == 1
    assert "it is a folder; only folders of QM9's own files" in capsys.readouterr().err
