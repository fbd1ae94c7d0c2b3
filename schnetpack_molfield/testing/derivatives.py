"""Checks: forces and stress are the exact derivatives of the energy, and can be trained through."""

import math

import numpy as np
import torch
from ase import Atoms
from schnetpack import properties
from torch.autograd.gradcheck import GradcheckError

from schnetpack_molfield import properties as keys
from schnetpack_molfield.testing.errors import Errors, largest, per_molecule
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule
from schnetpack_molfield.testing.paths import PATHS
from schnetpack_molfield.testing.potential import Potential

__all__ = [
    "convergence_order",
    "finite",
    "finite_differences",
    "finite_training_gradients",
    "first_derivatives",
    "momentum",
    "responds",
    "second_derivatives",
    "stress",
]


#: Largest number of directions along which forces are compared; all coordinates of two atoms.
N_DIRECTIONS = 6


def _directions(n_atoms: int) -> np.ndarray:
    """Orthonormal displacements of all atoms, (n_directions, n_atoms, 3).

    All coordinates of one or two atoms, random directions of more.
    """
    n = 3 * n_atoms
    if n <= N_DIRECTIONS:
        return np.eye(n).reshape(n, n_atoms, 3)
    random = np.random.default_rng(0).normal(size=(n, N_DIRECTIONS))
    return np.linalg.qr(random).Q.T.reshape(N_DIRECTIONS, n_atoms, 3)


def _central_differences(
    potential: Potential, atoms: Atoms, directions: np.ndarray, steps: list[float]
) -> torch.Tensor:
    """-dE along every direction by central differences of the energy, (n_steps, n_directions)."""
    size = torch.tensor(steps, dtype=potential.dtype)  # (n_steps,)
    moves = torch.as_tensor(np.stack([directions, -directions])).to(potential.dtype)
    moves = size.view(-1, 1, 1, 1, 1) * moves  # (n_steps, 2, n_directions, n_atoms, 3)
    inputs = potential.copies(atoms, len(steps) * 2 * len(directions))
    with torch.no_grad():
        energy = potential.energies(inputs, inputs[properties.R] + moves.reshape(-1, 3))
    forward, backward = energy.view(len(steps), 2, -1).unbind(1)  # (n_steps, n_directions) each
    return (backward - forward) / (2 * size.unsqueeze(1))


def _projected(forces: torch.Tensor, directions: np.ndarray) -> torch.Tensor:
    """Forces (n_atoms, 3) along every direction, (n_directions,)."""
    return torch.as_tensor(directions).to(forces).flatten(1) @ forces.flatten()


def finite_differences(potential: Potential) -> Errors:
    """F = -dE/dx by five-point central differences with steps of 1e-4 and 1e-5 Angstrom.

    Along all coordinates of one or two atoms and six random directions of more, relative to the
    larger of 1 eV/Angstrom and the molecule's largest force. With three points the step of 1e-4
    would refuse right potentials: a triple bond's third derivative, 6 D a^3 = 600 eV/Angstrom^3
    and more for a Morse curve, makes an error of 1e-6.
    """
    cases = {name: molecule(name) for name in MOLECULES + CHIRAL}
    cases |= {f"{name} by 0.05": path(0.05) for name, path in PATHS.items()}
    errors: Errors = {}
    for name, atoms in cases.items():
        forces = potential([atoms]).forces  # (n_atoms, 3)
        directions = _directions(len(atoms))
        # what random directions leave of an error in all coordinates
        seen = math.sqrt(len(directions) / (3 * len(atoms)))
        near = _central_differences(potential, atoms, directions, [1e-4, 1e-5])
        far = _central_differences(potential, atoms, directions, [2e-4, 2e-5])
        missed = _projected(forces, directions) - (4 * near - far) / 3  # (n_steps, n_directions)
        for step, error in zip((1e-4, 1e-5), missed, strict=True):
            errors[f"{name}, step {step:g}"] = largest(error) / seen / max(1.0, largest(forces))
    return errors


def convergence_order(potential: Potential) -> Errors:
    """The error of central differences falls with the square of the step: distance from order 2."""
    atoms = molecule("rattled ethanol")
    directions = _directions(len(atoms))
    forces = _projected(potential([atoms]).forces, directions)  # (n_directions,)
    differences = _central_differences(potential, atoms, directions, [3e-3, 3e-4])
    coarse, fine = (largest(forces - difference) for difference in differences)
    return {"rattled ethanol": abs(math.log10(coarse / fine) - 2)}


def momentum(potential: Potential) -> Errors:
    """Net force and net torque on a molecule are zero, relative to its largest force and arm."""
    names = MOLECULES + CHIRAL
    structures = [molecule(name) for name in names]
    forces = potential(structures).per_molecule()
    errors: Errors = {}
    for name, atoms, force in zip(names, structures, forces, strict=True):
        arm = torch.as_tensor(atoms.positions - atoms.positions.mean(axis=0)).to(force)
        torque = torch.linalg.cross(arm, force).sum(0)  # (3,)
        scale = max(1.0, largest(force))
        errors[f"{name}, force"] = largest(force.sum(0)) / scale
        errors[f"{name}, torque"] = largest(torque) / (scale * max(1.0, largest(arm)))
    return errors


def finite(potential: Potential) -> Errors:
    """No NaN, no infinity, on degenerate molecules and beside them: 1 where there is one."""
    cases = {name: molecule(name) for name in MOLECULES}
    for name, path in PATHS.items():
        cases |= {f"{name} by 1e-{k}": path(10.0**-k) for k in range(1, 13)}
    outputs = potential(list(cases.values()))
    bad = (~torch.isfinite(outputs.forces)).to(outputs.energy)  # (n_atoms, 3)
    errors = per_molecule(list(cases), bad, outputs.n_atoms)
    errors["energies"] = float((~torch.isfinite(outputs.energy)).sum())
    return errors


def responds(potential: Potential) -> Errors:
    """The model is not trivial: 1 where all forces or all vectors are zero."""
    names = [name for name in MOLECULES if len(molecule(name)) > 1]
    inputs = potential.inputs([molecule(name) for name in names])
    vectors = potential.features(inputs)[keys.vector_representation]  # (n_atoms, 3, n)
    forces = potential.evaluate(inputs).forces  # (n_atoms, 3)
    n_atoms = inputs[properties.n_atoms]
    force_sizes = per_molecule(names, forces, n_atoms)
    vector_sizes = per_molecule(names, vectors, n_atoms)
    return {name: float(not min(force_sizes[name], vector_sizes[name]) > 0) for name in names}


def _energy_function_passes(potential: Potential, atoms: Atoms, second: bool) -> bool:
    inputs = potential.inputs([atoms])
    positions = inputs[properties.R].clone().requires_grad_()
    check = torch.autograd.gradgradcheck if second else torch.autograd.gradcheck
    try:
        return check(lambda x: potential.energies(inputs, x), (positions,))
    except GradcheckError:
        return False


def _small_cases() -> dict[str, Atoms]:
    cases = {name: molecule(name) for name in ("H2O", "CO2")}
    return cases | {"bent CO2": PATHS["CO2 bent"](0.1)}


def first_derivatives(potential: Potential) -> Errors:
    """PyTorch's gradcheck of the energy: 1 where it fails."""
    return {
        name: float(not _energy_function_passes(potential, atoms, second=False))
        for name, atoms in _small_cases().items()
    }


def second_derivatives(potential: Potential) -> Errors:
    """PyTorch's gradgradcheck of the energy, that is the Hessian: 1 where it fails."""
    return {
        name: float(not _energy_function_passes(potential, atoms, second=True))
        for name, atoms in _small_cases().items()
    }


def _bad_parameters(potential: Potential, atoms: Atoms) -> float:
    """Number of non-finite parameter gradients of a loss on energy and forces."""
    inputs = potential.inputs([atoms])
    positions = inputs[properties.R].clone().requires_grad_()
    energy = potential.energies(inputs, positions).sum()
    (gradient,) = torch.autograd.grad(energy, positions, create_graph=True)  # (n_atoms, 3)
    loss = energy + gradient.square().sum()
    parameters = [p for p in potential.representation.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return float(sum((~torch.isfinite(g)).sum() for g in gradients if g is not None))


def finite_training_gradients(potential: Potential) -> Errors:
    """Number of non-finite parameter gradients when training on forces of degenerate molecules."""
    cases = {name: molecule(name) for name in MOLECULES}
    cases |= {f"{name} by 1e-8": path(1e-8) for name, path in PATHS.items()}
    return {name: _bad_parameters(potential, atoms) for name, atoms in cases.items()}


def _strained(atoms: Atoms, index: tuple[int, int], size: float) -> Atoms:
    """The box and everything in it under a symmetric strain."""
    strain = np.zeros((3, 3))
    strain[index] += size / 2
    strain[index[::-1]] += size / 2
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return copy


def stress(potential: Potential) -> Errors:
    """Stress of a triclinic box = dE/dstrain / volume by central differences."""
    step = 1e-5
    atoms = molecule("water box")
    predicted = potential.with_stress([atoms]).stress
    assert predicted is not None
    symmetric = (predicted[0] + predicted[0].T) / 2  # (3, 3)
    errors: Errors = {}
    for index in [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]:
        energy = potential([_strained(atoms, index, size) for size in (step, -step)]).energy
        reference = (energy[0] - energy[1]) / (2 * step * atoms.get_volume())
        errors[f"component {index}"] = largest(symmetric[index] - reference)
    errors["antisymmetric part"] = largest(predicted[0] - predicted[0].T)
    return errors
