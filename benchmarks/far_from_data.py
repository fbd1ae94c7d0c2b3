"""What a potential says where it has no data: `python -m benchmarks.far_from_data MODEL a.xyz`.

The model with `CoreRepulsion` and without it: bonds pressed to 0.3 to 0.9 Angstrom, the
molecule pushed into another one, and Langevin dynamics at 3,000 K. The repulsion is zero at the
distances of a training set, so it is put into a trained model, or taken out, without training.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Annotated

import ase.io
import numpy as np
import torch
import typer
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.neighborlist import natural_cutoffs, neighbor_list
from schnetpack.model import NeuralNetworkPotential

from benchmarks.dynamics import give_velocities
from schnetpack_molfield.atomistic import CoreRepulsion
from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.model_files import load_model_file

PRESSED = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # Angstrom
APART = (4.0, 3.0, 2.0, 1.5, 1.0, 0.7)  # Angstrom
TEMPERATURE, TIME_STEP = 3000, 0.5  # K, fs


def calculator(model: NeuralNetworkPotential, core: bool) -> MolFieldCalculator:
    """Of a copy of the model, with or without the repulsion."""
    changed = deepcopy(model)
    heads = [head for head in changed.output_modules if not isinstance(head, CoreRepulsion)]
    if core:
        heads.insert(1, CoreRepulsion(heads[0].output_key))
    changed.output_modules = torch.nn.ModuleList(heads)
    return MolFieldCalculator(changed)


def kinds_of_bonds(atoms: Atoms) -> dict[str, tuple[int, int]]:
    """The first bond between every two elements."""
    kinds: dict[str, tuple[int, int]] = {}
    for i, j in zip(*neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=1.2)), strict=True):
        if i < j:
            kinds.setdefault("-".join(sorted(atoms.symbols[[i, j]])), (int(i), int(j)))
    return kinds


def press(atoms: Atoms, bond: tuple[int, int], calc: MolFieldCalculator) -> list[str]:
    """Energy above that of `atoms` in eV, and the force in eV/Angstrom that pushes apart."""
    cells, at_rest = [], calc.get_potential_energy(atoms)
    for distance in PRESSED:
        moved = atoms.copy()
        moved.set_distance(*bond, distance, fix=0)
        moved.calc = calc
        way = moved.positions[bond[1]] - moved.positions[bond[0]]
        force = (moved.get_forces()[bond[1]] - moved.get_forces()[bond[0]]) @ way / distance
        cells.append(f"{moved.get_potential_energy() - at_rest:.1f} ({force:.0f})")
    return cells


def push_together(atoms: Atoms, calc: MolFieldCalculator) -> list[str]:
    """Energy of two copies, one turned, above that of two molecules, in eV, by their distance."""
    cells, alone = [], calc.get_potential_energy(atoms)
    for distance in APART:
        other = atoms.copy()
        other.rotate(40, "x")
        other.rotate(70, "y")
        other.translate([distance, 0, 0])
        cells.append(f"{calc.get_potential_energy(atoms + other) - 2 * alone:.1f}")
    return cells


def heat(atoms: Atoms, calc: MolFieldCalculator, time: float) -> tuple[float, float]:
    """The shortest distance, in Angstrom, and the lowest energy above the start, in eV."""
    hot = atoms.copy()
    hot.calc = calc
    give_velocities(hot, TEMPERATURE, np.random.default_rng(0))
    step, bath = TIME_STEP * units.fs, {"temperature_K": TEMPERATURE, "friction": 0.01 / units.fs}
    dynamics = Langevin(hot, step, rng=np.random.RandomState(0), **bath)
    start, rows = hot.get_potential_energy(), []

    def record() -> None:
        distances = hot.get_all_distances()[np.triu_indices(len(hot), 1)]
        rows.append((distances.min(), hot.get_potential_energy() - start))

    dynamics.attach(record)
    dynamics.run(round(1e3 * time / TIME_STEP))
    shortest, lowest = np.min(rows, axis=0)
    return float(shortest), float(lowest)


def main(
    model: Path,
    structure: Path,
    time: Annotated[float, typer.Option(help="of dynamics in ps")] = 5.0,
) -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    atoms, trained = ase.io.read(structure), load_model_file(model)
    calculators = {name: calculator(trained, name == "with") for name in ("without", "with")}
    print(f"| bond | repulsion | {' | '.join(f'{d} Å' for d in PRESSED)} |")
    for kind, bond in kinds_of_bonds(atoms).items():
        for name, calc in calculators.items():
            print(f"| {kind} | {name} | {' | '.join(press(atoms, bond, calc))} |")
    print(f"| two molecules | {' | '.join(f'{d} Å' for d in APART)} |")
    for name, calc in calculators.items():
        print(f"| {name} | {' | '.join(push_together(atoms, calc))} |")
    for name, calc in calculators.items():
        shortest, lowest = heat(atoms, calc, time)
        print(f"{name}: {time} ps at {TEMPERATURE} K, shortest {shortest:.2f} Å, {lowest:.1f} eV")


if __name__ == "__main__":
    typer.run(main)
