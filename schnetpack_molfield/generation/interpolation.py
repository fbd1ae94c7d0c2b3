"""The way from one molecule to a different one, through the latents of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from ase import Atoms
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation
from torch import Tensor

from schnetpack_molfield.generation.charts import latents_of, read_latents
from schnetpack_molfield.representation import ChartSizes

if TYPE_CHECKING:
    from schnetpack_molfield.fields import LatentSpace

__all__ = ["align", "latent_path"]

#: Rounds of matching and turning from every first orientation.
N_ROUNDS = 10


def latent_path(
    space: LatentSpace, sizes: ChartSizes, first: Atoms, second: Atoms, n_steps: int
) -> Tensor:
    """Latents along the way between two molecules, (n_steps, n_latent).

    The second molecule is turned onto the first, their charts are matched by optimal transport,
    and what they hold is interpolated. Charts that only one of them has grow out of the nearest
    one of the other. Both ends are the molecules' own latents.

    Args:
        space: of the auto-encoder.
        sizes: what its latents hold.
        first: the molecule at the beginning.
        second: the molecule at the end.
        n_steps: number of latents, both ends counted in.

    Raises:
        ValueError: for a molecule that the latent can't hold.
    """
    start, unturned = (_rows(space, sizes, atoms) for atoms in (first, second))
    if len(start) < len(unturned):
        return latent_path(space, sizes, second, first, n_steps).flip(0)
    turned = second.copy()
    turned.positions = align(second.positions, unturned[:, :3], start[:, :3])
    rows = _rows(space, sizes, turned)  # turning the molecule turns what its charts hold
    match, here = _match(start[:, :3], rows[:, :3])
    end = np.zeros_like(start)
    end[here] = rows[match]
    alone = np.setdiff1d(np.arange(len(start)), here)
    nearest = cdist(start[alone, :3], rows[:, :3]).argmin(axis=1)
    end[alone, :3] = rows[nearest, :3]
    weights = np.linspace(0, 1, n_steps)[:, None, None]
    path = torch.as_tensor((1 - weights) * start + weights * end)
    mask = torch.ones(path.shape[:2], dtype=torch.bool)
    mask[-1, alone] = False
    return latents_of(path, mask, sizes)


def align(positions: np.ndarray, charts: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Positions (n_atoms, 3), turned so that charts lie on others as well as they can.

    Args:
        positions: what is turned.
        charts: places that turn alike, centred, shape (n_charts, 3).
        onto: where they are to lie, centred, shape (n_others, 3), at least as many.
    """
    best, least = np.eye(3), np.inf
    for turn in Rotation.create_group("O").as_matrix():
        for _ in range(N_ROUNDS):
            match, here = _match(onto, charts @ turn.T)
            turn = Rotation.align_vectors(onto[here], charts[match])[0].as_matrix()
        cost = np.square(onto[here] - charts[match] @ turn.T).sum()
        if cost < least:
            best, least = turn, cost
    return positions @ best.T


def _match(others: np.ndarray, charts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of charts, and of those others that they are nearest to, in pairs."""
    here, match = linear_sum_assignment(cdist(others, charts, "sqeuclidean"))
    return match, here


def _rows(space: LatentSpace, sizes: ChartSizes, atoms: Atoms) -> np.ndarray:
    """Rows (n_charts, n_numbers) of a molecule, centred."""
    rows, _ = read_latents(space.encode([atoms]), sizes)
    return rows[0].double().numpy(force=True)
