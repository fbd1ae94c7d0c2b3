"""What happens after training, with SchNetPack's own programs: each is really run.

One small model is trained by `spktrain` on frames that ship with the package; prediction, MD,
deployment, continuation after a kill, and two processes start from there. All runs take their 20
training frames as one batch, so that order doesn't matter and double precision shows whether two
ways to the same model really end at the same numbers.
"""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import schnetpack.interfaces
import torch
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.md.verlet import VelocityVerlet
from schnetpack.md.data import HDF5Loader
from schnetpack.transform import MatScipyNeighborList

from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.sources import read_archive
from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.train import RunResults

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
REPRESENTATION = "molfield"
EPOCHS = 8


def program(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a console script of this environment."""
    paths = [str(cwd), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [Path(sys.executable).parent / name, *arguments],
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def run(name: str, *arguments: str, cwd: Path) -> str:
    """Run a console script that has to succeed, and return what it printed.

    Where nothing but its result counts, `run_in_process` does the same without a start of Python.
    """
    done = program(name, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def training(folder: Path, run_id: str, *overrides: str) -> list[str]:
    """Arguments of a training that is the same every time."""
    return [
        "experiment=molfield_custom",
        f"model/representation={REPRESENTATION}",
        "model.representation.n_atom_basis=16",
        f"data.datapath={folder / 'ethanol.db'}",
        "data.num_train=20",
        "data.num_val=4",
        "data.num_test=4",
        "data.batch_size=20",
        "data.num_workers=0",
        f"data.drawn_split={folder / 'split.npz'}",
        f"run.path={folder}",
        f"run.id={run_id}",
        "seed=0",
        "globals.precision=64",
        "globals.lr=1e-2",
        "trainer.accelerator=cpu",
        f"trainer.max_epochs={EPOCHS}",
        "logger=csv",
        *overrides,
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of ethanol."""
    folder = tmp_path_factory.mktemp("lifecycle")
    with as_file(files("schnetpack_molfield.datasets") / "ethanol_sample.npz") as archive:
        write_database(folder / "ethanol.db", [read_archive(archive)])
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path, run_in_process: Command) -> Path:
    """The run of a model, trained in double precision."""
    run_in_process(folder, "spktrain", *training(folder, "trained"))
    return folder / "trained"


@pytest.fixture(scope="module")
def frames(folder: Path) -> list[Atoms]:
    """The first frames of the database, with energies and forces of PBE."""
    rows = connect(folder / "ethanol.db").select(limit=5)
    frames = []
    for row in rows:
        atoms = row.toatoms()
        labels = {"energy": row.data["energy"].item(), "forces": row.data["forces"]}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


def checkpoint(run_folder: Path, name: str = "last.ckpt") -> dict:
    """The last checkpoint, or `epoch=*.ckpt`, the best."""
    (path,) = (run_folder / "checkpoints").glob(name)
    return torch.load(path, weights_only=False)


def assert_same_training(run_folder: Path, reference: Path) -> None:
    """Compare epoch, weights, optimizer and moving averages of two finished runs."""
    ours, theirs = checkpoint(run_folder), checkpoint(reference)
    assert ours["epoch"] == theirs["epoch"]
    for key, value in theirs["state_dict"].items():
        torch.testing.assert_close(ours["state_dict"][key], value, rtol=0, atol=1e-8)
    moments = [c["optimizer_states"][0]["state"].values() for c in (ours, theirs)]
    for state, expected in zip(*moments, strict=True):
        torch.testing.assert_close(state["exp_avg"], expected["exp_avg"], rtol=1e-5, atol=1e-8)


def test_training_in_double_precision(trained: Path) -> None:
    model = torch.load(trained / "best_model", weights_only=False)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert MolFieldCalculator(trained).settings.dtype == torch.float64


def test_training_in_single_precision(
    folder: Path, frames: list[Atoms], run_in_process: Command
) -> None:
    shorter = ["globals.precision=32", "trainer.max_epochs=2"]
    run_in_process(folder, "spktrain", *training(folder, "single", *shorter))
    calculator = MolFieldCalculator(folder / "single")
    assert calculator.settings.dtype == torch.float32
    assert calculator.get_forces(frames[0]).shape == (9, 3)


def test_bad_frame_stops_the_training(folder: Path, run_in_process: Command) -> None:
    """The loader says which frame is bad; SchNetPack would train on NaN."""
    with connect(folder / "ethanol.db") as good, connect(folder / "bad.db") as database:
        database.metadata = good.metadata
        for row in good.select(limit=28):
            forces = row.data["forces"].copy()
            forces[3] = np.nan if row.id == 12 else forces[3]
            database.write(row.toatoms(), data={"energy": row.data["energy"], "forces": forces})
    split = {"train_idx": range(20), "val_idx": range(20, 24), "test_idx": range(24, 28)}
    np.savez(folder / "bad.npz", **split)
    paths = [f"data.datapath={folder / 'bad.db'}", f"data.split_file={folder / 'bad.npz'}"]
    arguments = training(folder, "bad", *paths)
    done = run_in_process(folder, "spktrain", *arguments, check=False)
    assert done.returncode != 0
    assert "'forces' is NaN or infinite in row(s) [3] of sample 11" in done.stderr
    assert not (folder / "bad" / "best_model").exists()


def test_best_model_has_averaged_weights(trained: Path) -> None:
    """SchNetPack's EMA callback is part of every experiment; the saved model must use it."""
    saved = checkpoint(trained, "epoch=*.ckpt")
    (average,) = (state["ema"] for state in saved["callbacks"].values() if "ema" in state)
    model = torch.load(trained / "best_model", weights_only=False)
    for parameter, shadow in zip(model.parameters(), average["shadow_params"], strict=True):
        torch.testing.assert_close(parameter.detach(), shadow.cpu(), rtol=0, atol=1e-12)


def test_calculator_knows_the_model(trained: Path, frames: list[Atoms]) -> None:
    """In eV and eV/Angstrom near the labels, which are -4200 eV and some eV/Angstrom."""
    calculator = MolFieldCalculator(trained)
    for atoms in frames:
        assert calculator.get_potential_energy(atoms) == pytest.approx(
            atoms.get_potential_energy(), abs=3.0
        )
        assert np.abs(calculator.get_forces(atoms) - atoms.get_forces()).mean() < 3.0
    assert calculator.settings.elements == ("H", "C", "O")


def test_prediction(
    folder: Path, trained: Path, frames: list[Atoms], run_in_process: Command
) -> None:
    run_in_process(
        folder,
        "spkpredict",
        f"datapath={folder / 'ethanol.db'}",
        f"modeldir={trained}",
        f"outputdir={folder / 'predictions'}",
        "cutoff=5.0",
        "enable_grad=true",
        "write_interval=batch",  # the default fails with Lightning 2 (SchNetPack up to 2.2.0)
        "trainer.accelerator=cpu",
        "trainer.precision=64",
    )
    predicted = torch.load(folder / "predictions" / "0" / "0.pt", weights_only=False)
    calculator = MolFieldCalculator(trained)
    n_frames = len(frames)
    energies = [calculator.get_potential_energy(atoms) for atoms in frames]
    forces = np.concatenate([calculator.get_forces(atoms) for atoms in frames])
    # spkpredict rounds positions to single precision
    np.testing.assert_allclose(predicted["energy"][:n_frames], energies, rtol=0, atol=1e-4)
    np.testing.assert_allclose(predicted["forces"][: 9 * n_frames], forces, rtol=0, atol=1e-4)


def test_deployment(
    folder: Path, trained: Path, frames: list[Atoms], run_in_process: Command
) -> None:
    """TorchScript, as LAMMPS reads it, gives the same forces and energies."""
    run_in_process(folder, "spkdeploy", str(trained / "best_model"), "deployed")
    metadata = {"cutoff": ""}
    deployed = torch.jit.load(str(folder / "deployed"), _extra_files=metadata)
    assert float(metadata["cutoff"]) == 5.0
    calculator = MolFieldCalculator(trained)
    for atoms in frames:
        forces = calculator.get_forces(atoms)
        outputs = deployed(calculator.converter(atoms))
        np.testing.assert_allclose(outputs["forces"].detach(), forces, rtol=0, atol=1e-10)
        # spkdeploy rounds the energy's offset, -4204 eV, to single precision
        energy = calculator.get_potential_energy(atoms)
        assert outputs["energy"].item() == pytest.approx(energy, rel=0, abs=2e-3)


def test_molecular_dynamics(folder: Path, trained: Path, frames: list[Atoms]) -> None:
    """The energies of spkmd's trajectory are those of the calculator, up to the offset."""
    frames[0].write(folder / "start.xyz")
    run(
        "spkmd",
        "--config-name=molfield_md",
        f"model_file={trained / 'best_model'}",
        "molecule_file=start.xyz",
        "precision=64",
        "dynamics.n_steps=20",
        "simulation_dir=md",
        cwd=folder,
    )
    trajectory = HDF5Loader(str(folder / "md" / "simulation.hdf5"))
    positions = trajectory.get_positions(mol_idx=0) * 10  # nm to Angstrom
    energies = trajectory.get_property("energy", atomistic=False, mol_idx=0).flatten()
    kinetic = trajectory.get_kinetic_energy(mol_idx=0) * units.kJ / units.mol
    calculator = MolFieldCalculator(trained)
    expected = np.array(
        [calculator.get_potential_energy(Atoms(frames[0].numbers, r)) for r in positions]
    )
    assert len(energies) == 20
    np.testing.assert_allclose(np.diff(energies), np.diff(expected), rtol=0, atol=1e-6)
    assert np.ptp(energies + kinetic) < 0.05 * np.ptp(energies)


def total_energies(atoms: Atoms, time_step: float) -> np.ndarray:
    """Total energy along 40 fs of Newton's equations, starting with velocities of 300 K."""
    spread = np.sqrt(atoms.get_masses() * units.kB * 300)  # (n_atoms,)
    atoms.set_momenta(np.random.default_rng(0).normal(size=(len(atoms), 3)) * spread[:, None])
    energies: list[float] = []
    dynamics = VelocityVerlet(atoms, time_step * units.fs)
    dynamics.attach(lambda: energies.append(atoms.get_total_energy()))
    dynamics.run(round(40 / time_step))
    return np.array(energies)


def test_energy_conservation(trained: Path, frames: list[Atoms]) -> None:
    """Energy fluctuates with the square of the time step, as for the exact gradient only."""
    spreads = []
    for time_step in (0.5, 0.25):
        atoms = frames[0].copy()
        atoms.calc = MolFieldCalculator(trained)
        spreads.append(total_energies(atoms, time_step).std())
    assert spreads[0] / spreads[1] == pytest.approx(4.0, abs=0.3)


ENDS = """
    import os, signal
    from pytorch_lightning import Callback

    class Kill(Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 5:
                os.kill(os.getpid(), signal.SIGKILL)

    class Fail(Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 2:
                raise RuntimeError("a failure")
"""


def test_continuation_after_a_kill(folder: Path, trained: Path, run_in_process: Command) -> None:
    """Killed in its sixth epoch and started again, it ends where the run without a kill ended."""
    (folder / "ends.py").write_text(textwrap.dedent(ENDS))
    arguments = training(folder, "killed")
    done = program("spktrain", *arguments, "+callbacks.kill._target_=ends.Kill", cwd=folder)
    assert done.returncode == -9
    assert checkpoint(folder / "killed")["epoch"] == 4
    output = run_in_process(folder, "spktrain", *arguments).stdout
    assert "continued after 5 epochs" in output + (folder / "killed" / "cli.log").read_text()
    assert RunResults.read(folder / "killed" / "results.json").epochs == EPOCHS
    assert_same_training(folder / "killed", trained)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("float64", ["globals.precision=64"]),
        ("float32", ["globals.precision=32"]),
        ("no_average", ["globals.precision=32", "~callbacks.ema"]),
    ],
)
def test_continuation_is_bitwise(
    folder: Path,
    name: str,
    overrides: list[str],
    run_in_process: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four batches an epoch, drawn anew: a continued run sees them as one without a failure."""
    (folder / "ends.py").write_text(textwrap.dedent(ENDS))
    monkeypatch.syspath_prepend(str(folder))
    shorter = ["data.batch_size=5", "trainer.max_epochs=3", *overrides]
    whole, cut = f"whole_{name}", f"cut_{name}"
    fail = "+callbacks.fail._target_=ends.Fail"
    failed = run_in_process(folder, "spktrain", *training(folder, cut, *shorter), fail, check=False)
    assert failed.returncode != 0 and checkpoint(folder / cut)["epoch"] == 1
    run_in_process(folder, "spktrain", *training(folder, cut, *shorter))
    run_in_process(folder, "spktrain", *training(folder, whole, *shorter))
    ours, theirs = checkpoint(folder / cut), checkpoint(folder / whole)
    assert ours["epoch"] == theirs["epoch"] == 2
    for key, value in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][key], value), key


def test_two_processes(folder: Path, trained: Path) -> None:
    """Two halves of the batch give the weights that the whole batch gives."""
    output = run(
        "spktrain",
        *training(folder, "ddp", "data.batch_size=10"),
        "trainer=ddp_trainer",
        "trainer.accelerator=cpu",
        cwd=folder,
    )
    assert "MEMBER: 1/2" in output + (folder / "ddp" / "cli.log").read_text()
    assert_same_training(folder / "ddp", trained)


@pytest.mark.skipif(
    not hasattr(schnetpack.interfaces, "SpkEnsembleCalculator"),
    reason="SchNetPack's ensemble calculator came with 2.2.0",
)
def test_ensemble(trained: Path, folder: Path, frames: list[Atoms]) -> None:
    """An ensemble of one model twice is that model, sure of itself."""
    ensemble = schnetpack.interfaces.SpkEnsembleCalculator(
        [str(trained / "best_model")] * 2,
        MatScipyNeighborList(5.0),
        energy_unit="eV",
        dtype=torch.float64,
    )
    atoms = frames[0].copy()
    expected = MolFieldCalculator(trained).get_forces(atoms)
    np.testing.assert_allclose(ensemble.get_forces(atoms), expected, rtol=0, atol=1e-9)
    assert ensemble.get_uncertainty(atoms) == pytest.approx(0.0, abs=1e-9)
