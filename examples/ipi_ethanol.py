"""Ethanol with quantum nuclei: path-integral dynamics by i-PI, `python ipi_ethanol.py --steps 500`.

Eight beads on springs stand for every nucleus. What is printed is the kinetic energy of the
quantum nuclei beside that of classical ones at the same temperature, which is less than a third.
"""

import argparse

import numpy as np
from ase import units
from ipi.scripting import InteractiveSimulation, motion_nvt_xml, simulation_xml
from ipi.utils.units import unit_to_user
from potential import sample_frames, trained_model

from schnetpack_molfield.interfaces import ipi_driver

TEMPERATURE, BEADS = 300, 8


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500, help="steps of 0.5 fs")
    parser.add_argument("--epochs", type=int, default=40, help="for the model, if there is none")
    options = parser.parse_args()

    model = trained_model("ethanol", options.epochs)
    atoms = sample_frames("ethanol")[0]
    atoms.write("ethanol.xyz", format="xyz")
    atoms.cell = np.eye(3) * 50  # i-PI wants one
    field = f"""<ffdirect name='molfield'>
        <pes>custom</pes><pes_path>{ipi_driver.__file__}</pes_path>
        <parameters>{{model: {model}, template: ethanol.xyz}}</parameters></ffdirect>"""
    motion = motion_nvt_xml(0.5 * units.fs, path_integrals=True)
    simulation = InteractiveSimulation(simulation_xml([atoms] * BEADS, field, motion, TEMPERATURE))

    kinetic = []
    for _ in range(options.steps):
        simulation.run(1)
        hartree = simulation.syslist[0].properties["kinetic_cv"][0]
        kinetic.append(unit_to_user("energy", "electronvolt", float(hartree)))
    later = np.mean(kinetic[options.steps // 2 :])
    classical = 1.5 * (len(atoms) - 1) * units.kB * TEMPERATURE
    print(f"quantum kinetic energy {later:.2f} eV, classical {classical:.2f} eV")


if __name__ == "__main__":
    main()
