"""What real molecules of QM9 score in the two measures of `molfield assess`.

    python -m benchmarks.assess_qm9 --data qm9.npz --out benchmarks/results/assess_qm9.jsonl

EDM (Hoogeboom et al. 2022) publishes 99.0 / 95.2 / 97.7 for QM9: atoms stable, molecules stable,
valid, in percent.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.read_back import Molecules
from schnetpack_molfield.assessment import judge_by_lengths, judge_by_openbabel, score
from schnetpack_molfield.progress import watched


def main(
    data: Annotated[Path, typer.Option(help="qm9.npz")],
    n: int = 4000,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Judge molecules by both measures, and append a line for each to a file."""
    molecules = Molecules(data, seed)
    drawn = molecules.atoms(np.sort(molecules.order[:n]))
    for judge in (judge_by_lengths, judge_by_openbabel):
        started = time.perf_counter()
        verdicts = [judge(atoms) for atoms in watched(drawn, judge.__name__)]
        line = json.dumps(
            {
                "measure": judge.__name__,
                "molecules": len(drawn),
                "seed": seed,
                "seconds": round(time.perf_counter() - started, 1),
                **{k: round(v, 2) for k, v in vars(score(verdicts)).items() if v == v},
            }
        )
        print(line)
        if out is not None:
            with out.open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    typer.run(main)
