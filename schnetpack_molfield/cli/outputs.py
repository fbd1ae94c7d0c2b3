"""What a command writes: lines, and the names of its files, one for each of several structures."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

__all__ = ["output_files", "say", "short_names"]


def say(line: str, stderr: bool = False) -> None:
    """Print a line as it is: brackets of a path or a SMILES aren't markup."""
    Console(stderr=stderr).print(line, soft_wrap=True, highlight=False, markup=False)


def short_names(structures: Sequence[str]) -> list[str]:
    """A name for each structure, fit for a file: that of its file, or the letters of its SMILES.

    Names that come twice are numbered from the second on.
    """
    names: list[str] = []
    for structure in structures:
        file = Path(structure.removesuffix(".gz"))
        text = file.stem if Path(structure).is_file() else structure
        name = re.sub(r"[^\w-]+", "_", text).strip("_") or "structure"
        again = sum(other == name or other.startswith(f"{name}_#") for other in names)
        names.append(f"{name}_#{again + 1}" if again else name)
    return [name.replace("_#", "_") for name in names]


def output_files(out: Path, structures: Sequence[str]) -> list[Path]:
    """The file for each structure: `out`, or for several `rho_water.cube`, `rho_ethanol.cube`."""
    if len(structures) < 2:
        return [out]
    return [out.with_name(f"{out.stem}_{name}{out.suffix}") for name in short_names(structures)]
