"""Relax ethanol and compute its vibrations, `python relax_vibrations.py`.

At a minimum of the energy the forces vanish and, apart from three translations and three
rotations, all frequencies are real. The Hessian comes from finite differences of the forces.
"""

import argparse
import sys
import tempfile

import numpy as np
from ase.optimize import BFGS
from ase.vibrations import Vibrations
from potential import sample_frames, trained_model

from schnetpack_molfield.interfaces import MolFieldCalculator


def main() -> None:
    """Relax, then compute and print the frequencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300, help="most steps of the relaxation")
    parser.add_argument("--epochs", type=int, default=40, help="for the model, if there is none")
    options = parser.parse_args()

    atoms = sample_frames("ethanol")[0]
    # finite differences of forces want double precision
    atoms.calc = MolFieldCalculator(trained_model("ethanol", options.epochs), dtype="float64")
    before = atoms.get_potential_energy()
    converged = BFGS(atoms, logfile=None).run(fmax=1e-3, steps=options.steps)
    largest = np.linalg.norm(atoms.get_forces(), axis=1).max()
    print(f"relaxed by {before - atoms.get_potential_energy():.3f} eV, ", end="")
    print(f"largest force {largest:.1e} eV/Angstrom{'' if converged else ' (more --steps!)'}")
    atoms.write("ethanol_relaxed.xyz")

    with tempfile.TemporaryDirectory() as folder:
        vibrations = Vibrations(atoms, name=folder)
        vibrations.run()
        vibrations.summary(log=sys.stdout)


if __name__ == "__main__":
    main()
