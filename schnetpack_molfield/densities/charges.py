"""Charges of atoms: what of the density belongs to which atom."""

from __future__ import annotations

import numpy as np
import torch
from ase import Atoms
from ase.units import Bohr
from torch import Tensor

from schnetpack_molfield.densities.difference import DensityDifference
from schnetpack_molfield.fields.geometry import distances
from schnetpack_molfield.fields.promolecule import PromoleculeDensity

__all__ = ["SCHEMES", "atomic_charges"]

SCHEMES = ("hirshfeld", "mbis")

#: Smallest density by which another one is divided, in e/Ang^3.
_TINY = 1e-100

#: When charges are taken to be converged, in e, and after how many steps they have to be.
_CONVERGED, _MOST_STEPS = 1e-6, 2000


def atomic_charges(difference: DensityDifference, scheme: str) -> Tensor:
    """Charges (n_atoms,) in e by one of `SCHEMES`.

    `hirshfeld` shares every point in proportion to the densities of the free atoms (Hirshfeld,
    Theor. Chim. Acta 44, 129 (1977)). `mbis` does so in proportion to a minimal basis of
    exponential shells that are fitted to the density at the same time (Verstraelen et al.,
    J. Chem. Theory Comput. 12, 3894 (2016)).

    Raises:
        RuntimeError: if the iterations don't converge.
    """
    return _hirshfeld(difference) if scheme == "hirshfeld" else _mbis(difference)


def _hirshfeld(difference: DensityDifference) -> Tensor:
    total, populations = _free_atoms(difference), []
    for number, position in zip(difference.numbers, difference.positions, strict=True):
        alone = Atoms([int(number)], position.unsqueeze(0).numpy(force=True))
        own = _density(alone, difference)  # (n_points,)
        populations.append((difference.electrons * own / total.clamp_min(_TINY)).sum())
    return -torch.stack(populations)


def _free_atoms(difference: DensityDifference) -> Tensor:
    """Density of the promolecule at all points (n_points,)."""
    positions = difference.positions.numpy(force=True)
    return _density(Atoms(difference.numbers.numpy(force=True), positions), difference)


def _density(atoms: Atoms, difference: DensityDifference) -> Tensor:
    points = difference.points
    free = PromoleculeDensity().of(atoms, dtype=points.dtype, device=points.device)
    return free(points).squeeze(1)


def _mbis(difference: DensityDifference) -> Tensor:
    """Charges of a minimal basis N w^3 exp(-w d) / 8 pi of shells, N and w of every one fitted."""
    atom, populations, widths = _first_shells(difference)
    electrons = (difference.values + _free_atoms(difference)) * difference.weights  # (n_points,)
    gaps = distances(difference.points, difference.positions)  # (n_points, n_atoms)
    kept = electrons.abs() > 1e-12 * electrons.abs().sum()
    electrons, gaps = electrons[kept], gaps[kept][:, atom]  # (n_points, n_shells)
    charges = difference.numbers.double()
    for _ in range(_MOST_STEPS):
        shells = populations * widths**3 / (8 * torch.pi) * torch.exp(-widths * gaps)
        shares = electrons.unsqueeze(1) * shells / shells.sum(dim=1, keepdim=True).clamp_min(_TINY)
        populations = shares.sum(dim=0)  # (n_shells,)
        widths = 3 * populations / (shares * gaps).sum(dim=0)
        before, charges = charges, difference.numbers.double()
        charges = charges.index_add(0, atom, -populations)  # (n_atoms,)
        if float((charges - before).abs().max()) < _CONVERGED:
            return charges
    raise RuntimeError(f"the MBIS charges did not converge in {_MOST_STEPS} steps")


def _first_shells(difference: DensityDifference) -> tuple[Tensor, Tensor, Tensor]:
    """Atom, electrons and 1/Angstrom of every shell (n_shells,) before the first step.

    Shells are those of the periods, from 2 Z/bohr at the innermost to 2/bohr at the outermost.
    """
    closed = np.array([0, 2, 10, 18, 36])
    rows = []
    for a, z in enumerate(difference.numbers.tolist()):
        edges = [*closed[closed < z], z]
        steepness = np.geomspace(2.0 * z, 2.0, max(2, len(edges) - 1))
        rows += [(a, n, w / Bohr) for n, w in zip(np.diff(edges), steepness, strict=False)]
    table = torch.tensor(rows, dtype=torch.float64, device=difference.values.device)
    atom, populations, widths = table.unbind(1)  # (n_shells,) each
    return atom.long(), populations, widths
