"""Super-resolution of the vector-valued function of a ligand in its pocket.

A 32^3 grid of the exact function is all that (a) sees; (b) has the atoms as charts, too. Both are
asked on a 128^3 grid of the same box, next to interpolations of the same samples. The function is
eq. (1) of Lhotka & Probst (arXiv:2502.10848) with a channel for each of the elements, beta 2, van
der Waals radii. PSNR = 20 log10(range) - 10 log10(MSE) over all points and channels:

- absolute: as it is, range exp(beta), the value at the centre of a lone atom;
- relative, as theirs: each channel divided by its largest value, range 1.

    python -m benchmarks.super_resolution --data complex_cdk8.npz
    python -m benchmarks.super_resolution --data pdb_1lcd_models.npz --ligand C3
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from scipy import ndimage
from torch import Tensor

from schnetpack_molfield.fields import Grid, VectorFunction
from schnetpack_molfield.fit.chart_seeds import matched_peaks
from schnetpack_molfield.fit.field_fit import FieldFit, FitOptions, make_auto_decoder, psnr

COARSE, FINE = 32, 128  # points per side
MARGIN = 3.0  # Angstrom, as the PSNR of the amortised functions has it
BETA = 2.0  # VectorFunction's default
POCKET = 8.0  # Angstrom

Structure = tuple[np.ndarray, np.ndarray, np.ndarray]  # elements, positions, what is the ligand


def read_pocket(path: Path, ligand: str) -> Atoms:
    """A ligand and all that is near it, but no water."""
    with np.load(path) as data:
        z, r, is_ligand = (with_inhibitor if "lig_Z" in data else with_residue)(data, ligand)
    near = np.linalg.norm(r[:, None] - r[is_ligand], axis=2).min(axis=1) < POCKET
    return Atoms(z[near], r[near].astype(float))


def with_inhibitor(data: Mapping[str, np.ndarray], number: str) -> Structure:
    """A protein with one of its inhibitors."""
    n_atoms, which = data["lig_n_atoms"].astype(int), int(number)
    rows = slice(n_atoms[:which].sum(), n_atoms[: which + 1].sum())
    protein = data["prot_res_name"] != b"HOH"
    z = np.concatenate([data["prot_Z"][protein], data["lig_Z"][rows]])
    r = np.concatenate([data["prot_R"][protein], data["lig_R"][rows]])
    return z, r, np.arange(len(z)) >= protein.sum()


def with_residue(data: Mapping[str, np.ndarray], name: str) -> Structure:
    """The first model of an ensemble, with one residue of it as the ligand."""
    is_ligand = (data["chain"] == name[0].encode()) & (data["res_id"] == int(name[1:]))
    return data["Z"], data["R"][0], is_ligand


def box_grid(atoms: Atoms, n: int) -> Grid:
    """n^3 points of the box around the atoms, from wall to wall."""
    lower, upper = atoms.positions.min(axis=0) - MARGIN, atoms.positions.max(axis=0) + MARGIN
    return Grid(lower, np.diag((upper - lower) / (n - 1)), (n, n, n))


def spline(samples: np.ndarray, order: int) -> np.ndarray:
    """Interpolation of (n, n, n, n_channels) by scipy, 1: trilinear, 3: tricubic."""
    zoomed = [ndimage.zoom(v, FINE / COARSE, order=order) for v in np.moveaxis(samples, -1, 0)]
    return np.stack(zoomed, axis=-1)


def fourier(samples: np.ndarray) -> np.ndarray:
    """The trigonometric interpolation of zero-padded spectra, at the points of the fine grid."""
    frequencies = np.fft.fftfreq(COARSE) * 2j * np.pi
    waves = np.exp(np.outer(np.linspace(0, COARSE - 1, FINE), frequencies))
    waves[:, COARSE // 2] = waves[:, COARSE // 2].real
    to_fine = (waves @ np.fft.fft(np.eye(COARSE))).real / COARSE  # (FINE, COARSE)
    for _ in range(3):
        samples = np.tensordot(samples, to_fine, axes=(0, 1))  # the axes rotate
    return np.moveaxis(samples, 0, -1)


def fit(atoms: Atoms, charts: str, samples: Tensor, channels: list[str], seed: int) -> FieldFit:
    """A finished fit to the samples (n_points, n_channels) on the coarse grid."""
    grid, options = box_grid(atoms, COARSE), FitOptions(seed=seed)
    values = samples.numpy().reshape(1, COARSE, COARSE, COARSE, -1)
    origins = atoms.positions[None] if charts == "atom" else matched_peaks(grid, values)
    points = torch.tensor(grid.points, dtype=torch.float32)
    model = make_auto_decoder(origins, channels, options)
    fitted = FieldFit(model, points, samples[None], options, np.exp(BETA))
    for step, reached in fitted.run():
        if step % 500 == 0:
            print(f"  {charts}: {step} steps, {reached:.1f} dB", flush=True)
    return fitted


def ask(fitted: FieldFit, grid: Grid) -> Tensor:
    """Values (n_points, n_channels) on a grid, by the weights with the lowest training error."""
    model, points = fitted.best_model(), torch.tensor(grid.points, dtype=torch.float32)
    blocks = [model(model.latents, x, torch.zeros(len(x)).long()) for x in points.split(4096)]
    return torch.cat(blocks) * fitted.scale


def row(name: str, errors: list[float | None], seconds: float | None = None) -> None:
    """Print a row of the table."""
    cells = ["exact" if e is None else f"{e:.1f}" for e in errors]
    time_needed = "" if seconds is None else f"{seconds:.0f} s"
    print(f"| {' | '.join([name, *cells, time_needed])} |", flush=True)


def main(
    data: Annotated[Path, typer.Option(help="complex_cdk8.npz, pdb_1lcd_models.npz")],
    ligand: Annotated[str, typer.Option(help="Its number, or chain and residue: C3.")] = "0",
    seed: int = 0,
) -> None:
    """Print the table."""
    begin = time.perf_counter()
    atoms = read_pocket(data, ligand)
    channels = sorted(set(atoms.symbols))
    exact = VectorFunction(channels, beta=BETA).of(atoms, dtype=torch.float32)
    coarse, fine = box_grid(atoms, COARSE), box_grid(atoms, FINE)
    samples, truth = exact(coarse.points), exact(fine.points)  # (n_points, n_channels)
    largest = truth.amax(dim=0)  # (n_channels,)

    def scores(values: Tensor, wanted: Tensor) -> list[float | None]:
        relative = psnr(values / largest, wanted / largest, 1.0)
        return [psnr(values, wanted, np.exp(BETA)), relative]

    print(f"{len(atoms)} atoms, channels {', '.join(channels)}, spacing {coarse.steps.diagonal()}")

    volume = samples.numpy().reshape(COARSE, COARSE, COARSE, -1)
    baselines = {"trilinear": spline(volume, 1), "tricubic": spline(volume, 3)}
    for name, found in {**baselines, "Fourier": fourier(volume)}.items():
        values = torch.tensor(found.reshape(truth.shape), dtype=truth.dtype)
        row(name, [None, None, *scores(values, truth)])
    for charts in ("learned", "atom"):
        start = time.perf_counter()
        fitted = fit(atoms, charts, samples, channels, seed)
        seconds = time.perf_counter() - start
        on_samples = scores(ask(fitted, coarse), samples)
        row(charts, on_samples + scores(ask(fitted, fine), truth), seconds)
    print(f"all in {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    typer.run(main)
