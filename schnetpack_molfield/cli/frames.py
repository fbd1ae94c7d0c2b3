"""One frame of a file of many, FILE@NUMBER, and the field of a sample that carries its latent."""

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms
    from schnetpack.model import AtomisticModel

    from schnetpack_molfield.fields import MolecularField

__all__ = ["field_of_sample", "read_frame", "read_structure", "split_frame"]


def split_frame(name: str) -> tuple[str, int | None]:
    """The file and the number of FILE@NUMBER, counted from 0; no number for another name."""
    found = re.fullmatch(r"(.+)@(\d+)", name)
    if found is None or Path(name).exists() or not Path(found[1]).is_file():
        return name, None
    return found[1], int(found[2])


def read_structure(name: str, length_unit: str | None = None) -> "Atoms":
    """The only or the last structure of a file, the one of FILE@NUMBER, or that of a SMILES.

    Args:
        name: of the file, or the SMILES string.
        length_unit: of files that state none, see `read_molecules`.
    """
    from schnetpack_molfield.datasets.molecules import read_molecules

    path, number = split_frame(name)
    return read_molecules(path, length_unit)[-1] if number is None else read_frame(path, number)


def read_frame(path: str, number: int) -> "Atoms":
    """A frame of a file, with its latent in `info` if it carries one.

    Raises:
        ValueError: if there is no such frame.
    """
    from schnetpack_molfield import properties as keys
    from schnetpack_molfield.datasets.readers import open_file

    frame = next(islice(open_file(Path(path), {}).read(), number, None), None)
    if frame is None:
        raise ValueError(f"{path} has no frame {number}; they are counted from 0")
    if keys.latent in frame.values:
        frame.atoms.info[keys.latent] = frame.values[keys.latent].data.ravel()
    return frame.atoms


def field_of_sample(
    model: "AtomisticModel", atoms: "Atoms | None", device: str
) -> "MolecularField | None":
    """The function of the latent that a sample carries; None without one.

    Raises:
        ValueError: for a latent of another model.
    """
    import torch

    from schnetpack_molfield import properties as keys
    from schnetpack_molfield.fields import LatentSpace

    autoencoder = getattr(model, "autoencoder", model)
    if (
        atoms is None
        or keys.latent not in atoms.info
        or not hasattr(autoencoder.representation, "encode")
    ):
        return None
    latent = torch.as_tensor(atoms.info[keys.latent])
    return LatentSpace(autoencoder, device).field(latent, atoms)
