"""Molecular dynamics of ethanol with a trained model, `python md_ethanol.py --steps 10000`.

First at constant energy (NVE, velocity Verlet): a model whose forces are the exact gradient of a
smooth energy keeps the total energy, and the printed drift says how well. Then coupled to a heat
bath (Langevin, 300 K). Both energies are plotted into md_ethanol.png.
"""

import argparse

import matplotlib
import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import Stationary, ZeroRotation
from ase.md.verlet import VelocityVerlet
from potential import sample_frames, trained_model

from schnetpack_molfield.interfaces import MolFieldCalculator

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

TIME_STEP = 0.5  # fs


def run(dynamics: MolecularDynamics, steps: int) -> np.ndarray:
    """Return time (ps), potential, kinetic and total energy (eV), (steps + 1, 4)."""
    atoms, rows = dynamics.atoms, []

    def record() -> None:
        potential, kinetic = atoms.get_potential_energy(), atoms.get_kinetic_energy()
        time = dynamics.get_time() / (1000 * units.fs)
        rows.append((time, potential, kinetic, potential + kinetic))

    dynamics.attach(record)
    dynamics.run(steps)
    return np.array(rows)


def drift(trajectory: np.ndarray, n_atoms: int) -> float:
    """Slope of the total energy, in meV per atom and ps."""
    return 1000 * np.polyfit(trajectory[:, 0], trajectory[:, 3], 1)[0] / n_atoms


def plot(trajectories: dict[str, np.ndarray], path: str) -> None:
    """Draw potential and total energy, from their first values, next to each other."""
    _, axes = plt.subplots(1, len(trajectories), figsize=(10, 4), sharey=True)
    for axis, (name, trajectory) in zip(axes, trajectories.items(), strict=True):
        for column, label in ((1, "potential"), (3, "total")):
            axis.plot(trajectory[:, 0], trajectory[:, column] - trajectory[0, column], label=label)
        axis.set(title=name, xlabel="time / ps", ylabel="energy - first value / eV")
        axis.legend()
    plt.savefig(path, dpi=150, bbox_inches="tight")


def warm(atoms: Atoms, temperature: float) -> None:
    """Give random velocities without drift and rotation."""
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)  # (n_atoms,)
    atoms.set_momenta(np.random.default_rng(0).normal(size=(len(atoms), 3)) * spread[:, None])
    Stationary(atoms)
    ZeroRotation(atoms)


def main() -> None:
    """Run both simulations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000, help="steps of 0.5 fs per simulation")
    parser.add_argument("--epochs", type=int, default=40, help="for the model, if there is none")
    options = parser.parse_args()

    model = trained_model("ethanol", options.epochs)
    atoms = sample_frames("ethanol")[0]
    atoms.calc = MolFieldCalculator(model)
    warm(atoms, 300)
    nve = run(VelocityVerlet(atoms, TIME_STEP * units.fs), options.steps)
    print(f"NVE: {nve[-1, 0]:.2f} ps, drift {drift(nve, len(atoms)):+.4f} meV/atom/ps")

    bath = {"temperature_K": 300, "friction": 0.01 / units.fs, "rng": np.random.default_rng(0)}
    nvt = run(Langevin(atoms, TIME_STEP * units.fs, fixcm=False, **bath), options.steps)
    temperature = nvt[:, 2].mean() / (1.5 * len(atoms) * units.kB)
    print(f"Langevin: {nvt[-1, 0]:.2f} ps, mean temperature {temperature:.0f} K")
    plot({"NVE": nve, "Langevin, 300 K": nvt}, "md_ethanol.png")


if __name__ == "__main__":
    main()
