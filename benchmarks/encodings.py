"""Distance encodings compared: SchNet, PaiNN and MolField, same everything else.

    python -m benchmarks.encodings train acac --data acac_300K.npz --epochs 60
    python -m benchmarks.encodings train acac --data acac_300K.npz --n-train 50 --epochs 300
    python -m benchmarks.encodings train homo --data qm9.npz --n-train 10000 --n-test 2000 \
        --epochs 30 --batch-size 50
    python -m benchmarks.encodings table
    python -m benchmarks.encodings time --data acac_300K.npz

Every finished run is one line of `encodings.jsonl`; what is there isn't run again, so a command
can be stopped and repeated. 20 radial features, cutoff 5 Angstrom, 64 atom features, 3
interactions, AdamW with one-cycle 1e-3 and, with forces, loss 0.01 E^2 + 0.99 F^2.
"""

from __future__ import annotations

import json
import time as clock
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import schnetpack as spk
import torch
import typer
from rich.console import Console
from rich.table import Table
from schnetpack.nn import BesselRBF, CosineCutoff, GaussianRBF
from torch import nn

from benchmarks.training import (
    TARGETS,
    Molecules,
    Offset,
    Target,
    errors,
    load,
    loss_of,
    with_label,
)
from benchmarks.training import train as fit
from schnetpack_molfield.nn import ElementPairs, LearnedRadialEncoding

CUTOFF, N_RBF = 5.0, 20
MODELS = {
    "schnet": "schnetpack.representation.SchNet",
    "painn": "schnetpack.representation.PaiNN",
    "molfield": "schnetpack_molfield.representation.MolField",
}
ENCODINGS = {
    "gaussian": lambda: GaussianRBF(N_RBF, CUTOFF),
    "bessel": lambda: BesselRBF(N_RBF, CUTOFF),
    "gaussian-trainable": lambda: GaussianRBF(N_RBF, CUTOFF, trainable=True),
    "learned": lambda: LearnedRadialEncoding(N_RBF, CUTOFF),
    "learned-smooth": lambda: LearnedRadialEncoding(N_RBF, CUTOFF),
    "learned-short-range": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, grid="short_range"),
    "learned-bessel": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, init="bessel"),
    "learned-fast": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, gain=10),
    "learned-pairs-fast": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, pair_rank=8, gain=30),
    "learned-pairs": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, pair_rank=8),
    "learned-pairs-smooth": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, pair_rank=8),
}
DEFAULT_ENCODINGS = "gaussian,bessel,gaussian-trainable,learned,learned-smooth,learned-pairs"
Run = dict[str, str | int | float]

app = typer.Typer(help=__doc__, pretty_exceptions_enable=False)


def build(model: str, encoding: str, target: Target, n_atom_basis: int = 64) -> nn.Module:
    """A potential or property model with the given representation and encoding."""
    basis = ENCODINGS[encoding]()
    arguments = {
        "n_atom_basis": n_atom_basis,
        "n_interactions": 3,
        "radial_basis": basis,
        "cutoff_fn": CosineCutoff(CUTOFF),
    }
    if "pairs" in encoding:
        representation = ElementPairs(MODELS[model], **arguments)
    else:
        representation = spk.utils.str2class(MODELS[model])(**arguments)
    mode = "sum" if target.extensive else "avg"
    outputs = [spk.atomistic.Atomwise(n_atom_basis, output_key="y", aggregation_mode=mode)]
    if target.forces:
        outputs.append(spk.atomistic.Forces(energy_key="y", force_key="forces"))
    return spk.model.NeuralNetworkPotential(
        representation, [spk.atomistic.PairwiseDistances()], outputs
    )


def split(path: Path, target: Target, n_train: int, n_test: int) -> tuple[Molecules, Molecules]:
    """Training and test molecules: the archive's own split, or a fixed random one."""
    with np.load(path) as archive:
        if "split" in archive:
            train, test = (np.flatnonzero(archive["split"] == part) for part in (0, 2))
            train = np.random.default_rng(0).permutation(train)
        else:
            usable = np.isfinite(archive[target.key]) & archive["full_props_mask"]
            usable = np.random.default_rng(0).permutation(np.flatnonzero(usable))
            train, test = usable[:n_train], usable[n_train : n_train + n_test]
    chosen = np.sort(train[:n_train]), np.sort(test[:n_test])
    return load(path, target, chosen[0], CUTOFF), load(path, target, chosen[1], CUTOFF)


def run(settings: Run, target: Target, data: tuple[Molecules, Molecules], save: Path | None) -> Run:
    """Train and test one model; errors in the unit of the target, forces in eV/Angstrom."""
    torch.manual_seed(int(settings["seed"]))
    model = build(str(settings["model"]), str(settings["encoding"]), target)
    model.to(data[0].z.device)
    offset = Offset(data[0], target.extensive)
    offset.scale = 1.0 if target.forces else offset.scale  # energy and forces share one unit
    train, test = (with_label(part, offset(part)) for part in data)
    weight = float(settings["smoothness"])
    batch_size, epochs = int(settings["batch_size"]), int(settings["epochs"])
    seconds = fit(model, train, epochs, batch_size, weight)
    found = errors(model, test, 100)
    if save:
        save.mkdir(parents=True, exist_ok=True)
        torch.save(model, save / "best_model")
    result = {**settings, "mae": found["label_mae"] * offset.scale, "ms_per_step": 1e3 * seconds}
    return {**result, "forces_mae": found["forces_mae"]} if target.forces else result


@app.command()
def train(
    target: Annotated[str, typer.Argument(help="acac, homo, u0 or alpha")],
    data: Annotated[Path, typer.Option(help="acac_300K.npz or qm9.npz")],
    models: str = "schnet,painn,molfield",
    encodings: str = DEFAULT_ENCODINGS,
    seeds: int = 3,
    epochs: int = 60,
    n_train: int = 450,
    n_test: int = 2000,
    batch_size: int = 10,
    smoothness: float = 1e-6,
    device: str = "cpu",
    out: Path = Path("encodings.jsonl"),
    save: Annotated[Path | None, typer.Option(help="Folder for the trained models.")] = None,
) -> None:
    """Run what isn't in `out` yet."""
    parts = tuple(part.to(device) for part in split(data, TARGETS[target], n_train, n_test))
    done = [_settings(line) for line in read(out)]
    for seed in range(seeds):
        for model in models.split(","):
            for encoding in encodings.split(","):
                settings: Run = {
                    "target": target,
                    "model": model,
                    "encoding": encoding,
                    "seed": seed,
                    "epochs": epochs,
                    "n_train": n_train,
                    "n_test": n_test,
                    "batch_size": batch_size,
                    "smoothness": smoothness if encoding.endswith("smooth") else 0.0,
                }
                if settings not in done:
                    folder = save and save / f"{target}-{model}-{encoding}-{seed}"
                    line = json.dumps(run(settings, TARGETS[target], parts, folder))
                    print(line, flush=True)
                    with out.open("a") as file:
                        file.write(line + "\n")


@app.command()
def table(out: Path = Path("encodings.jsonl")) -> None:
    """Mean and standard deviation over the seeds, and the ratio to the Gaussian encoding."""
    groups = defaultdict(list)
    for line in read(out):
        quantity = "forces_mae" if "forces_mae" in line else "mae"
        setting = f"{line['target']} {line['n_train']} x {line['epochs']}"
        groups[setting, line["model"], line["encoding"], line["smoothness"]].append(
            (line[quantity], line["ms_per_step"])
        )
    columns = (
        "setting",
        "model",
        "encoding",
        "smoothness",
        "MAE",
        "/ gaussian",
        "ms/step",
        "seeds",
    )
    rows = Table(*columns)
    for (setting, model, encoding, weight), values in sorted(groups.items()):
        mae, ms = np.array(values).T
        reference = groups.get((setting, model, "gaussian", 0.0))
        ratio = f"{mae.mean() / np.mean([r[0] for r in reference]):.3f}" if reference else "-"
        spread = mae.std(ddof=1) if len(mae) > 1 else float("nan")
        number = f"{1e3 * mae.mean():.2f} ± {1e3 * spread:.2f}"
        rows.add_row(
            setting,
            model,
            encoding,
            f"{weight:g}",
            number,
            ratio,
            f"{ms.mean():.1f}",
            str(len(mae)),
        )
    Console(width=140).print(rows)
    print("MAE in thousandths: meV/Å (forces of acac), meV (homo, u0), 0.001 bohr³ (alpha)")


@app.command()
def time(
    data: Annotated[Path, typer.Option(help="acac_300K.npz")],
    models: str = "schnet,painn,molfield",
    encodings: str = "gaussian,gaussian-trainable,bessel,learned,learned-pairs",
    batch_size: int = 10,
    rounds: int = 30,
    threads: int = 1,
) -> None:
    """Time per training step with forces, encodings in turn, so that noise hits all alike."""
    torch.set_num_threads(threads)
    target = TARGETS["acac"]
    molecules, _ = split(data, target, batch_size, 1)
    molecules = with_label(molecules, Offset(molecules, True)(molecules))
    batch_of_all = torch.arange(batch_size)
    rows = Table("model", *encodings.split(","), title="ms per training step, lower quartile")
    for model in models.split(","):
        potentials = {encoding: build(model, encoding, target) for encoding in encodings.split(",")}
        seconds = defaultdict(list)
        for _ in range(rounds):
            for encoding, potential in potentials.items():
                start = clock.perf_counter()
                loss_of(potential, molecules.batch(batch_of_all), 0.0).backward()
                seconds[encoding].append(clock.perf_counter() - start)
        rows.add_row(model, *(f"{1e3 * np.quantile(s, 0.25):.2f}" for s in seconds.values()))
    Console().print(rows)


def read(out: Path) -> list[Run]:
    """Finished runs."""
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def _settings(line: Run) -> Run:
    """What a run was asked to do, without what came out."""
    results = ("mae", "forces_mae", "ms_per_step")
    return {key: value for key, value in line.items() if key not in results}


if __name__ == "__main__":
    app()
