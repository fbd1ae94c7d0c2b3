"""Train a small potential in about a minute, for the other examples: `python potential.py`.

`python potential.py 1` trains another one, with the random seed 1, into a folder of its own.

The frames come with the package: 300 of ethanol (PBE), 20 of a periodic box of 64 waters (DFT).
They make a model that runs, not one to publish with. Everything here is SchNetPack's own
training in Python; `spktrain experiment=molfield_rmd17` does the same from the command line.
"""

import sys
from importlib.resources import as_file, files
from pathlib import Path

import schnetpack as spk
import torch
from ase import Atoms
from ase.db import connect
from pytorch_lightning import Trainer, seed_everything
from schnetpack import transform
from torchmetrics.regression import MeanAbsoluteError

from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.sources import read_archive
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.train import ModelRecord
from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure

CUTOFF = 5.0


def sample_frames(name: str) -> list[Atoms]:
    """Return the frames of a sample, "ethanol" or "water64"."""
    return [row.toatoms() for row in connect(_database(name)).select()]


def trained_model(name: str, epochs: int = 40, seed: int = 0) -> Path:
    """Train on a sample, or take the model that an earlier run left in the working folder."""
    folder = Path(f"{name}_model_{seed}" if seed else f"{name}_model")
    if not (folder / "best_model").exists():
        print(f"training on the sample {name!r}, once, into {folder}/")
        seed_everything(seed)
        _train(folder, _data(name, folder), epochs)
    return folder / "best_model"


def _database(name: str) -> Path:
    path = Path(f"{name}.db")
    if not path.exists():
        archive = files("schnetpack_molfield.datasets") / f"{name}_sample.npz"
        with as_file(archive) as local:
            write_database(path, [read_archive(local)])
    return path


def _data(name: str, folder: Path) -> spk.data.AtomsDataModule:
    folder.mkdir(exist_ok=True)
    n_frames = len(sample_frames(name))
    return spk.data.AtomsDataModule(
        str(_database(name)),
        batch_size=max(1, n_frames // 30),
        num_train=int(0.85 * n_frames),
        num_val=n_frames - int(0.85 * n_frames),
        num_workers=0,
        split_file=str(folder / "split.npz"),
        transforms=[
            CheckStructure(required=["energy", "forces"]),
            transform.RemoveOffsets("energy", remove_mean=True),
            transform.MatScipyNeighborList(CUTOFF),
            CheckDistances(),
            transform.CastTo32(),
        ],
    )


def _model() -> spk.model.NeuralNetworkPotential:
    representation = MolField(
        n_atom_basis=32,
        n_interactions=2,
        radial_basis=spk.nn.BesselRBF(12, CUTOFF),
        cutoff_fn=spk.nn.CosineCutoff(CUTOFF),
    )
    return spk.model.NeuralNetworkPotential(
        representation,
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Atomwise(32, output_key="energy"), spk.atomistic.Forces()],
        postprocessors=[transform.CastTo64(), transform.AddOffsets("energy", add_mean=True)],
    )


def _train(folder: Path, data: spk.data.AtomsDataModule, epochs: int) -> None:
    mae = {"mae": MeanAbsoluteError()}
    outputs = [
        spk.task.ModelOutput("energy", torch.nn.MSELoss(), loss_weight=0.01, metrics=mae),
        spk.task.ModelOutput("forces", torch.nn.MSELoss(), loss_weight=0.99, metrics=mae),
    ]
    task = spk.AtomisticTask(
        _model(), outputs, torch.optim.AdamW, optimizer_args={"lr": 5e-3, "weight_decay": 0.0}
    )
    keep_best = spk.train.ModelCheckpoint(
        model_path=str(folder / "best_model"), dirpath=folder, monitor="val_loss"
    )
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[ModelRecord(), keep_best],
        logger=False,
        inference_mode=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(task, data)
    error = trainer.validate(task, data, verbose=False)[0]["val_forces_mae"]
    print(f"validation MAE of the forces: {1000 * error:.0f} meV/Angstrom")


if __name__ == "__main__":
    print(trained_model("ethanol", seed=int(sys.argv[1]) if sys.argv[1:] else 0))
