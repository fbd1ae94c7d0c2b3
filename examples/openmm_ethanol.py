"""Ethanol moved by OpenMM with a trained model, `python openmm_ethanol.py --steps 2000`.

The model becomes a force of OpenMM: any integrator, thermostat or further force of OpenMM works
beside it. Here the total energy at constant energy is followed, and how far it drifts.
"""

import argparse

import numpy as np
import openmm
from ase import units
from potential import sample_frames, trained_model

from schnetpack_molfield.interfaces import molfield_force

TIME_STEP = 0.5  # fs


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000, help="steps of 0.5 fs")
    parser.add_argument("--epochs", type=int, default=40, help="for the model, if there is none")
    options = parser.parse_args()

    model = trained_model("ethanol", options.epochs)
    atoms = sample_frames("ethanol")[0]
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    system.addForce(molfield_force(model, atoms.numbers))

    context = openmm.Context(system, openmm.VerletIntegrator(TIME_STEP / 1000))
    context.setPositions(atoms.positions / units.nm)
    context.setVelocitiesToTemperature(300, 0)
    rows = []
    for _ in range(options.steps):
        context.getIntegrator().step(1)
        state = context.getState(energy=True)
        total = state.getPotentialEnergy() + state.getKineticEnergy()
        rows.append((state.getTime()._value, total._value * units.kJ / units.mol))
    times, energies = np.transpose(rows)  # ps, eV
    drift = 1000 * np.polyfit(times, energies, 1)[0] / len(atoms)
    print(f"NVE: {times[-1]:.2f} ps, drift {drift:+.4f} meV/atom/ps")


if __name__ == "__main__":
    main()
