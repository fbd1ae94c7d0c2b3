"""Iterations that a learned density saves PySCF, on molecules that weren't trained on.

    python -m benchmarks.scf_starts --data electron_density.npz

The molecules are the test molecules of `benchmarks.density`, which the shipped model hasn't seen.
All starts have the same thresholds; times are wall times of start and iterations on one thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from pyscf import lib
from rich.console import Console
from rich.table import Table

from schnetpack_molfield import MolecularField
from schnetpack_molfield.datasets import read_archive
from schnetpack_molfield.densities.scf_runs import ScfRun, compare_starts
from schnetpack_molfield.model_files import load_model_file


def main(
    data: Annotated[Path, typer.Option(help="electron_density.npz")],
    model: Annotated[str, typer.Option(help="a model of densities")] = "density",
    count: Annotated[int, typer.Option(help="number of test molecules")] = 16,
    xc: str = "b3lyp",
    basis: str = "6-31g(2df,p)",
) -> None:
    """Calculate the test molecules from every start and print means."""
    torch.set_num_threads(1)
    lib.num_threads(1)
    molecules = [atoms for atoms, _ in read_archive(data).read()]
    order = np.random.default_rng(0).permutation(len(molecules))[:count]
    learned = load_model_file(model)
    found: dict[str, list[ScfRun]] = {}
    for m in order.tolist():
        runs = compare_starts(
            lambda atoms: MolecularField.from_model(learned, atoms), molecules[m], xc, basis
        )
        lowest = min(run.energy for run in runs)
        for run in runs:
            found.setdefault(run.start, []).append(run._replace(energy=run.energy - lowest))
        print(molecules[m].symbols, *(f"{r.start} {r.cycles} {r.seconds:.1f}" for r in runs))
    table = Table("start", "iterations", "seconds", "largest difference of energies / Ha")
    for start, rows in found.items():
        cycles, seconds = np.mean([[run.cycles, run.seconds] for run in rows], axis=0)
        differs = max(run.energy for run in rows)
        table.add_row(start, f"{cycles:.2f}", f"{seconds:.1f}", f"{differs:.1e}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
