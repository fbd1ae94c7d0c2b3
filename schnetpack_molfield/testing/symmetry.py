"""Checks: what must not depend on where the molecule is, how it lies and how it is numbered."""

import numpy as np
import torch
from ase import Atoms
from schnetpack import properties

from schnetpack_molfield import properties as keys
from schnetpack_molfield.testing.errors import Errors, largest, output_errors, per_molecule
from schnetpack_molfield.testing.molecules import (
    CHIRAL,
    MOLECULES,
    SYMMETRY,
    molecule,
    rounded,
    translated,
)
from schnetpack_molfield.testing.potential import Inputs, Outputs, Potential

__all__ = [
    "atom_permutation",
    "distinguishes_diastereomers",
    "edge_permutation",
    "enantiomers",
    "point_groups",
    "reflection",
    "rotation",
    "translation",
    "vector_equivariance",
]

_N_MATRICES = 5
_ALL = MOLECULES + CHIRAL


def _orthogonal(determinant: int) -> list[np.ndarray]:
    """Seeded random rotations (+1) or improper rotations (-1), (3, 3) each."""
    rng = np.random.default_rng(0)
    matrices = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(_N_MATRICES)]
    return [q * determinant * np.sign(np.linalg.det(q)) for q in matrices]


def _transformed(atoms: Atoms, matrix: np.ndarray, shift: np.ndarray | float = 0.0) -> Atoms:
    return Atoms(atoms.numbers, positions=atoms.positions @ matrix.T + shift)


def _turned_back(outputs: Outputs, matrix: np.ndarray) -> Outputs:
    forces = outputs.forces @ torch.as_tensor(matrix).to(outputs.forces)
    return Outputs(outputs.energy, forces, outputs.n_atoms)


def _under(potential: Potential, matrices: list[np.ndarray]) -> Errors:
    """Energies and forces under orthogonal matrices."""
    structures = [molecule(name) for name in _ALL]
    expected = potential(structures)
    errors: Errors = {}
    for k, matrix in enumerate(matrices):
        actual = potential([_transformed(atoms, matrix) for atoms in structures])
        names = [f"{name}, matrix {k}" for name in _ALL]
        errors |= output_errors(names, expected, _turned_back(actual, matrix))
    return errors


def rotation(potential: Potential) -> Errors:
    """E(Rx) = E(x), F(Rx) = R F(x) for random rotations."""
    return _under(potential, _orthogonal(+1))


def reflection(potential: Potential) -> Errors:
    """The same for improper rotations, the inversion and a mirror plane."""
    return _under(potential, [*_orthogonal(-1), -np.eye(3), np.diag([1.0, 1.0, -1.0])])


def translation(potential: Potential) -> Errors:
    """E and F do not see where the molecule is."""
    structures = [rounded(molecule(name)) for name in _ALL]
    moved = [translated(atoms) for atoms in structures]
    return output_errors(_ALL, potential(structures), potential(moved))


def vector_equivariance(potential: Potential) -> Errors:
    """s(Rx + t) = s(x), v(Rx + t) = R v(x) for the features, relative to their largest value."""
    structures = [molecule(name) for name in _ALL]
    shift = np.array([1.0, -2.0, 0.5])
    inputs = potential.inputs(structures)
    expected = potential.features(inputs)
    scalars, vectors = (
        expected[keys.scalar_representation],
        expected[keys.vector_representation],
    )  # (n_atoms, n), (n_atoms, 3, n)
    errors: Errors = {}
    for k, matrix in enumerate(_orthogonal(+1)[:2] + _orthogonal(-1)[:2]):
        moved = potential.inputs([_transformed(atoms, matrix, shift) for atoms in structures])
        actual = potential.features(moved)
        turn = torch.as_tensor(matrix).to(vectors)
        turned = torch.einsum("xy,ayn->axn", turn, vectors)  # (n_atoms, 3, n)
        parts = torch.cat(
            [
                (actual[keys.scalar_representation] - scalars) / largest(scalars),
                (actual[keys.vector_representation] - turned).flatten(1) / largest(vectors),
            ],
            dim=1,
        )  # (n_atoms, 4 n)
        names = [f"{name}, matrix {k}" for name in _ALL]
        errors |= per_molecule(names, parts, inputs[properties.n_atoms])
    return errors


def atom_permutation(potential: Potential) -> Errors:
    """The numbering of the atoms of a molecule does not matter."""
    rng = np.random.default_rng(1)
    structures = [molecule(name) for name in _ALL]
    orders = [rng.permutation(len(atoms)) for atoms in structures]
    actual = potential([atoms[order] for atoms, order in zip(structures, orders, strict=True)])
    restored = [
        forces[np.argsort(order)]
        for forces, order in zip(actual.per_molecule(), orders, strict=True)
    ]
    back = Outputs(actual.energy, torch.cat(restored), actual.n_atoms)
    return output_errors(_ALL, potential(structures), back)


def _shuffle_edges(inputs: Inputs) -> Inputs:
    order = torch.randperm(
        len(inputs[properties.idx_i]), generator=torch.Generator().manual_seed(2)
    )
    lists = [properties.idx_i, properties.idx_j, properties.offsets]
    return {**inputs, **{key: inputs[key][order] for key in lists}}


def edge_permutation(potential: Potential) -> Errors:
    """The order of the neighbour list does not matter."""
    inputs = potential.inputs([molecule(name) for name in _ALL])
    expected = potential.evaluate(inputs)
    return output_errors(_ALL, expected, potential.evaluate(_shuffle_edges(inputs)))


def _image(positions: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Index (n_atoms,) of the atom onto which the matrix carries each atom."""
    moved = positions @ matrix.T  # (n_atoms, 3)
    return np.linalg.norm(moved[:, None] - positions[None], axis=-1).argmin(axis=1)


def point_groups(potential: Potential) -> Errors:
    """Forces have the molecule's symmetry, relative to the largest one."""
    names = tuple(SYMMETRY)
    structures = [molecule(name) for name in names]
    forces = dict(zip(names, potential(structures).per_molecule(), strict=True))
    errors: Errors = {}
    for name, atoms in zip(names, structures, strict=True):
        for k, matrix in enumerate(SYMMETRY[name]):
            turned = forces[name] @ torch.as_tensor(matrix.T).to(forces[name])  # (n_atoms, 3)
            image = _image(atoms.positions, matrix)
            scale = max(1.0, largest(forces[name]))
            errors[f"{name}, operation {k}"] = largest(turned - forces[name][image]) / scale
    return errors


def enantiomers(potential: Potential) -> Errors:
    """Mirror images have the same energy."""
    left, right = potential([molecule("CHFClBr"), molecule("mirrored CHFClBr")]).energy
    return {"CHFClBr": largest(left - right) / len(molecule("CHFClBr"))}


def distinguishes_diastereomers(potential: Potential) -> Errors:
    """Diastereomers have different energies: 0 if they differ by more than 1e-6 eV, else 1."""
    energy = potential([molecule("meso CHFCl-CHFCl"), molecule("chiral CHFCl-CHFCl")]).energy
    return {"CHFCl-CHFCl": float(not largest(energy[0] - energy[1]) > 1e-6)}
