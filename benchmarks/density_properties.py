"""Moments, charges and potentials of learned densities of molecules that weren't trained on.

    python -m benchmarks.density_properties --data electron_density.npz

The molecules are the test molecules of `benchmarks.density`, which the shipped model hasn't seen.
PySCF calculates them at its level, B3LYP/6-31G(2df,p). Potentials are compared at random points in
two layers around the molecule: from 1 to 2 van der Waals radii, where charges are fitted to
potentials, and inside, from 0.5 Angstrom of the nuclei to 1 radius. `PySCF` in the table is PySCF's
own density through this package: what the quadrature and the multipoles miss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from ase.data import vdw_radii
from rich.console import Console
from rich.progress import track
from rich.table import Table
from schnetpack.model import AtomisticModel

from schnetpack_molfield import MolecularField
from schnetpack_molfield.datasets import read_archive
from schnetpack_molfield.fields import PromoleculeDensity, QuantumCalculation
from schnetpack_molfield.model_files import load_model_file

N_TEST, N_POINTS = 16, 500
COLUMNS = ["dipole, D", "quadrupole, D A", "charges, e", "potential outside, V", "inside, V"]


def layer(atoms: Atoms, inner: np.ndarray, outer: np.ndarray, seed: int) -> np.ndarray:
    """Random points (n_points, 3) between two radii (n_atoms,) around all atoms."""
    rng, found = np.random.default_rng(seed), np.empty((0, 3))
    lower, upper = atoms.positions.min(axis=0), atoms.positions.max(axis=0)
    while len(found) < N_POINTS:
        points = rng.uniform(lower - outer.max(), upper + outer.max(), (4 * N_POINTS, 3))
        gaps = np.linalg.norm(points[:, None] - atoms.positions, axis=-1)  # (n, n_atoms)
        inside = (gaps >= inner).all(axis=1) & (gaps <= outer).any(axis=1)
        found = np.concatenate([found, points[inside]])
    return found[:N_POINTS]


def answers(density: MolecularField, layers: list[np.ndarray]) -> list[torch.Tensor]:
    """What a density says, in the order of `COLUMNS`."""
    potentials = [density.potential(points).double() for points in layers]
    return [density.dipole(), density.quadrupole(), density.charges(), *potentials]


def summary(values: list[torch.Tensor]) -> torch.Tensor:
    """Length of vectors and tensors, mean absolute charge, root-mean-square potentials: (5,)."""
    dipole, quadrupole, charges, *potentials = values
    rms = [potential.square().mean().sqrt() for potential in potentials]
    return torch.stack([dipole.norm(), quadrupole.norm(), charges.abs().mean(), *rms])


def reference(calculation: QuantumCalculation, layers: list[np.ndarray]) -> list[torch.Tensor]:
    """What PySCF says; quadrupole and charges are those of its density by this package."""
    mean_field, density = calculation.mean_field, calculation.density()
    dipole = torch.tensor(mean_field.dip_moment(unit="Debye", verbose=0))
    potentials = [calculation.potential()(points).squeeze(1) for points in layers]
    return [dipole, density.quadrupole(), density.charges(), *potentials]


def compare(atoms: Atoms, learned: AtomisticModel) -> dict[str, torch.Tensor]:
    """Sizes of everything, and errors of each density, (5,) each."""
    calculation = QuantumCalculation.run(atoms)
    radii = vdw_radii[atoms.numbers]
    layers = [layer(atoms, radii, 2 * radii, 0), layer(atoms, 0 * radii + 0.5, radii, 1)]
    exact = reference(calculation, layers)
    densities = {
        "promolecule": PromoleculeDensity().of(atoms, dtype=torch.float64),
        "learned": MolecularField.from_model(learned, atoms),
        "PySCF": calculation.density(),
    }
    found = {"size": summary(exact)}
    for name, density in densities.items():
        pairs = zip(answers(density, layers), exact, strict=True)
        found[name] = summary([mine - theirs for mine, theirs in pairs])
    return found


def main(
    data: Annotated[Path, typer.Option(help="electron_density.npz")],
    model: Annotated[str, typer.Option(help="a model of densities")] = "density",
    count: Annotated[int, typer.Option(help="number of test molecules")] = N_TEST,
) -> None:
    """Calculate the test molecules and print mean errors."""
    torch.set_num_threads(1)
    molecules = [atoms for atoms, _ in read_archive(data).read()]
    order = np.random.default_rng(0).permutation(len(molecules))[:count]
    learned = load_model_file(model)
    found: dict[str, list[torch.Tensor]] = {}
    for m in track(order.tolist(), "molecules"):
        for name, row in compare(molecules[m], learned).items():
            found.setdefault(name, []).append(row)
    table = Table("density", *COLUMNS)
    for name, rows in found.items():
        table.add_row(name, *(f"{x:.4f}" for x in torch.stack(rows).mean(dim=0).tolist()))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
