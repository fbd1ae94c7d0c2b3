"""The whole assessment and its command."""

import json
import sys
from pathlib import Path

import ase.io
import pytest
from ase.build import molecule
from typer.testing import CliRunner

pytest.importorskip("rdkit")

from schnetpack_molfield.assessment import (  # noqa: E402
    Entries,
    Sizes,
    assess,
    bust,
    judge_by_lengths,
    mmff_strain,
)
from schnetpack_molfield.cli import app, main  # noqa: E402

NAMES = ["CH4", "CH3CHO", "CH3CH2OH", "CH3CN"]


def entries(*names: str) -> Entries:
    return Entries([molecule(name) for name in names])


def test_everything_at_once() -> None:
    sizes = Sizes(strain=4, plausibility=0)
    result = assess(entries(*NAMES), entries("CH4", "CH3CHO"), sizes)
    assert result.by_lengths.molecule_stable == 100.0
    assert result.by_lengths.novel == 50.0
    assert result.strain["MMFF94"]["molecules"] == 4
    assert 0 <= result.strain["MMFF94"]["median"] < 20
    carbon = result.distributions["C"]
    assert (carbon.mean, carbon.reference_mean) == (7 / 4, 3 / 2)
    assert carbon.distance == pytest.approx(0.25 / 0.5)  # 1 2 2 2 against 1 1 2 2


def test_strain_grows_with_distortion() -> None:
    stretched = molecule("CH3CH2OH")
    stretched.positions[0] += [0.1, 0.0, 0.0]
    strains = [
        mmff_strain(judge_by_lengths(atoms).molecule) for atoms in (molecule("CH3CH2OH"), stretched)
    ]
    assert strains[0] >= 0 and strains[1] > strains[0] + 3.0


def test_plausibility() -> None:
    pytest.importorskip("posebusters")
    shares = bust([judge_by_lengths(molecule("CH3CH2OH")).molecule])
    assert shares["all tests"] == 100.0 and shares["bond_lengths"] == 100.0


def test_without_an_extra_there_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openbabel", None)
    monkeypatch.setitem(sys.modules, "openbabel.openbabel", None)
    result = assess(entries("CH4"), sizes=Sizes(strain=1, plausibility=0))
    assert result.by_openbabel is None
    assert 'pip install "schnetpack-molfield[generation]"' in result.notes[0]


def test_nothing_valid() -> None:
    radical = molecule("CH4") + molecule("CH4")
    result = assess(Entries([radical]), sizes=Sizes(plausibility=0))
    assert result.by_lengths.valid == 0.0
    assert any("no valid molecule" in note for note in result.notes)


def test_command(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "some.xyz", [molecule(name) for name in NAMES])
    out = tmp_path / "result.json"
    words = ["assess", str(tmp_path / "some.xyz"), "--out", str(out), "--posebusters", "0"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "4 molecules of 4 entries" in result.output
    assert json.loads(out.read_text())["by_lengths"]["valid"] == 100.0
    assert isinstance(CliRunner().invoke(app, words).exception, FileExistsError)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.sdf"], "missing.sdf isn't a file"),
        (["missing.sdf", "--out", "result.txt"], "must end in one of .json"),
    ],
)
def test_mistakes(words, message, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["molfield", "assess", *words])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert message in capsys.readouterr().err
