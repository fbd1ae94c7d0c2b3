"""Molecules in memory and a plain training loop, the same for every model under comparison."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from schnetpack import properties
from torch import Tensor, nn

from schnetpack_molfield.train.smoothness import encoding_roughness

HARTREE = 27.211386245988  # eV


@dataclass(frozen=True)
class Target:
    """A label of an archive and how a model has to predict it."""

    key: str
    factor: float
    unit: str
    extensive: bool
    forces: str | None = None


TARGETS = {
    "acac": Target("E_eV", 1.0, "eV", extensive=True, forces="F_eV_A"),
    "aspirin": Target("E_eV", 1.0, "eV", extensive=True, forces="F_eV_A"),
    "homo": Target("homo_Ha", HARTREE, "eV", extensive=False),
    "u0": Target("u0_Ha", HARTREE, "eV", extensive=True),
    "alpha": Target("alpha_bohr3", 1.0, "bohr^3", extensive=True),
}


@dataclass(frozen=True)
class Molecules:
    """Molecules side by side, with all pairs of atoms inside the cutoff."""

    z: Tensor  # (n_atoms,)
    r: Tensor  # (n_atoms, 3)
    n_atoms: Tensor  # (n_molecules,)
    idx_i: Tensor  # (n_pairs,), sorted by molecule
    idx_j: Tensor  # (n_pairs,)
    n_pairs: Tensor  # (n_molecules,)
    label: Tensor  # (n_molecules,)
    forces: Tensor  # (n_atoms, 3), zeros where there are none

    def to(self, device: str) -> Molecules:
        """Move everything to a device."""
        return Molecules(*(getattr(self, field.name).to(device) for field in fields(self)))

    def part(self, chosen: Tensor) -> Molecules:
        """Some of the molecules."""
        atoms, batch = rows_of(chosen, self.n_atoms), self.batch(chosen)
        return Molecules(
            z=self.z[atoms],
            r=self.r[atoms],
            n_atoms=self.n_atoms[chosen],
            idx_i=batch[properties.idx_i],
            idx_j=batch[properties.idx_j],
            n_pairs=self.n_pairs[chosen],
            label=self.label[chosen],
            forces=self.forces[atoms],
        )

    def batch(self, chosen: Tensor) -> dict[str, Tensor]:
        """SchNetPack's input dictionary for some molecules, with `label` and `true_forces`."""
        atoms, pairs = rows_of(chosen, self.n_atoms), rows_of(chosen, self.n_pairs)
        n_atoms, n_pairs = self.n_atoms[chosen], self.n_pairs[chosen]
        old_first = (self.n_atoms.cumsum(0) - self.n_atoms)[chosen]
        shift = (n_atoms.cumsum(0) - n_atoms - old_first).repeat_interleave(n_pairs)  # (n_pairs,)
        return {
            properties.Z: self.z[atoms],
            properties.R: self.r[atoms],
            properties.n_atoms: n_atoms,
            properties.idx_m: torch.arange(len(chosen), device=chosen.device).repeat_interleave(
                n_atoms
            ),
            properties.idx_i: self.idx_i[pairs] + shift,
            properties.idx_j: self.idx_j[pairs] + shift,
            properties.offsets: self.r.new_zeros(len(pairs), 3),
            properties.cell: self.r.new_zeros(len(chosen), 3, 3),
            properties.pbc: torch.zeros(3 * len(chosen), dtype=torch.bool, device=chosen.device),
            "label": self.label[chosen],
            "true_forces": self.forces[atoms],
        }


def rows_of(chosen: Tensor, counts: Tensor) -> Tensor:
    """Rows of the chosen groups in an array whose groups have `counts` rows each."""
    first = (counts.cumsum(0) - counts)[chosen]
    n = counts[chosen]
    before = first - (n.cumsum(0) - n)
    return torch.arange(int(n.sum()), device=n.device) + before.repeat_interleave(n)


def load(path: Path, target: Target, chosen: np.ndarray, cutoff: float) -> Molecules:
    """Read some molecules of an archive, ragged or of one composition."""
    with np.load(path) as archive:
        z, r, label = archive["Z"], archive["R"], archive[target.key][chosen] * target.factor
        if r.ndim == 3:
            n_atoms = np.full(len(chosen), len(z))
            z, r = np.tile(z, len(chosen)), r[chosen].reshape(-1, 3)
            forces = archive[target.forces][chosen].reshape(-1, 3) if target.forces else 0 * r
        else:
            n_atoms = archive["n_atoms"][chosen].astype(int)
            rows = rows_of(torch.tensor(chosen), torch.tensor(archive["n_atoms"].astype(int)))
            z, r = z[rows], r[rows]
            forces = 0 * r
    n = torch.tensor(n_atoms)
    idx_i, idx_j, n_pairs = neighbours(torch.tensor(r), n, cutoff)
    return Molecules(
        z=torch.tensor(z).long(),
        r=torch.tensor(r).float(),
        n_atoms=n,
        idx_i=idx_i,
        idx_j=idx_j,
        n_pairs=n_pairs,
        label=torch.tensor(label),
        forces=torch.tensor(forces).float(),
    )


def neighbours(r: Tensor, n_atoms: Tensor, cutoff: float) -> tuple[Tensor, Tensor, Tensor]:
    """All ordered pairs closer than the cutoff, and their number in every molecule."""
    molecule = torch.arange(len(n_atoms)).repeat_interleave(n_atoms)  # (n_atoms,)
    partners = n_atoms[molecule]
    idx_i = torch.arange(len(r)).repeat_interleave(partners)
    idx_j = rows_of(molecule, n_atoms)
    near = ((r[idx_i] - r[idx_j]).norm(dim=1) < cutoff) & (idx_i != idx_j)
    idx_i, idx_j = idx_i[near], idx_j[near]
    return idx_i, idx_j, torch.bincount(molecule[idx_i], minlength=len(n_atoms))


class Offset:
    """Linear model of the label in the composition (extensive) or a constant (intensive)."""

    def __init__(self, train: Molecules, extensive: bool) -> None:
        self.extensive = extensive
        features = self._features(train)
        self.weights = torch.linalg.pinv(features.cpu()).to(features.device) @ train.label.double()
        self.scale = float((train.label.double() - features @ self.weights).std())

    def __call__(self, molecules: Molecules) -> Tensor:
        """Labels without the offset, in units of their spread, shape (n_molecules,)."""
        remainder = molecules.label.double() - self._features(molecules) @ self.weights
        return (remainder / self.scale).float()

    def _features(self, molecules: Molecules) -> Tensor:
        if not self.extensive:
            return torch.ones_like(molecules.label, dtype=torch.float64)[:, None]
        kinds = nn.functional.one_hot(molecules.z, 10).double()  # (n_atoms, 10)
        counts = kinds.new_zeros(len(molecules.n_atoms), 10)
        owner = torch.arange(len(counts), device=kinds.device).repeat_interleave(molecules.n_atoms)
        return counts.index_add(0, owner, kinds)


def with_label(molecules: Molecules, label: Tensor) -> Molecules:
    """The same molecules with another label."""
    values = {field.name: getattr(molecules, field.name) for field in fields(molecules)}
    return Molecules(**{**values, "label": label})


def error_of(result: dict[str, Tensor], batch: dict[str, Tensor]) -> Tensor:
    """Mean squared error; with forces 0.01 of the energy's and 0.99 of the forces'."""
    loss = (result["y"] - batch["label"]).square().mean()
    if "forces" in result:
        forces = (result["forces"] - batch["true_forces"]).square().mean()
        loss = 0.01 * loss + 0.99 * forces
    return loss


def loss_of(model: nn.Module, batch: dict[str, Tensor], smoothness: float) -> Tensor:
    """The error of a batch, and the roughness of encodings."""
    loss = error_of(model(batch), batch)
    return loss + smoothness * encoding_roughness(model) if smoothness else loss


def train(
    model: nn.Module,
    data: Molecules,
    epochs: int,
    batch_size: int,
    smoothness: float = 0.0,
    learning_rate: float = 1e-3,
    after_epoch: Callable[[float], None] | None = None,
) -> float:
    """Train by AdamW and a one-cycle schedule; return the median time per step in seconds.

    `after_epoch` is called with the seconds that the steps have taken so far.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    n_batches = -(-len(data.n_atoms) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * n_batches
    )
    seconds = []
    for _ in range(epochs):
        order = torch.randperm(len(data.n_atoms)).to(data.z.device)
        for chosen in order.chunk(n_batches):
            start = time.perf_counter()
            optimizer.zero_grad()
            loss_of(model, data.batch(chosen), smoothness).backward()
            optimizer.step()
            schedule.step()
            seconds.append(time.perf_counter() - start)
        if after_epoch:
            after_epoch(sum(seconds))
    return float(np.median(seconds))


def errors(model: nn.Module, data: Molecules, batch_size: int) -> dict[str, float]:
    """MAE and RMSE of the label and, where the model has them, the forces."""
    residuals: dict[str, list[Tensor]] = {}
    model.eval()
    for chosen in torch.arange(len(data.n_atoms), device=data.z.device).split(batch_size):
        batch = data.batch(chosen)
        result = model(batch)
        residuals.setdefault("label", []).append((result["y"] - batch["label"]).detach())
        if "forces" in result:
            missed = (result["forces"] - batch["true_forces"]).detach().flatten()
            residuals.setdefault("forces", []).append(missed)
    model.train()
    found = {}
    for key, parts in residuals.items():
        residual = torch.cat(parts)
        found[f"{key}_mae"] = float(residual.abs().mean())
        found[f"{key}_rmse"] = float(residual.square().mean().sqrt())
    return found
