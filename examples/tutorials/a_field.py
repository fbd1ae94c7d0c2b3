"""A field of a molecule, exact and learned: run it, or open its cells in an editor."""

# %% [markdown]
# # A field of a molecule
#
# A molecular field is a function of space with named channels. First an exact one, which needs no
# model; then one that a model learns on some molecules and is asked for another. On the command
# line the second half is
#
#     spktrain experiment=molfield_functions
#     molfield field molecule.xyz --model best_model --channel C --out carbon.cube

# %%
from pathlib import Path

import numpy as np
import schnetpack as spk
import torch
from ase.build import molecule
from ase.db import connect
from pytorch_lightning import Trainer, seed_everything
from schnetpack.transform import CastTo32, MatScipyNeighborList

from schnetpack_molfield import MolecularField, MolField
from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.datasets import QM9Sample
from schnetpack_molfield.fields import PromoleculeDensity, VectorFunction
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.train import ModelRecord
from schnetpack_molfield.transform import FieldPoints

EPOCHS, CUTOFF = 4, 5.0
folder = Path("tutorial_field")
folder.mkdir(exist_ok=True)
seed_everything(0)

# %% [markdown]
# ## An exact field
#
# The promolecule is the sum of the densities of free atoms. Ask it anywhere, differentiate it,
# integrate it, write it for a viewer.

# %%
acetamide = molecule("CH3CONH2")
density = PromoleculeDensity().of(acetamide)
points = acetamide.positions[:3] + [0.0, 0.0, 0.5]  # (3, 3), Angstrom
print("density / (e/Angstrom^3):", density(points)[:, 0].numpy().round(3))
print("gradient:", tuple(density.gradient(points).shape), "channels and directions of each point")
print(f"electrons: {density.integral():.3f} of {acetamide.numbers.sum()}")
density.to_cube(folder / "acetamide.cube", spacing=0.3, force=True)
density.picture(folder / "acetamide.png", spacing=0.1, force=True)

# %% [markdown]
# ## A function to learn
#
# The vector-valued function of Lhotka & Probst has one channel per element: 1 on the sphere of the
# van der Waals radius, exp(beta) at the nucleus. 2,000 molecules of QM9 come with the package. A
# transform draws new points of every molecule in every epoch, and computes the target there.

# %%
elements = ["H", "C", "N", "O"]
function = VectorFunction(elements, beta=2.0)


def transforms(seed: int | None) -> list[spk.transform.Transform]:
    """Points and targets of a sample: new ones each time, or the same by a seed."""
    points = FieldPoints(function, "functions", n_near_atoms=96, n_in_box=32, seed=seed)
    return [points, MatScipyNeighborList(CUTOFF), CastTo32()]


data = QM9Sample(
    property="homo",  # QM9 has to load one; it isn't used
    datapath=str(folder / "qm9_sample.db"),
    batch_size=16,
    num_train=320,
    num_val=50,
    num_workers=0,
    drawn_split=str(folder / "split.npz"),
    train_transforms=transforms(seed=None),
    val_transforms=transforms(seed=0),
    test_transforms=transforms(seed=0),
)

# %% [markdown]
# ## One function
#
# MolField's last charts are the molecule's function. Every point sees all charts within the
# window, and `FieldValue` is a small map of what it reads there. It could stand beside energies
# and forces, whose atoms read the same function at their places.

# %%
model = spk.model.NeuralNetworkPotential(
    MolField(
        n_atom_basis=32,
        n_interactions=2,
        radial_basis=spk.nn.GaussianRBF(20, CUTOFF),
        cutoff_fn=spk.nn.CosineCutoff(CUTOFF),
        field_cutoff_fn=SmoothCutoff(4.0),
    ),
    input_modules=[spk.atomistic.PairwiseDistances()],
    output_modules=[FieldValue(32, elements, output_key="functions")],
)
outputs = [spk.task.ModelOutput("functions", torch.nn.MSELoss(), metrics={})]
task = spk.AtomisticTask(model, outputs, torch.optim.AdamW, optimizer_args={"lr": 3e-3})
best_model = folder / "best_model"
keep_best = spk.train.ModelCheckpoint(
    model_path=str(best_model), dirpath=folder, monitor="val_loss"
)
trainer = Trainer(
    accelerator="cpu",
    max_epochs=EPOCHS,
    callbacks=[ModelRecord(), keep_best],
    logger=False,
    num_sanity_val_steps=0,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(task, data)

# %% [markdown]
# ## Asked for a molecule that wasn't trained on
#
# It is represented once and asked anywhere, at any resolution, turned and moved as you like.

# %%
atoms = connect(folder / "qm9_sample.db").get_atoms(int(data.test_idx[0]) + 1)
learned, exact = MolecularField.from_model(best_model, atoms), function.of(atoms)
low, high = atoms.positions.min(axis=0) - 1, atoms.positions.max(axis=0) + 1
points = np.random.default_rng(0).uniform(low, high, size=(2000, 3))
error = (learned(points) - exact(points)).square().sum() / exact(points).square().sum()
print(f"{atoms.symbols}: relative L2 error {float(error.sqrt()):.2f} after {EPOCHS} epochs")

turned = atoms.copy()
turned.rotate(50, (1, 2, 3), center=(0, 0, 0))
rotation = np.linalg.lstsq(atoms.positions, turned.positions, rcond=None)[0]  # (3, 3)
difference = MolecularField.from_model(best_model, turned)(points @ rotation) - learned(points)
print(f"largest change of the values when molecule and points turn: {difference.abs().max():.0e}")
learned.to_cube(folder / "carbon.cube", channel="C", spacing=0.3, force=True)
