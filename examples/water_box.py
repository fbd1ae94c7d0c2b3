"""Molecular dynamics of a periodic box of 64 waters, `python water_box.py --steps 200`.

Langevin dynamics from rest towards 300 K. Periodic cells get the stress as well, so the pressure
is printed next to energy and temperature. The model saw 17 frames: the numbers show that it runs,
not how water behaves.
"""

import argparse

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from potential import sample_frames, trained_model

from schnetpack_molfield.interfaces import MolFieldCalculator


def report(atoms: Atoms, step: int) -> None:
    """Print energy, temperature and pressure."""
    pressure = -atoms.get_stress(include_ideal_gas=True)[:3].mean() / units.GPa
    print(
        f"step {step:5d}  energy {atoms.get_total_energy():12.3f} eV  "
        f"{atoms.get_temperature():5.0f} K  {pressure:7.2f} GPa"
    )


def main() -> None:
    """Run the simulation and write its last frame."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100, help="steps of 0.5 fs")
    parser.add_argument("--epochs", type=int, default=10, help="for the model, if there is none")
    options = parser.parse_args()

    atoms = sample_frames("water64")[0]
    atoms.calc = MolFieldCalculator(trained_model("water64", options.epochs))
    bath = {"temperature_K": 300, "friction": 0.02 / units.fs, "rng": np.random.default_rng(0)}
    dynamics = Langevin(atoms, 0.5 * units.fs, fixcm=False, **bath)
    every = max(1, options.steps // 10)
    dynamics.attach(lambda: report(atoms, dynamics.nsteps), interval=every)
    dynamics.run(options.steps)
    atoms.write("water_box.extxyz")


if __name__ == "__main__":
    main()
