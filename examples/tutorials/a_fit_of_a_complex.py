"""A fit of a complex to coarse samples of its field: run it, or open its cells in an editor."""

# %% [markdown]
# # A fit of a complex
#
# Without training data: samples of a field on a coarse grid become a continuous function, which is
# asked at any resolution. On the command line the same is
#
#     molfield fit complex.pdb --grid 24
#     molfield field --model complex.pt --channel O --spacing 0.1 --out oxygen.cube

# %%
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from scipy.ndimage import map_coordinates

from schnetpack_molfield.datasets import read_archive
from schnetpack_molfield.fields import VectorFunction
from schnetpack_molfield.fit import (
    FitOptions,
    FitTask,
    FittedFields,
    default_channels,
    save_fit_file,
)

STEPS = 300  # the command takes 1,500
folder = Path("tutorial_fit")
folder.mkdir(exist_ok=True)
torch.manual_seed(0)

# %% [markdown]
# ## The complex
#
# Two molecules of the sample of QM9, side by side, 2.4 Angstrom from nucleus to nucleus. Of a real
# one, read from a PDB file, protein and ligand have channels of their own.

# %%
archive = Path(str(files("schnetpack_molfield.datasets") / "qm9_sample.npz"))
frames = read_archive(archive).read()
host, guest = (next(frames).atoms for _ in range(2))
guest.translate(host.positions.mean(axis=0) - guest.positions.mean(axis=0))
while np.linalg.norm(host.positions[:, None] - guest.positions, axis=2).min() < 2.4:
    guest.translate([0.1, 0.0, 0.0])
complex_: Atoms = host + guest
print(f"{host.symbols} and {guest.symbols}: {len(complex_)} atoms")

# %% [markdown]
# ## The fit
#
# It sees nothing but values on the grid: charts start at the bumps of the samples and then move. A
# latent per structure makes an ensemble one model; here there is one.

# %%
channels = default_channels(complex_)
task = FitTask([complex_], channels, n_grid=24, options=FitOptions(n_steps=STEPS))
print(f"channels {channels} on {task.grid().shape} points")
fit = task.start()
for step, psnr in fit.run():
    print(f"step {step}: {psnr:.1f} dB")
save_fit_file(folder / "complex.pt", task, fit)

# %% [markdown]
# ## Between the samples
#
# The exact function is known, so the error is, too: at random points, next to what linear
# interpolation of the same samples gives there.

# %%
field = FittedFields.load(folder / "complex.pt").field()
exact = VectorFunction(channels, beta=task.beta).of(complex_, dtype=torch.float32)
grid = task.grid()
samples = exact(grid.points).numpy().reshape(*grid.shape, -1)  # (nx, ny, nz, n_channels)
places = np.random.default_rng(0).uniform(0, np.array(grid.shape) - 1, size=(5000, 3))
points = grid.to_lab(places)  # (n_points, 3), Angstrom
linear = [map_coordinates(s, places.T, order=1) for s in np.moveaxis(samples, -1, 0)]
values = {"fit": field(points).numpy(), "linear interpolation": np.stack(linear, axis=1)}
for name, given in values.items():
    error = np.mean((given - exact(points).numpy()) ** 2)
    print(f"{name}: PSNR {20 * np.log10(task.data_range) - 10 * np.log10(error):.1f} dB")

# %% [markdown]
# ## At any resolution
#
# A fitted field is a field like any other: cubes, surfaces, pictures, derivatives.

# %%
field.to_cube(folder / f"{channels[-1]}.cube", channel=channels[-1], spacing=0.3, force=True)
field.picture(folder / "slice.png", channel=channels[0], spacing=0.1, force=True)
print("gradients:", tuple(field.gradient(points[:4]).shape))
