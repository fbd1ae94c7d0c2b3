"""Whether dynamics with a trained model is stable: `python -m benchmarks.dynamics MODEL a.xyz`.

Three questions, at 300 K: how the total energy drifts in NVE (5 ps at 0.5 fs), whether its
fluctuation falls with the square of the time step (1 ps each), and how far bonds leave their mean
in 20 ps of Langevin dynamics. `examples/potential.py` trains a model of ethanol for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import ase.io
import numpy as np
import torch
import typer
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import Stationary, ZeroRotation
from ase.md.verlet import VelocityVerlet
from ase.neighborlist import natural_cutoffs, neighbor_list

from schnetpack_molfield.interfaces import MolFieldCalculator

TEMPERATURE = 300  # K


def give_velocities(atoms: Atoms, temperature: float, rng: np.random.Generator) -> None:
    """Draw velocities from the Maxwell-Boltzmann distribution (ASE's own name for it changes)."""
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)  # (n_atoms,)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * spread[:, None])


def start(structure: Atoms, model: Path, seed: int) -> Atoms:
    """The molecule with a calculator and random velocities without drift and rotation."""
    atoms = structure.copy()
    atoms.calc = MolFieldCalculator(model)
    give_velocities(atoms, TEMPERATURE, np.random.default_rng(seed))
    Stationary(atoms)
    ZeroRotation(atoms)
    return atoms


def follow(dynamics: MolecularDynamics, time: float, time_step: float) -> np.ndarray:
    """Run for `time` ps in steps of `time_step` fs; time (ps) and total energy (meV), (n, 2)."""
    rows: list[tuple[float, float]] = []

    def record() -> None:
        rows.append((1e-3 * dynamics.nsteps * time_step, 1e3 * dynamics.atoms.get_total_energy()))

    dynamics.attach(record)
    dynamics.run(round(1e3 * time / time_step))
    return np.array(rows)


def drift_and_fluctuation(energies: np.ndarray, n_atoms: int) -> tuple[float, float]:
    """Slope (meV/atom/ps) of times and energies (n, 2), and the spread around it (meV/atom)."""
    line = np.polyfit(energies[:, 0], energies[:, 1], 1)
    rest = energies[:, 1] - np.polyval(line, energies[:, 0])
    return line[0] / n_atoms, rest.std() / n_atoms


def largest_stretch(dynamics: MolecularDynamics, time: float, time_step: float) -> float:
    """Largest distance of any bond from its mean, in Angstrom."""
    atoms, rows = dynamics.atoms, []
    first, second = neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=1.2))

    def record() -> None:
        rows.append(np.linalg.norm(atoms.positions[first] - atoms.positions[second], axis=1))

    dynamics.attach(record, interval=2)
    dynamics.run(round(1e3 * time / time_step))
    lengths = np.array(rows)  # (n_frames, n_bonds)
    return float(np.abs(lengths - lengths.mean(axis=0)).max())


def main(
    model: Annotated[Path, typer.Argument(help="A file 'best_model'.")],
    structure: Annotated[Path, typer.Argument(help="Any file that ASE reads; its first frame.")],
    nve: Annotated[float, typer.Option(help="ps at constant energy.")] = 5.0,
    langevin: Annotated[float, typer.Option(help="ps at constant temperature.")] = 20.0,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Answer the three questions for one model."""
    torch.set_num_threads(threads)
    molecule = ase.io.read(structure, index=0)
    for time_step in (0.25, 0.5, 1.0):
        atoms = start(molecule, model, seed)
        energies = follow(VelocityVerlet(atoms, time_step * units.fs), 1.0, time_step)
        spread = drift_and_fluctuation(energies, len(atoms))[1]
        print(f"NVE, 1 ps at {time_step} fs: fluctuation {spread:.4f} meV/atom")
    atoms = start(molecule, model, seed)
    energies = follow(VelocityVerlet(atoms, 0.5 * units.fs), nve, 0.5)
    slope, spread = drift_and_fluctuation(energies, len(atoms))
    print(f"NVE, {nve} ps at 0.5 fs: {slope:+.4f} meV/atom/ps, fluctuation {spread:.4f} meV/atom")
    atoms = start(molecule, model, seed)
    bath = {"temperature_K": TEMPERATURE, "friction": 0.01 / units.fs, "fixcm": False}
    dynamics = Langevin(atoms, 0.5 * units.fs, rng=np.random.default_rng(seed), **bath)
    stretch = largest_stretch(dynamics, langevin, 0.5)
    print(f"Langevin, {langevin} ps: no bond is further than {stretch:.3f} A from its mean")


if __name__ == "__main__":
    typer.run(main)
