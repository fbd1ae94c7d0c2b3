"""A potential, from frames with forces to dynamics: run it, or open its cells in an editor."""

# %% [markdown]
# # A potential
#
# 300 frames of ethanol with energies and forces (PBE) come with the package. They become a
# database, a model learns them, and ASE uses it. On the command line the same is
#
#     molfield import frames.xyz --out my.db --property energy --property forces
#     spktrain experiment=molfield_custom data.datapath=my.db

# %%
from importlib.resources import files
from pathlib import Path

import numpy as np
import schnetpack as spk
import torch
from ase import units
from ase.db import connect
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from pytorch_lightning import Trainer, seed_everything
from schnetpack.transform import AddOffsets, CastTo32, CastTo64, MatScipyNeighborList, RemoveOffsets
from torchmetrics.regression import MeanAbsoluteError

from schnetpack_molfield import MolField, MolFieldCalculator
from schnetpack_molfield.datasets import read_archive, write_database
from schnetpack_molfield.train import ModelRecord

EPOCHS, CUTOFF = 5, 5.0  # more epochs, better forces: examples/potential.py takes 40
folder = Path("tutorial_potential")
folder.mkdir(exist_ok=True)
seed_everything(0)

# %% [markdown]
# ## Data
#
# A SchNetPack database knows its units: everything else follows from it. Of the energy, only the
# difference to the mean per atom is learned; the model adds it again.

# %%
database = folder / "ethanol.db"
if not database.exists():
    archive = Path(str(files("schnetpack_molfield.datasets") / "ethanol_sample.npz"))
    write_database(database, [read_archive(archive)])

data = spk.data.AtomsDataModule(
    str(database),
    batch_size=10,
    num_train=250,
    num_val=50,
    num_workers=0,
    split_file=str(folder / "split.npz"),
    transforms=[
        RemoveOffsets("energy", remove_mean=True),
        MatScipyNeighborList(CUTOFF),
        CastTo32(),
    ],
)

# %% [markdown]
# ## Model
#
# MolField is the representation; what reads energies from it is SchNetPack's. Two rounds and 32
# channels make it quick, the configurations have three and 128.

# %%
model = spk.model.NeuralNetworkPotential(
    MolField(
        n_atom_basis=32,
        n_interactions=2,
        radial_basis=spk.nn.BesselRBF(12, CUTOFF),
        cutoff_fn=spk.nn.CosineCutoff(CUTOFF),
    ),
    input_modules=[spk.atomistic.PairwiseDistances()],
    output_modules=[spk.atomistic.Atomwise(32, output_key="energy"), spk.atomistic.Forces()],
    postprocessors=[CastTo64(), AddOffsets("energy", add_mean=True)],
)
mae = {"mae": MeanAbsoluteError()}
outputs = [
    spk.task.ModelOutput("energy", torch.nn.MSELoss(), loss_weight=0.01, metrics=mae),
    spk.task.ModelOutput("forces", torch.nn.MSELoss(), loss_weight=0.99, metrics=mae),
]
task = spk.AtomisticTask(model, outputs, torch.optim.AdamW, optimizer_args={"lr": 5e-3})

# %% [markdown]
# ## Training
#
# `ModelRecord` writes units, cutoff and precision into the model, so that nobody has to repeat
# them when it is used.

# %%
best_model = folder / "best_model"
keep_best = spk.train.ModelCheckpoint(
    model_path=str(best_model), dirpath=folder, monitor="val_loss"
)
trainer = Trainer(
    accelerator="cpu",
    max_epochs=EPOCHS,
    callbacks=[ModelRecord(), keep_best],
    logger=False,
    inference_mode=False,
    num_sanity_val_steps=0,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(task, data)
error = float(trainer.callback_metrics["val_forces_mae"])
print(f"validation MAE of the forces after {EPOCHS} epochs: {1000 * error:.0f} meV/Angstrom")

# %% [markdown]
# ## Use
#
# Energies and forces of a frame next to its labels; then the nearest minimum.

# %%
row = connect(database).get(1)
atoms = row.toatoms()
atoms.calc = MolFieldCalculator(best_model)
difference = atoms.get_forces() - row.data["forces"]  # (n_atoms, 3)
print(f"energy {atoms.get_potential_energy():.2f} eV, label {row.data['energy'][0]:.2f} eV")
print(f"largest error of a force: {np.abs(difference).max():.2f} eV/Angstrom")

BFGS(atoms, logfile=None).run(fmax=0.05, steps=50)
print(f"largest force after relaxation: {np.abs(atoms.get_forces()).max():.3f} eV/Angstrom")

# %% [markdown]
# ## Dynamics
#
# Forces are the exact gradient of a smooth energy, so the total energy stays what it is, however
# well or badly the model was trained.

# %%
spread = np.sqrt(atoms.get_masses() * units.kB * 300)  # (n_atoms,), of momenta at 300 K
atoms.set_momenta(np.random.default_rng(0).normal(size=(len(atoms), 3)) * spread[:, None])
dynamics = VelocityVerlet(atoms, 0.5 * units.fs)
energies = []
dynamics.attach(lambda: energies.append(atoms.get_total_energy()))
dynamics.run(200)
width = 1000 * np.ptp(energies) / len(atoms)
print(f"100 fs at constant energy: it stays within {width:.2f} meV/atom")
