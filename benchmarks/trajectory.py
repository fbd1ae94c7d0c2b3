"""A trajectory for `benchmarks.surfaces_in_time`: 150 frames, 10 fs apart, by a model of one's own.

    python examples/potential.py        # trains ethanol_model/best_model, and writes ethanol.db
    python -m benchmarks.trajectory ethanol_model/best_model ethanol.db --out ethanol_md.extxyz

From the first geometry, 1 ps of Langevin dynamics at 300 K; then without drift and rotation at
constant energy, in steps of 0.5 fs. Every frame has its `time` in fs and its velocities.
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
from ase.md.velocitydistribution import Stationary, ZeroRotation
from ase.md.verlet import VelocityVerlet

from benchmarks.dynamics import give_velocities
from schnetpack_molfield.checks import check_new_file
from schnetpack_molfield.interfaces import MolFieldCalculator

TIME_STEP = 0.5  # fs


def warm(atoms: Atoms, temperature: float, seed: int) -> None:
    """Bring a molecule to a temperature and leave it without drift and rotation."""
    rng = np.random.default_rng(seed)
    give_velocities(atoms, temperature, rng)
    bath = {"temperature_K": temperature, "friction": 0.01 / units.fs, "fixcm": False}
    Langevin(atoms, TIME_STEP * units.fs, rng=rng, **bath).run(round(1000 / TIME_STEP))
    Stationary(atoms)
    ZeroRotation(atoms)


def follow(atoms: Atoms, n_frames: int, interval: float) -> list[Atoms]:
    """Frames at constant energy, `interval` fs apart, with time and velocities."""
    dynamics, frames = VelocityVerlet(atoms, TIME_STEP * units.fs), []
    every = round(interval / TIME_STEP)

    def record() -> None:
        time, momenta = {"time": dynamics.nsteps * TIME_STEP}, atoms.get_momenta()
        frames.append(Atoms(atoms.numbers, atoms.positions, momenta=momenta, info=time))

    dynamics.attach(record, interval=every)
    dynamics.run((n_frames - 1) * every)
    return frames


def main(
    model: Annotated[Path, typer.Argument(help="A file 'best_model'.")],
    structure: Annotated[Path, typer.Argument(help="Any file that ASE reads; its first frame.")],
    out: Annotated[Path, typer.Option(help="What to write, *.extxyz.")],
    frames: int = 150,
    interval: Annotated[float, typer.Option(help="Between frames, in fs.")] = 10.0,
    temperature: Annotated[float, typer.Option(help="In K.")] = 300.0,
    seed: int = 0,
    force: bool = False,
) -> None:
    """Run the dynamics and write the trajectory."""
    torch.set_num_threads(1)
    check_new_file(out, (".extxyz",), force)
    atoms = ase.io.read(structure, index=0)
    atoms.calc = MolFieldCalculator(model)
    warm(atoms, temperature, seed)
    atoms.positions -= atoms.get_center_of_mass()
    ase.io.write(out, follow(atoms, frames, interval))
    print(f"wrote {frames} frames of {atoms.get_chemical_formula()} to {out}")


if __name__ == "__main__":
    typer.run(main)
