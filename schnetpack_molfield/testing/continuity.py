"""Checks: energy and forces are continuous through degenerate geometries and the cutoff."""

import torch
from ase import Atoms

from schnetpack_molfield.testing.errors import Errors, largest, output_errors
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule
from schnetpack_molfield.testing.paths import PATHS, Path, cutoff_paths
from schnetpack_molfield.testing.potential import Potential

__all__ = [
    "bounded_forces",
    "degenerate_limit",
    "energy_steps",
    "nothing_beyond_the_cutoff",
    "single_precision",
]

_SCALES = [sign * 10.0**-k for k in range(1, 11) for sign in (1, -1)]


def _paths(potential: Potential) -> dict[str, Path]:
    return PATHS | cutoff_paths(potential.cutoff)


def degenerate_limit(potential: Potential) -> Errors:
    """E(s) -> E(0) and F(s) -> F(0): change over 1e-10 Angstrom on either side of s = 0.

    A Hessian of 100 eV/Angstrom^2 explains a change of 1e-8 eV/Angstrom.
    """
    errors: Errors = {}
    for name, path in _paths(potential).items():
        at = potential([path(0.0)] * 2)
        errors |= output_errors(
            [f"{name}, before", f"{name}, behind"], at, potential([path(-1e-10), path(1e-10)])
        )
    return errors


def _work(start: Atoms, end: Atoms, forces: torch.Tensor) -> torch.Tensor:
    """Work of the mean force (n_atoms, 3) along a straight step."""
    return (forces * torch.as_tensor(end.positions - start.positions).to(forces)).sum()


def energy_steps(potential: Potential) -> Errors:
    """Over 1e-6 Angstrom the energy changes by the work of the forces, at and near degeneracy."""
    step = 1e-6
    errors: Errors = {}
    for name, path in _paths(potential).items():
        ends = [[path(s - step / 2), path(s + step / 2)] for s in (0.0, *_SCALES)]
        outputs = potential([atoms for pair in ends for atoms in pair])
        energies, forces = outputs.energy.view(-1, 2), outputs.per_molecule()
        residuals = [
            e[1] - e[0] + _work(start, end, (forces[2 * k] + forces[2 * k + 1]) / 2)
            for k, (e, (start, end)) in enumerate(zip(energies, ends, strict=True))
        ]
        errors[name] = largest(torch.stack(residuals))
    return errors


def bounded_forces(potential: Potential) -> Errors:
    """Largest force on the way to degeneracy, in units of the typical force."""
    errors: Errors = {}
    for name, path in _paths(potential).items():
        errors[name] = largest(potential([path(s) for s in (0.0, *_SCALES)]).forces)
    return errors


def nothing_beyond_the_cutoff(potential: Potential) -> Errors:
    """A neighbour 1e-8 Angstrom before and behind the cutoff, or far away: no energy, no force."""
    errors: Errors = {}
    for name, path in cutoff_paths(potential.cutoff).items():
        outputs = potential([path(-1e-8), path(1e-8), path(100.0)])
        forces = outputs.forces.view(3, -1, 3)
        errors[f"{name}, energy"] = largest(outputs.energy - outputs.energy[2])
        errors[f"{name}, force"] = largest(forces[:, -1])
    return errors


def single_precision(potential: Potential) -> Errors:
    """A float32 potential gives what its float64 copy gives, also near degeneracy."""
    cases = {name: molecule(name) for name in MOLECULES + CHIRAL}
    for name, path in PATHS.items():
        cases |= {f"{name} by 1e-{k}": path(10.0**-k) for k in range(1, 9)}
    structures = list(cases.values())
    exact = Potential(potential.build, torch.float64, potential.randomise)(structures)
    return output_errors(list(cases), exact, potential(structures))
