"""`spktrain experiment=molfield_surface`, from a file of frames to a surface in between."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield import MolecularField
from schnetpack_molfield.train import RunResults

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twelve frames of a water molecule that moves along x, 10 fs apart."""
    folder = tmp_path_factory.mktemp("trajectory")
    start = molecule("H2O")
    frames = [
        Atoms(start.numbers, start.positions + [0.1 * k, 0, 0], info={"time": 10.0 * k})
        for k in range(12)
    ]
    ase.io.write(folder / "frames.extxyz", frames)
    return folder


@pytest.fixture(scope="module")
def best_model(folder, run_in_process) -> Path:
    frames = ["frames.extxyz", "--property", "time=fs", "--out", "frames.db"]
    run_in_process(folder, "molfield", "import", *frames)
    sizes = ["globals.n_charts=4", "globals.n_knots=6", "data.batch_size=3"]
    sizes += ["data.every=2", "data.until=1"]
    done = run_in_process(
        folder,
        "spktrain",
        "experiment=molfield_surface",
        "data.datapath=frames.db",
        "trainer.max_epochs=60",
        "trainer.check_val_every_n_epoch=20",
        "callbacks.ema.decay=0.9",
        "seed=0",
        "field.training_points.n_near_surface=64",
        *sizes,
    )
    (best,) = folder.glob("runs/*/best_model")
    assert RunResults.read(best.with_name("results.json")).errors["sdf"]["iou"] > 0.8
    assert "molfield field --time 0 --model" in done.stdout
    return best


def test_frames_between_and_after_can_be_asked(best_model) -> None:
    """The surface moves with the molecule, also where no frame was."""
    pytest.importorskip("skimage")
    fields = [MolecularField.from_model(best_model, time=t) for t in (30.0, 35.0, 70.0)]
    assert fields[0].channels == ["sdf"] and fields[0].units == {"sdf": "Ang"}
    centers = [float(field.isosurface(spacing=0.3)[0][:, 0].mean()) for field in fields]
    assert centers[1] - centers[0] == pytest.approx(0.05, abs=0.05)
    assert centers[2] - centers[0] == pytest.approx(0.4, abs=0.15)
    late = MolecularField.from_model(best_model, time=105.0)
    assert torch.isfinite(late(np.zeros((3, 3)))).all()
    with pytest.raises(ValueError, match="is known from time 0 to 100"):
        MolecularField.from_model(best_model, time=1e4)


def test_everything_a_field_can_do(best_model, tmp_path) -> None:
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    field = MolecularField.from_model(best_model, time=42.0, dtype=torch.float64)
    assert len(field.atoms) == 4 and not field.atoms.numbers.any()
    field.to_cube(tmp_path / "x.cube", spacing=0.5)
    field.picture(tmp_path / "x.png", spacing=0.3)
    field.render(tmp_path / "surface.png", spacing=0.5)
    assert (tmp_path / "x.cube").exists() and (tmp_path / "surface.png").exists()
    shown = MolecularField.from_model(best_model, molecule("H2O"), time=42.0)
    assert shown.atoms.get_chemical_formula() == "H2O"


def test_at_the_command_line(folder, best_model, run_in_process) -> None:
    ask = ["molfield", "field", "frames.extxyz", "--model", str(best_model), "--spacing", "0.5"]
    run_in_process(folder, *ask, "--time", "35", "--out", "a.npz")
    run_in_process(folder, *ask, "--time", "90", "--out", "b.npz")
    a, b = (np.load(folder / name)["values"] for name in ("a.npz", "b.npz"))
    assert np.abs(a - b).max() > 0.1
    done = run_in_process(folder, *ask, "--out", "c.npz", check=False)
    assert done.returncode == 1
    assert "function of point and time: give a time" in done.stderr.replace("\n", " ")
    assert not (folder / "c.npz").exists()


def test_bad_times(best_model) -> None:
    with pytest.raises(ValueError, match="times must be finite numbers"):
        MolecularField.from_model(best_model, time=float("nan"))
    with pytest.raises(ValueError, match="function of point and time: give a time"):
        MolecularField.from_model(best_model, molecule("H2O"))


def test_the_sample_of_ethanol(tmp_path, run_in_process, few_steps) -> None:
    """Trains at once, with nothing of one's own."""
    run_in_process(tmp_path, "spktrain", "experiment=molfield_surface", *few_steps)
    (best,) = tmp_path.glob("runs/*/best_model")
    assert '"iou"' in best.with_name("results.json").read_text()
    field = MolecularField.from_model(best, time=300.0)
    assert len(field.atoms) == 16 and torch.isfinite(field(np.zeros((1, 3)))).all()
    assert list(tmp_path.rglob("molfield_trajectory_sample.db"))


def test_a_wrong_name_never_takes_the_sample(tmp_path, run_in_process, few_steps) -> None:
    chosen = ["experiment=molfield_surface", "data.datapath=wrong.db"]
    done = run_in_process(tmp_path, "spktrain", *chosen, *few_steps, check=False)
    assert done.returncode != 0 and "wrong.db doesn't exist; `molfield import" in done.stderr
    assert not (tmp_path / "wrong.db").exists()
