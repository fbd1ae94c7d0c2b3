"""The examples run as they are, with few steps."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import ase.io
import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "examples"
Command = Callable[..., subprocess.CompletedProcess[str]]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder, in which the first example trains the model of the others."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture
def run(folder: Path, run_in_process: Command, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run an example, which has to succeed, and return what it printed."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return lambda example, *arguments: run_in_process(folder, str(example), *arguments).stdout


def test_molecular_dynamics_of_ethanol(run: Run, folder: Path) -> None:
    output = run(EXAMPLES / "md_ethanol.py", "--steps=40", "--epochs=2")
    assert "meV/atom/ps" in output
    assert "Langevin: 0.02 ps" in output
    assert (folder / "md_ethanol.png").stat().st_size > 10_000


def test_model_is_trained_once(run: Run, folder: Path) -> None:
    output = run(EXAMPLES / "md_ethanol.py", "--steps=2", "--epochs=2")
    assert "training" not in output


def test_relaxation_and_vibrations(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = run(EXAMPLES / "relax_vibrations.py", "--steps=5", "--epochs=2")
    assert "relaxed by" in output
    assert "Zero-point energy" in output + capsys.readouterr().out  # ASE keeps the first stdout
    assert len(ase.io.read(folder / "ethanol_relaxed.xyz")) == 9


def test_box_of_water(run: Run, folder: Path) -> None:
    output = run(EXAMPLES / "water_box.py", "--steps=4", "--epochs=1")
    assert output.count("GPa") == 5
    assert ase.io.read(folder / "water_box.extxyz").pbc.all()


def test_ipi(run: Run) -> None:
    pytest.importorskip("ipi")
    assert "quantum kinetic energy" in run(EXAMPLES / "ipi_ethanol.py", "--steps=2", "--epochs=2")


def test_openmm(run: Run) -> None:
    pytest.importorskip("openmm")
    assert "NVE: 0.01 ps" in run(EXAMPLES / "openmm_ethanol.py", "--steps=20", "--epochs=2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tutorial", "last"),
    [
        ("a_potential", "at constant energy: it stays within"),
        ("a_field", "largest change of the values when molecule and points turn"),
        ("a_fit_of_a_complex", "gradients: (4, "),
    ],
)
def test_tutorials(tutorial: str, last: str, run: Run, folder: Path) -> None:
    """As they are, but for fewer epochs or steps."""
    text = (EXAMPLES / "tutorials" / f"{tutorial}.py").read_text()
    text, n_epochs = re.subn(r"^EPOCHS, CUTOFF = \d+", "EPOCHS, CUTOFF = 1", text, flags=re.M)
    text, n_steps = re.subn(r"^STEPS = \d+", "STEPS = 30", text, flags=re.M)
    assert n_epochs + n_steps == 1
    (folder / f"{tutorial}.py").write_text(text)
    assert last in run(folder / f"{tutorial}.py").splitlines()[-1]
