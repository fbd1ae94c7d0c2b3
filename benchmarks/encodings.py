"""Distance encodings compared: SchNet, PaiNN and MolField, same everything else.

    python -m benchmarks.encodings train acac --data acac_300K.npz
    python -m benchmarks.encodings train acac --data acac_300K.npz --n-train 50
    python -m benchmarks.encodings train homo --data qm9.npz --n-train 10000 \
        --n-validation 500 --epochs 30 --batch-size 100
    python -m benchmarks.encodings table
    python -m benchmarks.encodings table --out benchmarks/results/encodings.jsonl

Every finished run is one line of `encodings.jsonl`; what is there isn't run again, so a command
can be stopped and repeated. The runs of docs/encodings.md come along in `benchmarks/results`.
20 radial features, cutoff 5 Angstrom, 64 atom features, 3 interactions, AdamW with one-cycle 1e-3
and, with forces, loss 0.01 E^2 + 0.99 F^2. Choose by the validation error, report the test error.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Annotated, Any

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
    train as fit,
    with_label,
)
from schnetpack_molfield.nn import ElementPairs, LearnedRadialEncoding

CUTOFF, N_RBF = 5.0, 20
MODELS: dict[str, tuple[str, dict[str, int]]] = {
    "schnet": ("schnetpack.representation.SchNet", {}),
    "painn": ("schnetpack.representation.PaiNN", {}),
    "molfield": ("schnetpack_molfield.representation.MolField", {}),
    "molfield-angles": ("schnetpack_molfield.representation.MolField", {"n_angles": 4}),
}
BEST = {"init": "log_gaussian", "grid": "short_range", "amplitude": 2.0}


def learned(**options: Any) -> LearnedRadialEncoding:
    """The learned encoding as it did best on validation frames, but for `options`."""
    return LearnedRadialEncoding(N_RBF, CUTOFF, **{**BEST, **options})


ENCODINGS: dict[str, Callable[[], nn.Module]] = {
    "gaussian": lambda: GaussianRBF(N_RBF, CUTOFF),
    "bessel": lambda: BesselRBF(N_RBF, CUTOFF),
    "gaussian-trainable": lambda: GaussianRBF(N_RBF, CUTOFF, trainable=True),
    "learned": learned,
    "learned-smooth": learned,
    "learned-pairs": lambda: learned(pair_rank=4),
    "learned-fast": lambda: learned(lr_scale=10),
    "learned-pairs-fast": lambda: learned(pair_rank=4, lr_scale=10),
    "learned-pairs-fast-smooth": lambda: learned(pair_rank=4, lr_scale=10),
    "learned-pairs16": lambda: learned(pair_rank=16, lr_scale=5),
    "learned-pairs16-smooth": lambda: learned(pair_rank=16, lr_scale=5),
    "learned-pairs16-fast": lambda: learned(pair_rank=16, lr_scale=10),
    "learned-fast-smooth": lambda: learned(lr_scale=10),
    "not-learned": lambda: learned().requires_grad_(False),  # what its start alone is worth
    "from-gaussian": lambda: LearnedRadialEncoding(N_RBF, CUTOFF),
    "from-gaussian-fast": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, lr_scale=10),
    "from-bessel": lambda: LearnedRadialEncoding(N_RBF, CUTOFF, init="bessel"),
}
DEFAULT_ENCODINGS = "gaussian,bessel,gaussian-trainable,learned-pairs16,learned-pairs16-smooth"
SETTING = ("target", "n_train", "epochs", "batch_size", "learning_rate")
COLUMNS = (
    "model",
    "encoding",
    "smoothness",
    "validation MAE",
    "test MAE",
    "/ gaussian",
    "seeds",
)
Run = dict[str, Any]

app = typer.Typer(help=__doc__, pretty_exceptions_enable=False)


def build(model: str, encoding: str, target: Target, n_atom_basis: int = 64) -> nn.Module:
    """A potential or property model with the given representation and encoding."""
    path, options = MODELS[model]
    arguments = {
        "n_atom_basis": n_atom_basis,
        "n_interactions": 3,
        "radial_basis": ENCODINGS[encoding](),
        "cutoff_fn": CosineCutoff(CUTOFF),
        **options,
    }
    if "pairs" in encoding:
        representation = ElementPairs(path, **arguments)
    else:
        representation = spk.utils.str2class(path)(**arguments)
    mode = "sum" if target.extensive else "avg"
    outputs = [spk.atomistic.Atomwise(n_atom_basis, output_key="y", aggregation_mode=mode)]
    if target.forces:
        outputs.append(spk.atomistic.Forces(energy_key="y", force_key="forces"))
    return spk.model.NeuralNetworkPotential(
        representation, [spk.atomistic.PairwiseDistances()], outputs
    )


def split(
    path: Path, target: Target, n_train: int, n_validation: int, n_test: int
) -> tuple[Molecules, Molecules, Molecules]:
    """Training, validation and test molecules: the archive's own split, or a fixed random one.

    Training sets of different size are nested, and none holds a validation molecule.
    """
    rng = np.random.default_rng(0)
    with np.load(path) as archive:
        if "split" in archive:
            known = rng.permutation(np.flatnonzero(archive["split"] == 0))
            test = np.flatnonzero(archive["split"] == 2)
        else:
            usable = np.isfinite(archive[target.key]) & archive["full_props_mask"]
            usable = rng.permutation(np.flatnonzero(usable))
            test, known = np.split(usable, [n_test])
    if n_train + n_validation > len(known):
        raise ValueError(f"{path.name} has {len(known)} training and validation molecules")
    chosen = known[:n_train], known[len(known) - n_validation :], test[:n_test]
    return tuple(load(path, target, np.sort(part), CUTOFF) for part in chosen)  # type: ignore[return-value]


def scaled(parts: tuple[Molecules, ...], target: Target) -> tuple[tuple[Molecules, ...], float]:
    """Labels without the offset that the training molecules show, and the unit they are left in."""
    offset = Offset(parts[0], target.extensive)
    offset.scale = 1.0 if target.forces else offset.scale  # energy and forces share one unit
    return tuple(with_label(part, offset(part)) for part in parts), offset.scale


def run(settings: Run, target: Target, data: tuple[Molecules, ...], save: Path | None) -> Run:
    """Train, validate and test one model; errors in the unit of the target, or eV/Angstrom."""
    torch.manual_seed(int(settings["seed"]))
    model = build(str(settings["model"]), str(settings["encoding"]), target)
    model.to(data[0].z.device)
    (train, validation, test), scale = scaled(data, target)
    fit(
        model,
        train,
        int(settings["epochs"]),
        int(settings["batch_size"]),
        float(settings["smoothness"]),
        float(settings["learning_rate"]),
    )
    if save:
        save.mkdir(parents=True, exist_ok=True)
        torch.save(model, save / "best_model")
    quantity, unit = ("forces_mae", 1.0) if target.forces else ("label_mae", scale)
    validated, tested = errors(model, validation, 100), errors(model, test, 100)
    return {**settings, "validation": validated[quantity] * unit, "test": tested[quantity] * unit}


@app.command()
def train(
    target: Annotated[str, typer.Argument(help="acac, homo, u0 or alpha")],
    data: Annotated[Path, typer.Option(help="acac_300K.npz or qm9.npz")],
    models: str = "schnet,painn,molfield",
    encodings: str = DEFAULT_ENCODINGS,
    seeds: int = 3,
    epochs: int = 60,
    n_train: int = 450,
    n_validation: int = 50,
    n_test: int = 2000,
    batch_size: int = 10,
    learning_rate: float = 1e-3,
    smoothness: Annotated[float, typer.Option(help="For encodings named -smooth.")] = 1e-5,
    device: str = "cpu",
    threads: int = 1,
    out: Path = Path("encodings.jsonl"),
    save: Annotated[Path | None, typer.Option(help="Folder for the trained models.")] = None,
) -> None:
    """Run what isn't in `out` yet."""
    torch.set_num_threads(threads)
    parts = split(data, TARGETS[target], n_train, n_validation, n_test)
    parts = tuple(part.to(device) for part in parts)
    done = [_settings(line) for line in read(out)]
    for seed, model, encoding in product(range(seeds), models.split(","), encodings.split(",")):
        settings: Run = {
            "target": target,
            "model": model,
            "encoding": encoding,
            "seed": seed,
            "epochs": epochs,
            "n_train": n_train,
            "n_test": n_test,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "smoothness": smoothness if encoding.endswith("smooth") else 0.0,
        }
        if settings not in done:
            folder = save and save / f"{target}-{model}-{encoding}-{seed}"
            line = json.dumps(run(settings, TARGETS[target], parts, folder))
            print(line, flush=True)
            with out.open("a") as file:
                file.write(line + "\n")


@app.command()
def table(
    out: Path = Path("encodings.jsonl"),
) -> None:
    """Mean and standard deviation over the seeds, best validation error first.

    Errors in thousandths: meV/Angstrom (forces), meV (homo, u0), 0.001 bohr^3 (alpha). The ratio
    to the Gaussians is that of the test errors, over the seeds that both have.
    """
    tables = defaultdict(lambda: defaultdict(list))
    for line in read(out):
        tables[tuple(line[key] for key in SETTING)][line["model"]].append(line)
    console = Console(width=120)
    for setting, models in tables.items():
        title = ", ".join(f"{key} {value}" for key, value in zip(SETTING, setting, strict=True))
        rows = Table(*COLUMNS, title=title)
        for model, lines in models.items():
            _add_rows(rows, model, lines)
        console.print(rows)


def _add_rows(rows: Table, model: str, lines: list[Run]) -> None:
    """One row for each encoding and weight of the smoothness."""
    groups: dict[tuple[Any, Any], dict[int, list[float]]] = defaultdict(dict)
    for line in lines:
        group = groups[line["encoding"], line["smoothness"]]
        group[line["seed"]] = [1e3 * line["validation"], 1e3 * line["test"]]
    gaussian = groups.get(("gaussian", 0.0), {})
    for (encoding, weight), found in sorted(groups.items(), key=_mean_validation):
        values = np.array(list(found.values())).T  # (2, n_seeds)
        rows.add_row(
            model,
            str(encoding),
            f"{weight:g}",
            *(f"{part.mean():.2f} ± {_spread(part):.2f}" for part in values),
            f"{_ratio(found, gaussian):.3f}",
            str(len(found)),
        )


def _mean_validation(group: tuple[Any, dict[int, list[float]]]) -> float:
    """What the rows are sorted by."""
    return float(np.mean([validation for validation, _ in group[1].values()]))


def _ratio(found: dict[int, list[float]], reference: dict[int, list[float]]) -> float:
    """Mean test error over that of the reference, over the seeds that both have; or NaN."""
    seeds = [seed for seed in found if seed in reference]
    return sum(found[seed][1] for seed in seeds) / (
        sum(reference[seed][1] for seed in seeds) or float("nan")
    )


def _spread(values: np.ndarray) -> float:
    """Standard deviation of a sample; NaN for a single value."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def read(out: Path) -> list[Run]:
    """Finished runs."""
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def _settings(line: Run) -> Run:
    """What a run was asked to do, without what came out."""
    return {key: value for key, value in line.items() if key not in ("validation", "test")}


if __name__ == "__main__":
    app()
