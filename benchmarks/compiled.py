"""A step of molecular dynamics, eager and compiled: `python -m benchmarks.compiled start.npz`.

Untrained models of 64 channels, 3 interactions and a cutoff of 5 Angstrom behind the same
calculator, neighbour list and checks included, with one thread; the models take turns. The first
evaluation compiles, which takes some ten seconds. The archive is one of `Z` and `R`, such as
`rmd17_aspirin.npz`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN

from benchmarks.dynamics import give_velocities
from benchmarks.timing import seconds_in_turn
from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.representation import MolField

CUTOFF, N_FEATURES, STEPS = 5.0, 64, 5


def simulation(cls: type, atoms: Atoms, kind: str) -> VelocityVerlet:
    """Slow dynamics of the molecule, its first evaluation done."""
    torch.manual_seed(0)
    basis, cutoff_fn = GaussianRBF(20, CUTOFF), CosineCutoff(CUTOFF)
    representation = cls(N_FEATURES, 3, radial_basis=basis, cutoff_fn=cutoff_fn)
    heads = [Atomwise(N_FEATURES, output_key="energy"), Forces()]
    model = NeuralNetworkPotential(representation, [PairwiseDistances()], heads)
    atoms = atoms.copy()
    atoms.calc = MolFieldCalculator(model, energy_unit="eV", compile=kind == "compiled")
    start = time.perf_counter()
    atoms.get_forces()
    print(f"{cls.__name__}, {kind}: first evaluation {time.perf_counter() - start:.1f} s")
    give_velocities(atoms, 100.0, np.random.default_rng(0))
    return VelocityVerlet(atoms, 0.1 * units.fs)


def main(
    data: Annotated[Path, typer.Argument(help="archive with Z and R, rmd17_aspirin.npz")],
    rounds: Annotated[int, typer.Option(help="timed rounds of five steps")] = 30,
) -> None:
    """Print milliseconds per step, and by how much forces differ."""
    torch.set_num_threads(1)
    with np.load(data) as archive:
        atoms = Atoms(archive["Z"], archive["R"][0])
    runs = {
        (cls.__name__, kind): simulation(cls, atoms, kind)
        for cls in (PaiNN, MolField)
        for kind in ("eager", "compiled")
    }
    for name in ("PaiNN", "MolField"):
        eager, compiled = (runs[name, kind].atoms.get_forces() for kind in ("eager", "compiled"))
        print(f"{name}: forces differ by {abs(eager - compiled).max():.1e} eV/Angstrom")
    actions = {f"{name} {kind}": (lambda md=md: md.run(STEPS)) for (name, kind), md in runs.items()}
    for name, seconds in seconds_in_turn(actions, rounds, time.perf_counter).items():
        print(f"{name}: {1e3 * np.median(seconds) / STEPS:.2f} ms per step")


if __name__ == "__main__":
    typer.run(main)
