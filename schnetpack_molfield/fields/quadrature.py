"""Integration over all space, with the points crowded around the nuclei."""

from __future__ import annotations

import math

import ase.data
import torch
from schnetpack import properties
from scipy.integrate import lebedev_rule
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield import properties as keys
from schnetpack_molfield.fields.geometry import distances

__all__ = ["add_quadrature", "atom_centered_quadrature", "radial_scale"]

#: Decay of an atom's share of space, 2/bohr in 1/Angstrom, and the smaller share of hydrogen.
_DECAY, _HYDROGEN_SHARE = 3.78, 0.3


def atom_centered_quadrature(
    atomic_numbers: Tensor,
    positions: Tensor,
    n_radial: int = 50,
    degree: int = 31,
    idx_m: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Points and weights for the integral of a decaying function over all space.

    Space is shared among the atoms in proportion to exp(-2 r / bohr) / r^3 (Franchini, Philipsen
    & Visscher, J. Comput. Chem. 34, 1819 (2013)). Around every atom lie spheres at Becke's radii
    (J. Chem. Phys. 88, 2547 (1988)), each with Lebedev's rule by scipy. The defaults give the
    number of electrons of an organic molecule to about 1e-4.

    Args:
        atomic_numbers: (n_atoms,).
        positions: (n_atoms, 3) in Angstrom; their dtype and device are those of the result.
        n_radial: number of spheres per atom.
        degree: degree to which the rule on a sphere is exact, one of scipy's `lebedev_rule`: 7 with
            26 points, 15 with 86, 23 with 194, 31 with 350.
        idx_m: (n_atoms,) molecule of every atom, ascending; None if there is one molecule.

    Returns:
        Points (n_points, 3) in Angstrom and weights (n_points,) in cubic Angstrom, atom by atom,
        with n_radial times the points of the rule each.

    Raises:
        NotImplementedError: for a degree that Lebedev's rules don't have.
    """
    radii, radial_weights = (x.to(positions) for x in _radial_rule(atomic_numbers, n_radial))
    directions, angular_weights = (x.to(positions) for x in _sphere_rule(degree))
    arms = radii[:, :, None, None] * directions  # (n_atoms, n_radial, n_angular, 3)
    points = (positions[:, None, None] + arms).flatten(1, 2)  # (n_atoms, n_local, 3)
    weights = (radial_weights.unsqueeze(-1) * angular_weights).flatten(1)  # (n_atoms, n_local)
    if idx_m is None:
        idx_m = torch.zeros_like(atomic_numbers)
    share = _own_share(points, atomic_numbers, positions, idx_m)  # (n_points,)
    return points.flatten(0, 1), weights.flatten() * share


def add_quadrature(inputs: dict[str, Tensor], n_radial: int = 20, degree: int = 15) -> None:
    """Add a quadrature of every molecule to SchNetPack's dictionary: points, molecules, weights.

    Args:
        inputs: the dictionary; the keys are `properties.quadrature_*` of this package.
        n_radial: see `atom_centered_quadrature`.
        degree: likewise.
    """
    numbers, idx_m = inputs[properties.Z], inputs[properties.idx_m]
    points, weights = atom_centered_quadrature(
        numbers, inputs[properties.R], n_radial, degree, idx_m
    )
    inputs[keys.quadrature_points] = points
    inputs[keys.quadrature_weights] = weights
    inputs[keys.quadrature_idx_m] = idx_m.repeat_interleave(len(points) // len(numbers))


def radial_scale(atomic_numbers: Tensor) -> Tensor:
    """R of every atom's spheres in Angstrom, (n_atoms,) in float64 on the CPU.

    Half the covalent radius, and the whole one for hydrogen (Becke, see above).
    """
    numbers = atomic_numbers.cpu()
    covalent = torch.as_tensor(ase.data.covalent_radii)[numbers]
    return torch.where(numbers == 1, covalent, covalent / 2)


def _radial_rule(atomic_numbers: Tensor, n_radial: int) -> tuple[Tensor, Tensor]:
    """Radii and weights, r^2 included, of every atom: (n_atoms, n_radial) each.

    Gauss-Chebyshev points of the second kind on (-1, 1), mapped to r = R (1 + x) / (1 - x).
    """
    scale = radial_scale(atomic_numbers).unsqueeze(-1)  # (n_atoms, 1)
    angle = torch.arange(1, n_radial + 1, dtype=torch.float64) * math.pi / (n_radial + 1)
    x = angle.cos()
    radii = scale * (1 + x) / (1 - x)  # (n_atoms, n_radial)
    jacobian = 2 * scale / (1 - x).square()
    return radii, math.pi / (n_radial + 1) * angle.sin() * jacobian * radii.square()


def _sphere_rule(degree: int) -> tuple[Tensor, Tensor]:
    """Unit vectors (n_angular, 3) and weights (n_angular,) that add up to 4 pi."""
    directions, weights = lebedev_rule(degree)
    return torch.from_numpy(directions.T.copy()), torch.from_numpy(weights)


def _own_share(points: Tensor, atomic_numbers: Tensor, positions: Tensor, idx_m: Tensor) -> Tensor:
    """Share of its own atom in every point (n_atoms, n_local, 3), block by block: (n_points,)."""
    size = torch.where(atomic_numbers == 1, _HYDROGEN_SHARE, 1.0).to(positions)
    centers, present = to_dense_batch(positions, idx_m)  # (n_molecules, n_longest, ...) each
    log_size = to_dense_batch(size.log(), idx_m, fill_value=-math.inf)[0]
    row = torch.nonzero(present)[:, 1]  # (n_atoms,) which of its molecule's atoms it is

    def shares(points: Tensor, atom: Tensor) -> Tensor:  # (n, 3), (n,) -> (n,)
        molecule = idx_m[atom]
        gaps = distances(points.unsqueeze(1), centers[molecule]).squeeze(1)  # (n, n_longest)
        share = (log_size[molecule] - _DECAY * gaps - 3 * gaps.log()).softmax(dim=-1)
        return share.gather(1, row[atom].unsqueeze(1)).squeeze(1)

    atoms = torch.arange(len(positions), device=positions.device)
    own = atoms.repeat_interleave(points.shape[1])  # (n_points,)
    block = max(1, 2**20 // centers.shape[1])
    pairs = zip(points.flatten(0, 1).split(block), own.split(block), strict=True)
    return torch.cat([shares(x, atom) for x, atom in pairs])
