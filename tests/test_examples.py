"""The examples run as they are, with few steps."""

import os
import subprocess
import sys
from pathlib import Path

import ase.io
import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder, in which the first example trains the model of the others."""
    return tmp_path_factory.mktemp("examples")


def run(example: str, *arguments: str, folder: Path) -> str:
    """Run an example, which has to succeed, and return what it printed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_molecular_dynamics_of_ethanol(folder: Path) -> None:
    output = run("md_ethanol.py", "--steps=40", "--epochs=2", folder=folder)
    assert "meV/atom/ps" in output
    assert "Langevin: 0.02 ps" in output
    assert (folder / "md_ethanol.png").stat().st_size > 10_000


def test_model_is_trained_once(folder: Path) -> None:
    output = run("md_ethanol.py", "--steps=2", "--epochs=2", folder=folder)
    assert "training" not in output


def test_relaxation_and_vibrations(folder: Path) -> None:
    output = run("relax_vibrations.py", "--steps=5", "--epochs=2", folder=folder)
    assert "relaxed by" in output
    assert "Zero-point energy" in output
    assert len(ase.io.read(folder / "ethanol_relaxed.xyz")) == 9


def test_box_of_water(folder: Path) -> None:
    output = run("water_box.py", "--steps=4", "--epochs=1", folder=folder)
    assert output.count("GPa") == 5
    assert ase.io.read(folder / "water_box.extxyz").pbc.all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tutorial", "last"),
    [
        ("a_potential", "at constant energy: it stays within"),
        ("a_field", "largest change of the values when molecule and points turn"),
        ("a_fit_of_a_complex", "gradients: (4, "),
    ],
)
def test_tutorials(tutorial: str, last: str, folder: Path) -> None:
    """As they are, in under a minute each."""
    assert last in run(f"tutorials/{tutorial}.py", folder=folder).splitlines()[-1]
