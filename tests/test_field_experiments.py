"""The experiments that learn fields, as a user types them, each for two steps."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io import write
from ase.io.cube import read_cube_data

from schnetpack_molfield import MolecularField
from schnetpack_molfield.fields import PromoleculeDensity, molecular_surface
from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.train import RunResults

pytestmark = pytest.mark.slow

#: Enough to learn something: twenty steps, and weights of the last of them.
SOME_STEPS = ("trainer.max_epochs=10", "globals.lr=2e-3", "callbacks.ema.decay=0.5")


@pytest.mark.parametrize("representation", ["molfield", "molfield_latent", "molfield_moments"])
def test_functions_of_the_sample(tmp_path, run_in_process, few_steps, representation) -> None:
    """From training to a cube file, with three commands and no file of one's own."""
    chosen = ["experiment=molfield_functions", f"model/representation={representation}"]
    done = run_in_process(tmp_path, "spktrain", *chosen, *few_steps)
    for metric in ("MAE", "relative_l2", "psnr"):
        assert metric in done.stdout
    assert "in ASE" not in done.stdout
    (best,) = tmp_path.glob("runs/*/best_model")
    field = MolecularField.from_model(best, molecule("CH3CH2OH"))
    assert field.channels == ["H", "C", "N", "O"]
    with pytest.raises(ValueError, match="doesn't know Si"):
        MolecularField.from_model(best, molecule("SiH4"))

    write(tmp_path / "x.xyz", molecule("CH3CH2OH"))
    options = ["--channel", "C", "--out", "c.cube", "--spacing", "0.6"]
    run_in_process(tmp_path, "molfield", "field", "x.xyz", "--model", str(best), *options)
    values, atoms = read_cube_data(str(tmp_path / "c.cube"))
    assert len(atoms) == 9 and np.isfinite(values).all() and values.std() > 0
    points = field.grid(0.6)[0].as_written_in_cube().points
    np.testing.assert_allclose(values.flatten(), field(points)[:, 1], atol=1e-5)


def test_an_experiment_starts_from_pre_training(tmp_path, run_in_process, few_steps) -> None:
    """Geometries alone first, a property afterwards; what is frozen is what was learned before."""
    run_in_process(tmp_path, "spktrain", "experiment=molfield_pretrain", "run.id=a", *few_steps)
    trained = tmp_path / "runs" / "a" / "best_model"
    start = [f"model.representation.pretrained={trained}", "globals.property=homo", "run.id=b"]
    groups = [
        "model.representation.frozen=[encoder]",
        "model.representation.rates={embedding: 0.1}",
    ]
    size = ["model.representation.n_atom_basis=64", "data=molfield_qm9_sample"]
    done = run_in_process(
        tmp_path, "spktrain", "experiment=molfield_qm9", *start, *groups, *size, *few_steps
    )
    assert (
        f"{trained}: " in done.stdout and "weights of the representation taken over" in done.stdout
    )
    before = load_model_file(trained).representation.molfield
    after = load_model_file(tmp_path / "runs" / "b").representation
    assert torch.equal(after.encoder.elements.weight, before.encoder.elements.weight)
    moved = (after.embedding.weight - before.embedding.weight)[[1, 6, 7, 8]]
    assert 0 < moved.abs().max() < 0.1 * 2e-2


def test_divergence_of_the_latents_is_part_of_the_loss(tmp_path, run_in_process, few_steps) -> None:
    """So heavy that next to it the error of the functions is nothing."""
    chosen = ["experiment=molfield_variational", "globals.kl_weight=1e6", "logger=csv"]
    run_in_process(tmp_path, "spktrain", *chosen, *few_steps)
    (metrics,) = tmp_path.glob("runs/*/**/metrics.csv")
    rows = list(csv.DictReader(metrics.read_text().splitlines()))
    (row,) = [row for row in rows if row.get("val_loss")]
    divergence = float(row["val_kl_divergence_mean"])
    assert divergence > 0
    assert float(row["val_loss"]) == pytest.approx(1e6 * divergence, rel=1e-4)
    (best,) = tmp_path.glob("runs/*/best_model")
    field = MolecularField.from_model(best, molecule("CH4"))
    assert torch.equal(field(np.zeros((1, 3))), field(np.zeros((1, 3))))  # the mean, not a sample


@pytest.fixture
def densities(tmp_path: Path) -> Path:
    """An archive of 12 densities on coarse grids: promolecules, times 1.3."""
    names = ["H2O", "CH4", "NH3", "CO2"] * 3
    structures = [molecule(name) for name in names]
    for atoms in structures:
        atoms.rattle(0.05)
    fields = [PromoleculeDensity("e/bohr^3").of(atoms) for atoms in structures]
    grids = [field.grid(0.5, 1.5) for field in fields]
    np.savez(
        tmp_path / "rho.npz",
        Z=np.concatenate([atoms.numbers for atoms in structures]),
        R=np.concatenate([atoms.positions for atoms in structures]),
        n_atoms=[len(atoms) for atoms in structures],
        rho_e_bohr3=1.3 * torch.cat([values.flatten() for _, values in grids]).numpy(),
        grid_shape=[grid.shape for grid, _ in grids],
        grid_origin_A=[grid.origin for grid, _ in grids],
        grid_spacing_A=0.5,
    )
    return tmp_path


def test_densities_of_an_archive(densities, run_in_process, few_steps) -> None:
    """The density that is learned is nearer to the target than the promolecule it starts at."""
    run_in_process(densities, "molfield", "import", "rho.npz", "--out", "rho.db")
    sizes = ["data.num_train=6", "data.num_val=2", "data.batch_size=2"]
    run_in_process(
        densities,
        "spktrain",
        "experiment=molfield_density",
        "data.datapath=rho.db",
        "globals.precision=64",
        *sizes,
        *few_steps,
        *SOME_STEPS,
        "trainer.max_epochs=20",
        "trainer.check_val_every_n_epoch=10",
    )
    (best,) = densities.glob("runs/*/best_model")
    error = RunResults.read(best.with_name("results.json")).errors["electron_density"]
    assert error["relative_l1"] < 0.2  # 0.3 / 1.3 = 0.23 at the start
    field = MolecularField.from_model(best, molecule("H2O"))
    assert field.units == {"electron_density": "e/Ang^3"}
    assert field.integral() == pytest.approx(13, abs=1)  # 10 at the start


def test_densities_of_the_sample(tmp_path, run_in_process, few_steps) -> None:
    """No file of one's own is needed; the error is that of the promolecule, or less."""
    run_in_process(tmp_path, "spktrain", "experiment=molfield_density", *few_steps)
    (best,) = tmp_path.glob("runs/*/best_model")
    error = RunResults.read(best.with_name("results.json")).errors["electron_density"]
    assert 0.02 < error["relative_l1"] < 0.2
    field = MolecularField.from_model(best, molecule("CH3CH2OH"))
    assert field.integral() == pytest.approx(26, abs=1)


def test_surfaces_of_the_sample(tmp_path, run_in_process, few_steps) -> None:
    """Distances, normals and slopes are trained together, with second derivatives."""
    chosen = ["experiment=molfield_signed_distance", "data.batch_size=10"]
    done = run_in_process(tmp_path, "spktrain", *chosen, *few_steps, *SOME_STEPS)
    (best,) = tmp_path.glob("runs/*/best_model")
    errors = RunResults.read(best.with_name("results.json")).errors
    assert errors["sdf"]["iou"] > 0.8
    assert ["sdf", "Ang"] in [line.split()[:2] for line in done.stdout.splitlines()]
    field = MolecularField.from_model(best, molecule("CH4"))
    far = field([[0.0, 0.0, 20.0]])
    assert field.channels == ["sdf"] and 15 < float(far) < 20
    assert field.gradient([[0.0, 0.0, 2.0]]).norm() == pytest.approx(1, abs=0.3)
    smooth, exact = (molecular_surface(name).of(field.atoms) for name in ("gaussian", "exact"))
    points = torch.rand(1000, 3) * 5 - 2.5
    at_start, learned = ((f(points) - exact(points)).abs().mean() for f in (smooth, field))
    assert learned < 0.9 * at_start


def test_exact_distances_need_atoms(tmp_path, run_in_process, few_steps) -> None:
    chosen = ["experiment=molfield_signed_distance", "model/representation=molfield_latent"]
    done = run_in_process(tmp_path, "spktrain", *chosen, *few_steps, check=False)
    assert done.returncode != 0 and "charts without elements: use LearnedDistance" in done.stderr


def test_surfaces_of_bare_structures(tmp_path, run_in_process, few_steps) -> None:
    """Structures without labels, of elements that QM9 doesn't have."""
    write(tmp_path / "x.xyz", [molecule(name) for name in ["SiH4", "CH3SH", "CH3Cl", "PH3"] * 3])
    done = run_in_process(tmp_path, "molfield", "import", "x.xyz", "--out", "x.db")
    assert "12 structures without labels" in done.stdout
    data = ["data=molfield_structures", "data.datapath=x.db", "data.num_train=8", "data.num_val=2"]
    chosen = ["spktrain", "experiment=molfield_signed_distance", *few_steps]
    done = run_in_process(tmp_path, *chosen, *data)
    assert "iou" in done.stdout
    done = run_in_process(tmp_path, *chosen, data[0], check=False)
    assert done.returncode != 0 and "data.datapath=FILE.db" in done.stderr
