"""Speed of asking a learned field, next to torch.bmm, `python -m benchmarks.queries`.

The rate is that of the matrix products: the time of `torch.bmm` on random matrices of the same
shapes over the time of the whole evaluation, both in this process and in turn, medians of CPU
time. The INR
has two layers, the head three and the search for close pairs, the coordinates and the sum over
charts besides; its shapes are those it lays out itself. Last, a molecule of the sample of QM9 is
asked at 10^6 points in one call. Models are untrained and 64 wide; weights don't matter here.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import typer
from ase import Atoms
from schnetpack.atomistic import PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList
from torch import Tensor

from benchmarks.timing import seconds_in_turn
from schnetpack_molfield import MolecularField
from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.datasets.qm9 import SAMPLE
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import CanonicalINR, MolField

WIDTH, CUTOFF, MARGIN = 64, 5.0, 3.0
CHANNELS = ["H", "C", "N", "O"]
Factors = list[tuple[Tensor, Tensor]]


def median_times(first: Callable[[], object], second: Callable[[], object], n: int) -> list[float]:
    """Median CPU seconds of two actions."""
    seconds = seconds_in_turn({"first": first, "second": second}, n)
    return [float(np.median(values)) for values in seconds.values()]


def factors(n_charts: int, n_points: int, widths: list[int]) -> Factors:
    """Random factors of the products of layers with these widths."""
    return [
        (torch.randn(n_charts, n_points, n_in), torch.randn(n_charts, n_in, n_out))
        for n_in, n_out in zip(widths[:-1], widths[1:], strict=True)
    ]


def multiply(pairs: Factors) -> None:
    """Nothing but the batched matrix products."""
    for left, right in pairs:
        torch.bmm(left, right)


def row(name: str, ask: Callable[[], object], alone: Factors, n_pairs: int, rounds: int) -> str:
    """A line of the table: nanoseconds per pair of a chart and a point, and the rate."""
    whole, bmm = median_times(ask, partial(multiply, alone), rounds)
    each = f"{1e9 * whole / n_pairs:.0f} | {1e9 * bmm / n_pairs:.0f}"
    return f"| {name} | {each} | {bmm / whole:.0%} |"


def inr_row(n_charts: int, n_points: int, rounds: int) -> str:
    """The canonical INR of these charts, asked at as many points each."""
    inr = CanonicalINR(WIDTH, WIDTH)
    axes, scales, _ = inr.weights(torch.randn(n_charts, 9, WIDTH))
    radial, harmonics = (torch.randn(n_charts, n_points, n) for n in (WIDTH, 9))
    ask = partial(inr.evaluate, axes, scales, radial, harmonics)
    alone = factors(n_charts, n_points, [9, WIDTH, WIDTH])
    name = f"INR, {n_charts} charts x {n_points} points"
    return row(name, ask, alone, n_charts * n_points, rounds)


def head_row(model: NeuralNetworkPotential, atoms: Atoms, n_points: int, rounds: int) -> str:
    """The whole head of a molecule."""
    head, function = model.output_modules[0], model.representation.function
    inputs = AtomsConverter(ASENeighborList(CUTOFF))(atoms)
    inputs = model.representation(model.input_modules[0](inputs))
    points = torch.tensor(random_points(atoms, n_points), dtype=torch.float32)
    idx_m = torch.zeros(n_points, dtype=torch.long)

    def ask() -> Tensor:
        return head.of_function(function.read(points, idx_m, inputs))

    shapes: list[torch.Size] = []
    layer = function.inr.hidden[0]
    hook = layer.register_forward_hook(lambda _, given, values: shapes.append(values.shape))
    ask()
    hook.remove()
    widths = [13 + model.representation.radial_basis.n_rbf, WIDTH, WIDTH]
    alone = [pair for n_tiles, size, _ in shapes for pair in factors(n_tiles, size, widths)]
    n_pairs = sum(n_tiles * size for n_tiles, size, _ in shapes)
    return row(f"head, {len(atoms)} charts, {n_points} points", ask, alone, n_pairs, rounds)


def million_points(model: NeuralNetworkPotential, atoms: Atoms) -> str:
    """Time and memory of one call."""
    field = MolecularField.from_model(model, atoms)
    points = random_points(atoms, 10**6)
    before, wall, cpu = peak_memory(), time.perf_counter(), time.process_time()
    field(points)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return (
        f"10^6 points of {atoms.get_chemical_formula()}: {wall:.1f} s, of CPU time {cpu:.1f} s; "
        f"peak {peak_memory():.2f} GB, {before:.2f} GB of it before the call"
    )


def peak_memory() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def random_points(atoms: Atoms, n: int) -> np.ndarray:
    """Points (n, 3), uniform in a box that is `MARGIN` wider than the atoms."""
    lower, upper = atoms.positions.min(axis=0) - MARGIN, atoms.positions.max(axis=0) + MARGIN
    return np.random.default_rng(0).uniform(lower, upper, (n, 3))


def sample_molecule(n_atoms: int) -> Atoms:
    """The first molecule with that many atoms of the sample of QM9 that ships with the package."""
    with np.load(SAMPLE) as archive:
        sizes = archive["n_atoms"].astype(int)
        which = int(np.flatnonzero(sizes == n_atoms)[0])
        rows = slice(sizes[:which].sum(), sizes[: which + 1].sum())
        return Atoms(archive["Z"][rows], positions=archive["R"][rows])


def build(charts: str) -> NeuralNetworkPotential:
    """An untrained model of a field."""
    torch.manual_seed(0)
    basis, cutoff_fn = GaussianRBF(20, CUTOFF), CosineCutoff(CUTOFF)
    return NeuralNetworkPotential(
        MolField(WIDTH, 3, basis, cutoff_fn, charts=charts, field_cutoff_fn=SmoothCutoff(4.0)),
        input_modules=[PairwiseDistances()],
        output_modules=[FieldValue(WIDTH, CHANNELS)],
    )


def main(threads: int = 1, rounds: int = 15, n_atoms: int = 18, charts: str = "atom") -> None:
    """Print the table, and time and memory of 10^6 points."""
    torch.set_num_threads(threads)
    atoms, model = sample_molecule(n_atoms), build(charts)
    with torch.no_grad():
        print(million_points(model, atoms))
        print("| what is asked | ns per pair | products alone | rate |\n|---|---|---|---|")
        for n_points in (200, 1000, 5000):
            print(inr_row(n_atoms, n_points, rounds))
        for n_points in (10_000, 100_000):
            print(head_row(model, atoms, n_points, rounds))


if __name__ == "__main__":
    typer.run(main)
