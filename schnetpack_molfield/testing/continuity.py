"""Checks: energy and forces are continuous through degenerate geometries and the cutoff."""

import torch
from ase import Atoms
from schnetpack import properties

from schnetpack_molfield.testing.errors import Errors, largest, output_errors
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, translated
from schnetpack_molfield.testing.paths import PATHS, Path, cutoff_paths
from schnetpack_molfield.testing.potential import Potential
from schnetpack_molfield.testing.rounding import in_double

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

    A change in proportion to the step is one of a smooth function, however stiff: what the change
    over 1e-6 Angstrom explains is taken off. Where that one shows a Hessian of more than
    100 eV/Angstrom^2, the rest is divided by what it is more.
    """
    errors: Errors = {}
    for name, path in _paths(potential).items():
        cases, at = [f"{name}, before", f"{name}, behind"], potential([path(0.0)] * 2)
        near, far = (
            output_errors(cases, at, potential([path(-step), path(step)])) for step in (1e-10, 1e-6)
        )
        errors |= {case: _jump(near[case], far[case]) for case in cases}
    return errors


def _jump(near: float, far: float) -> float:
    """What is left of a change over 1e-10 Angstrom, given the one over 1e-6; NaN stays."""
    unexplained = near - far * 1e-4
    return 0.0 if unexplained < 0 else unexplained / max(1.0, far / (100 * 1e-6))


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
    """Largest force on the way to degeneracy, in units of the force 0.2 and 0.3 Angstrom beside it.

    Units are at least 1 eV/Angstrom, the potential's typical force.
    """
    errors: Errors = {}
    for name, path in _paths(potential).items():
        near, beside = (
            largest(potential([path(s) for s in steps]).forces)
            for steps in ((0.0, *_SCALES), (-0.3, -0.2, 0.2, 0.3))
        )
        errors[name] = near / max(1.0, beside)
    return errors


def nothing_beyond_the_cutoff(potential: Potential) -> Errors:
    """A neighbour 1e-8 Angstrom before and behind the cutoff, or far away: no energy, no force.

    A force that grows by more than 1 eV/Angstrom per Angstrom from the cutoff inwards, seen over
    1e-4 Angstrom, divides the error by what it is more.
    """
    errors: Errors = {}
    for name, path in cutoff_paths(potential.cutoff).items():
        outputs = potential([path(-1e-8), path(1e-8), path(100.0), path(-1e-4)])
        energies, forces = outputs.energy[:3], outputs.forces.view(4, -1, 3)[:, -1]  # (4, 3)
        slope = max(1.0, largest(forces[3]) / 1e-4)
        errors[f"{name}, energy"] = largest(energies - energies[2])
        errors[f"{name}, force"] = largest(forces[:3]) / slope
    return errors


def single_precision(potential: Potential) -> Errors:
    """A float32 potential gives what its float64 copy gives for the same numbers.

    Where a shift of the atoms by the resolution of float32 changes the answer by more than 1e-5,
    the error is divided by what it is more: a stiff potential can't be more exact.
    """
    cases = {name: molecule(name) for name in MOLECULES + CHIRAL}
    cases |= {f"{name}, far away": translated(atoms) for name, atoms in cases.items()}
    for name, path in PATHS.items():
        cases |= {f"{name} by 1e-{k}": path(10.0**-k) for k in range(1, 9)}
    names, inputs = list(cases), potential.inputs(list(cases.values()))
    double, given = (
        Potential(potential.build, torch.float64, potential.randomise),
        in_double(inputs),
    )
    exact = double.evaluate(given)
    errors = output_errors(names, exact, potential.evaluate(inputs))
    shifted = double.evaluate({**given, properties.R: _shifted(given[properties.R])})
    response = output_errors(names, exact, shifted)
    return {name: errors[name] / max(1.0, response[name] / 1e-5) for name in names}


def _shifted(positions: torch.Tensor) -> torch.Tensor:
    """Positions (n_atoms, 3), each coordinate by the resolution of float32 at 4 Angstrom."""
    signs = torch.randn(positions.shape, generator=torch.Generator().manual_seed(4)).sign()
    return positions + 4 * torch.finfo(torch.float32).eps * signs.to(positions)
