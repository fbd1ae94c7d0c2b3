"""`molfield scf`: a self-consistent calculation that starts from a learned density."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ase import Atoms

    from schnetpack_molfield.densities.scf_runs import ScfRun

__all__ = ["scf"]

Structure = Annotated[
    str, typer.Argument(help="The molecule: a file (the last of several structures) or a SMILES.")
]
Model = Annotated[
    Path,
    typer.Option("--model", "-m", help="A model of densities, a file or a shipped one's name."),
]
Functional = Annotated[str, typer.Option(help="Functional, by PySCF's name.")]
Basis = Annotated[str, typer.Option(help="Basis set, by PySCF's name.")]
Charge = Annotated[int | None, typer.Option(help="Total charge in e; without it the file's, or 0.")]
Spin = Annotated[int, typer.Option(min=0, help="Number of unpaired electrons.")]
Starts = Annotated[
    str, typer.Option(help="PySCF's own starts to compare with: minao, atom, vsap, huckel, 1e.")
]
Tolerance = Annotated[float, typer.Option(help="Change of the energy in Hartree that ends it.")]


def scf(
    structure: Structure,
    model: Model = Path("density"),
    xc: Functional = "b3lyp",
    basis: Basis = "6-31g(2df,p)",
    charge: Charge = None,
    spin: Spin = 0,
    starts: Starts = "minao,atom,vsap",
    tolerance: Tolerance = 1e-9,
) -> None:
    """Run PySCF from the density of a model and from its own starts: iterations, time, energy."""
    from schnetpack_molfield.checks import check_positive
    from schnetpack_molfield.model_files import find_model_file
    from schnetpack_molfield.text_files import check_structure_file

    check_positive("--tolerance", tolerance)
    find_model_file(model)
    check_structure_file(structure)
    atoms = _read(structure, charge)

    from schnetpack_molfield import MolecularField
    from schnetpack_molfield.densities.scf_runs import compare_starts
    from schnetpack_molfield.model_files import load_model_file

    trained = load_model_file(model)
    runs = compare_starts(
        lambda molecule: MolecularField.from_model(trained, molecule),
        atoms,
        xc,
        basis,
        spin,
        [start.strip() for start in starts.split(",") if start.strip()],
        tolerance,
    )
    _show(runs)


def _read(structure: str, charge: int | None) -> "Atoms":
    from schnetpack_molfield.datasets.molecules import read_molecules

    atoms = read_molecules(structure)[-1]
    if charge is not None:
        atoms.info["charge"] = charge
    return atoms


def _show(runs: "list[ScfRun]") -> None:
    table = Table("start", "iterations", "seconds", "energy / Ha")
    for run in runs:
        note = "" if run.converged else " (not converged)"
        numbers = (str(run.cycles), f"{run.seconds:.1f}", f"{run.energy:.8f}{note}")
        table.add_row(run.start, *numbers)
    Console().print(table)
