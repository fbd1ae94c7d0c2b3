"""Checks: molecules do not see each other in a batch, far apart, or through periodic images."""

import numpy as np
import torch
from ase import Atoms
from schnetpack import properties

from schnetpack_molfield.testing.errors import Errors, largest, output_errors
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, rounded
from schnetpack_molfield.testing.potential import Outputs, Potential

__all__ = [
    "batch_equals_single",
    "cross_molecule_gradient",
    "far_fragments",
    "isolated_atoms",
    "periodic_images",
    "supercell",
]

_ALL = MOLECULES + CHIRAL


def batch_equals_single(potential: Potential) -> Errors:
    """A batch of 1 to 21 atoms, in any order and with lone atoms, gives what singles give."""
    errors: Errors = {}
    for label, names in {"forward": _ALL, "backward": _ALL[::-1]}.items():
        structures = [molecule(name) for name in names]
        singles = [potential([atoms]) for atoms in structures]
        expected = Outputs(
            energy=torch.cat([single.energy for single in singles]),
            forces=torch.cat([single.forces for single in singles]),
            n_atoms=torch.cat([single.n_atoms for single in singles]),
        )
        cases = [f"{name}, {label}" for name in names]
        errors |= output_errors(cases, expected, potential(structures))
    return errors


def cross_molecule_gradient(potential: Potential) -> Errors:
    """The energy of one molecule of a batch has a gradient of exactly zero on all the others."""
    names = ("He", "H2O", "C6H6", "rattled ethanol", "H")
    inputs = potential.inputs([molecule(name) for name in names])
    positions = inputs[properties.R].clone().requires_grad_()
    energy = potential.energies(inputs, positions)  # (n_molecules,)
    errors: Errors = {}
    for k, name in enumerate(names):
        (gradient,) = torch.autograd.grad(energy[k], positions, retain_graph=True)  # (n_atoms, 3)
        errors[name] = largest(gradient[inputs[properties.idx_m] != k])
    return errors


def isolated_atoms(potential: Potential) -> Errors:
    """Molecules of one atom feel no force at all, alone and in a batch of nothing else."""
    hydrogen, helium = (Atoms(symbol, positions=[(1.3, -2.1, 0.7)]) for symbol in ("H", "He"))
    batches = {"H": [hydrogen], "H and He": [hydrogen, helium]}
    return {name: largest(potential(batch).forces) for name, batch in batches.items()}


def far_fragments(potential: Potential) -> Errors:
    """E(A + B far apart) = E(A) + E(B), whatever B is and wherever it is, and the forces too."""
    errors: Errors = {}
    for first, second in (("H2O", "rattled ethanol"), ("C6H6", "He"), ("CH4", "CH4")):
        parts = [rounded(molecule(first)), rounded(molecule(second))]
        alone = potential(parts)
        total = Outputs(alone.energy.sum(0, keepdim=True), alone.forces, alone.n_atoms.sum(0, True))
        for distance in (20.0, 50.0):
            far = parts[1].copy()
            far.translate((distance, -distance, distance))
            name = f"{first} + {second} at {distance:g}"
            errors |= output_errors([name], total, potential([parts[0] + far]))
    return errors


def periodic_images(potential: Potential) -> Errors:
    """Atoms may be replaced by any of their periodic images, and the box may be shifted."""
    atoms = molecule("water box")
    rng = np.random.default_rng(3)
    wrapped, shifted, scattered = atoms.copy(), atoms.copy(), atoms.copy()
    wrapped.wrap()
    shifted.translate((0.75, 1.875, -2.25))
    shifted.wrap()
    scattered.positions += rng.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    expected = potential.with_stress([atoms])
    cases = {"wrapped": wrapped, "shifted": shifted, "scattered": scattered}
    errors: Errors = {}
    for name, copy in cases.items():
        actual = potential.with_stress([copy])
        errors |= output_errors([name], expected, actual)
        assert expected.stress is not None and actual.stress is not None
        errors[f"{name}, stress"] = largest(actual.stress - expected.stress)
    return errors


def supercell(potential: Potential) -> Errors:
    """Two boxes side by side have twice the energy and the same forces and stress."""
    atoms = molecule("water box")
    one, two = (potential.with_stress([atoms.repeat((n, 1, 1))]) for n in (1, 2))
    assert one.stress is not None and two.stress is not None
    return {
        "energy per atom": largest(two.energy / 2 - one.energy) / len(atoms),
        "forces": largest(two.forces - one.forces.repeat(2, 1)),
        "stress": largest(two.stress - one.stress),
    }
