"""Make the electron densities that ship with the package (extra `qm`).

    python -m benchmarks.sample_densities ethanol      # ten minutes on one core
    python -m benchmarks.sample_densities molecules    # two minutes

`ethanol` adds densities to the frames of `ethanol_sample.npz`: PBE/def2-SVP, the level of their
energies, at points that are drawn near the atoms and in a box around them. `molecules` takes
small molecules of `qm9_sample.npz`, and their densities at QM9's level on regular grids.
Half precision holds a density to 0.05 %, the coarse grid of ethanol's calculations to 0.1 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from pyscf import dft
from rich.progress import track

from schnetpack_molfield.fields import Grid
from schnetpack_molfield.fields.quantum import QuantumCalculation, pyscf_molecule
from schnetpack_molfield.transform.sampling import in_box, near_atoms

DATA = Path(__file__).parents[1] / "schnetpack_molfield" / "datasets"
LATTICE = 16  # points per Angstrom: coordinates that half precision holds exactly

app = typer.Typer()
Out = Annotated[Path, typer.Option(help="What to write, *.npz.")]


def calculate(
    atoms: Atoms, xc: str, basis: str, grid_level: int, guess: np.ndarray | None = None
) -> QuantumCalculation:
    """A Kohn-Sham calculation with density fitting, from the density matrix of a similar one."""
    mean_field = dft.RKS(pyscf_molecule(atoms, basis), xc=xc).density_fit()
    mean_field.grids.level = grid_level
    mean_field.conv_tol = 1e-5
    mean_field.kernel(dm0=guess)
    return QuantumCalculation(mean_field)


def draw(positions: torch.Tensor, n_points: int, generator: torch.Generator) -> torch.Tensor:
    """Points (n_points, 3) on a fine lattice: three in four near atoms, the others in a box."""
    n_in_box = n_points // 4
    near = near_atoms(positions, n_points - n_in_box, 0.9, generator)
    points = torch.cat([near, in_box(positions, n_in_box, 3.0, generator)])
    return (points * LATTICE).round() / LATTICE


@app.command()
def ethanol(
    out: Out = DATA / "ethanol_density_sample.npz", n_points: int = 64, frames: int | None = None
) -> None:
    """Densities of the frames of ethanol at points around them."""
    sample, generator = np.load(DATA / "ethanol_sample.npz"), torch.Generator().manual_seed(0)
    points, densities, guess = [], [], None
    for positions in track(sample["R"][:frames].astype(float), "frames"):
        drawn = draw(torch.tensor(positions), n_points, generator)
        atoms = Atoms(sample["Z"], positions)
        calculation = calculate(atoms, "pbe", "def2-svp", 0, guess)
        guess = calculation.mean_field.make_rdm1()
        points.append(drawn.numpy())
        densities.append(calculation.density()(drawn).numpy()[:, 0])
    np.savez_compressed(
        out,
        points_A=np.array(points, np.float16),  # (n_frames, n_points, 3)
        rho_e_A3=np.array(densities, np.float16),  # (n_frames, n_points)
    )


@app.command()
def molecules(
    out: Out = DATA / "density_sample.npz",
    count: int = 20,
    spacing: float = 0.5,
    margin: float = 2.5,
) -> None:
    """Densities of the smallest molecules of the sample of QM9 on grids."""
    sample = np.load(DATA / "qm9_sample.npz")
    ends = np.cumsum(sample["n_atoms"])
    smallest = np.sort(np.argsort(sample["n_atoms"], kind="stable")[:count])
    numbers, positions, grids, values = [], [], [], []
    for m in track(smallest, "molecules"):
        atoms = slice(ends[m] - sample["n_atoms"][m], ends[m])
        numbers.append(sample["Z"][atoms])
        positions.append(sample["R"][atoms])
        molecule = Atoms(numbers[-1], positions[-1].astype(float))
        grid = Grid.around(molecule.positions, spacing, margin)
        density = calculate(molecule, "b3lyp", "6-31g(2df,p)", 2).density()
        grids.append(grid)
        values.append(density.in_units("e/bohr^3")(grid.points).numpy()[:, 0])
    np.savez_compressed(
        out,
        n_atoms=sample["n_atoms"][smallest],
        Z=np.concatenate(numbers),
        R=np.concatenate(positions),
        grid_shape=np.array([grid.shape for grid in grids], np.int16),  # (n_molecules, 3)
        grid_origin_A=np.array([grid.origin for grid in grids]),  # (n_molecules, 3)
        grid_spacing_A=np.float64(spacing),
        rho_e_bohr3=np.concatenate(values).astype(np.float16),
    )


if __name__ == "__main__":
    app()
