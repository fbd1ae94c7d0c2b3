"""Electron densities of molecules that weren't trained on, against the promolecule's.

    python -m benchmarks.density --data electron_density.npz
    python -m benchmarks.density --data electron_density.npz --sizes 8,16,32,64

Of the molecules of the archive 16, drawn by a fixed seed, are kept for the test; the others train,
all or the first of them. Errors are integrals of |density - calculated density| over integrals of
the calculated density, on all points of the grids, averaged over the molecules; "no cores" leaves
out the points within 0.3 Angstrom of a nucleus other than hydrogen. Number of electrons and dipole
moment are integrals of the difference to the promolecule, whose own are known, by atom-centred
quadrature: a grid of 0.25 Angstrom doesn't resolve the nuclear cusps. A second table shares the
error out by the distance of a point from the nearest nucleus.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms, units
from rich.console import Console
from rich.progress import track
from rich.table import Table
from schnetpack import properties
from schnetpack.atomistic import PairwiseDistances
from schnetpack.data import AtomsLoader
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import CastTo32, MatScipyNeighborList
from torch import Tensor
from torch.utils.data import Dataset

from schnetpack_molfield import MolecularField
from schnetpack_molfield.atomistic import ElectronDensity
from schnetpack_molfield.datasets import read_archive
from schnetpack_molfield.fields import PromoleculeDensity, atom_centered_quadrature
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.train import RelativeL1
from schnetpack_molfield.transform import GridPoints

CUTOFF, FIELD_CUTOFF, N_FEATURES, CORE = 5.0, 3.0, 64, 0.3
#: Densities in e/Ang^3 between which points are drawn in proportion to the density.
FLOOR, CEILING = 0.01, 2.0
#: Distances from the nearest nucleus in Angstrom between which errors are summed up.
SHELLS = [0.3, 0.5, 0.8, 1.2, 2.0]
N_TEST, BATCH_SIZE, KEY = 16, 8, "electron_density"


@dataclass(frozen=True)
class Case:
    """A molecule, its density on a grid for a data loader, and its dipole moment."""

    atoms: Atoms
    sample: dict[str, Tensor]
    dipole: Tensor  # (3,), Debye

    def everywhere(self) -> tuple[Tensor, Tensor]:
        """All points of the grid (n_points, 3) and the density there (n_points,)."""
        inputs = GridPoints(KEY, n_points=None)(dict(self.sample))
        return inputs["field_points"], inputs[KEY].squeeze(1)


class Drawn(Dataset):
    """Molecules with points that are drawn anew each time."""

    def __init__(self, cases: list[Case], n_points: int) -> None:
        self.cases = cases
        self.draw = GridPoints(KEY, n_points, FLOOR, CEILING)

    def __len__(self) -> int:
        """Number of molecules."""
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Sample of a molecule with points and densities."""
        return self.draw(dict(self.cases[index].sample))


def read(path: Path) -> list[Case]:
    """All molecules of an archive of densities."""
    with np.load(path) as archive:
        dipoles = torch.tensor(archive["dipole_Debye"]).double()  # (n_molecules, 3)
    neighbors = MatScipyNeighborList(CUTOFF)
    cases = []
    for (atoms, labels), dipole in zip(read_archive(path).read(), dipoles, strict=True):
        sample = {
            properties.idx: torch.tensor([len(cases)]),
            properties.n_atoms: torch.tensor([len(atoms)]),
            properties.Z: torch.tensor(atoms.numbers),
            properties.R: torch.tensor(atoms.positions),
            properties.cell: torch.zeros(1, 3, 3, dtype=torch.float64),
            properties.pbc: torch.zeros(3, dtype=torch.bool),
        }
        sample |= {key: torch.as_tensor(values) for key, values in labels.items()}
        sample = CastTo32()(neighbors(sample))
        cases.append(Case(atoms, sample, dipole))
    return cases


def build() -> NeuralNetworkPotential:
    """The model of `experiment=molfield_density`."""
    basis, cutoff_fn = GaussianRBF(20, CUTOFF), CosineCutoff(CUTOFF)
    window = SmoothCutoff(FIELD_CUTOFF)
    options = {"field_cutoff_fn": window, "lr_scale": 4.0}
    representation = MolField(N_FEATURES, 3, basis, cutoff_fn, **options)
    head = ElectronDensity(N_FEATURES, output_key=KEY)
    return NeuralNetworkPotential(representation, [PairwiseDistances()], [head])


def train(
    model: NeuralNetworkPotential, cases: list[Case], steps: int, lr: float, device: str
) -> float:
    """One-cycle AdamW on the integral of the absolute error; returns seconds."""
    loader = AtomsLoader(Drawn(cases, 512), batch_size=BATCH_SIZE, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)
    loss_fn, start, batches = RelativeL1(FLOOR, CEILING), time.perf_counter(), iter(loader)
    for _ in track(range(steps), description=f"{len(cases)} molecules"):
        batch = next(batches, None)
        if batch is None:
            batches = iter(loader)
            batch = next(batches)
        batch = {key: value.to(device) for key, value in batch.items()}
        target = batch[KEY]
        optimizer.zero_grad()
        loss_fn(model(batch)[KEY], target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return time.perf_counter() - start


def errors(field: MolecularField, case: Case) -> Tensor:
    """Errors of a molecule: (10,).

    Relative L1, the same without cores, electrons, length of the error of the dipole moment; and
    the relative L1 error again, shared out among the `SHELLS`.
    """
    points, density = case.everywhere()
    error = (field(points).squeeze(1).cpu() - density).abs().double()
    gaps = torch.cdist(points, torch.tensor(case.atoms.positions).to(points))  # (n_points, n)
    outside = (gaps[:, case.atoms.numbers > 1] > CORE).all(dim=1)  # (n_points,)
    electrons, dipole = moments(field, case.atoms)
    shell = torch.bucketize(gaps.amin(dim=1), torch.tensor(SHELLS))
    return torch.cat(
        [
            error.sum().view(1) / density.sum(),
            error[outside].sum().view(1) / density[outside].sum(),
            electrons.abs().view(1),
            (dipole - case.dipole).norm().view(1),
            torch.bincount(shell, error, len(SHELLS) + 1) / density.sum(),
        ]
    )


def moments(field: MolecularField, atoms: Atoms) -> tuple[Tensor, Tensor]:
    """Surplus of electrons, and the dipole moment (3,) in Debye of the density without it."""
    numbers, positions = torch.tensor(atoms.numbers), torch.tensor(atoms.positions)
    points, weights = atom_centered_quadrature(numbers, positions, 24, 19)
    own = PromoleculeDensity().of(atoms, dtype=torch.float64)(points).squeeze(1)
    density = field(points).squeeze(1).double().cpu()
    surplus = ((density - own) * weights).sum()
    neutral = density / (1 + surplus / numbers.sum()) - own  # (n_points,)
    return surplus, -(neutral * weights) @ points / units.Debye


def print_tables(found: dict[str, Tensor]) -> None:
    """Mean errors (10,) by name, the promolecule's first, next to the promolecule's."""
    columns = ["error", "ratio", "no cores", "ratio", "electrons", "dipole, D"]
    table = Table("trained on", *columns)
    edges = [f"< {edge}" for edge in SHELLS] + [f"> {SHELLS[-1]}"]
    shells = Table("error by distance, A", *edges)
    reference = next(iter(found.values()))
    for name, mean in found.items():
        (l1, outside, electrons, dipole), ratio = mean[:4].tolist(), (mean / reference).tolist()
        values = (l1, ratio[0], outside, ratio[1], electrons, dipole)
        table.add_row(name, *(f"{value:.4f}" for value in values))
        shells.add_row(name, *(f"{value:.4f}" for value in mean[4:].tolist()))
    Console().print(table, shells)


def main(
    data: Annotated[Path, typer.Option(help="electron_density.npz")],
    sizes: Annotated[str, typer.Option(help="numbers of training molecules")] = "64",
    steps: Annotated[int, typer.Option(help="training steps of 8 molecules")] = 1600,
    lr: Annotated[float, typer.Option(help="largest learning rate")] = 2e-3,
    validate: Annotated[
        bool, typer.Option(help="ask 8 of the training molecules, kept out, not the test")
    ] = False,
    seed: int = 0,
) -> None:
    """Train on each number of molecules and print the errors."""
    counts = [int(size) for size in sizes.split(",")]
    if min(counts) < BATCH_SIZE:
        raise typer.BadParameter(f"a step takes {BATCH_SIZE} molecules, got --sizes {sizes}")
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cases = read(data)
    order = np.random.default_rng(0).permutation(len(cases)).tolist()
    test, others = order[:N_TEST], order[N_TEST:]
    if validate:
        test, others = others[:8], others[8:]
    promolecule = [errors(PromoleculeDensity().of(cases[m].atoms), cases[m]) for m in test]
    found = {"promolecule": torch.stack(promolecule).mean(dim=0)}
    for size in counts:
        torch.manual_seed(seed)
        model = build().to(device)
        seconds = train(model, [cases[m] for m in others[:size]], steps, lr, device)
        fields = (MolecularField.from_model(model, cases[m].atoms, device=device) for m in test)
        each = [errors(field, cases[m]) for field, m in zip(fields, test, strict=True)]
        found[f"{len(others[:size])}, {seconds:.0f} s"] = torch.stack(each).mean(dim=0)
    print_tables(found)


if __name__ == "__main__":
    typer.run(main)
