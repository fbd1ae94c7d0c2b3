"""`molfield interpolate A B`: the steps between two different molecules, in files."""

from pathlib import Path
from typing import TYPE_CHECKING

from schnetpack_molfield.cli.frames import read_structure
from schnetpack_molfield.cli.outputs import say
from schnetpack_molfield.grid_files.endings import CUBES

if TYPE_CHECKING:
    from schnetpack_molfield.fields import MolecularField

__all__ = ["ENDINGS", "fields_between"]

#: Kinds of files for steps between molecules, beside those of a fit.
ENDINGS = (".npz", *CUBES, ".png", ".extxyz")


def fields_between(
    model: Path, first: str, second: str, steps: int, device: str = "cpu"
) -> "list[MolecularField]":
    """Fields of the latents between two molecules, each with the atoms that it shows.

    Args:
        model: an auto-encoder, or a prior over its latents.
        first: a file, FILE@NUMBER or a SMILES string.
        second: likewise.
        steps: number of fields, both ends counted in.
        device: where to compute.

    Raises:
        ValueError: for a model without latents, or a molecule that they can't hold.
    """
    from schnetpack_molfield.fields import LatentSpace
    from schnetpack_molfield.generation.interpolation import latent_path
    from schnetpack_molfield.generation.model import latent_sizes
    from schnetpack_molfield.generation.sampling import with_latents
    from schnetpack_molfield.model_files import load_model_file

    loaded = load_model_file(model)
    autoencoder = getattr(loaded, "autoencoder", loaded)
    sizes = latent_sizes(autoencoder)
    space = LatentSpace(autoencoder, device)
    latents = latent_path(space, sizes, read_structure(first), read_structure(second), steps)
    fields = []
    for step, atoms in enumerate(with_latents(space.decode(latents), latents)):
        say(f"step {step}: {atoms.get_chemical_formula('hill') or 'no atoms'}")
        fields.append(space.field(latents[step], atoms))
    return fields
