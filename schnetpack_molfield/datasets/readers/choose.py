"""Which reader a file needs, by its ending or by how it begins."""

from collections.abc import Mapping
from pathlib import Path

from ase.io.formats import UnknownFileTypeError, filetype

from schnetpack_molfield.datasets.frames import RawSource
from schnetpack_molfield.datasets.readers.archives import open_archive
from schnetpack_molfield.datasets.readers.ase_files import open_ase_file
from schnetpack_molfield.datasets.readers.lammps import is_data_file, open_data_file, open_dump
from schnetpack_molfield.datasets.readers.proteins import open_cif, open_pdb
from schnetpack_molfield.datasets.readers.qm9_files import is_qm9_file, open_qm9_files
from schnetpack_molfield.datasets.readers.schnetpack_db import open_database
from schnetpack_molfield.datasets.readers.sdf import open_sdf
from schnetpack_molfield.grid_files import is_grid_file
from schnetpack_molfield.text_files import structure_suffix

__all__ = ["open_file"]

_BY_ENDING = {
    ".npz": open_archive,
    ".db": open_database,
    ".sdf": open_sdf,
    ".sd": open_sdf,
    ".mol": open_sdf,
    ".pdb": open_pdb,
    ".ent": open_pdb,
    ".cif": open_cif,
    ".mmcif": open_cif,
}


def open_file(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open any file that an import takes.

    Args:
        path: the file, or a folder of QM9's own files.
        elements: of atom types that are no elements, by the name of the type.

    Raises:
        ValueError: if it is of a kind that can't be read.
    """
    suffix = structure_suffix(path)
    if path.is_file() and is_grid_file(path):
        from schnetpack_molfield.datasets.readers.volumes import open_volume  # it brings torch

        return open_volume(path, elements)
    if suffix in _BY_ENDING and not path.is_dir():
        return _BY_ENDING[suffix](path, elements)
    if is_qm9_file(path):
        return open_qm9_files(path, elements)
    if path.is_dir():
        raise ValueError("it is a folder; only folders of QM9's own files can be read")
    if is_data_file(path):
        return open_data_file(path, elements)
    try:
        if filetype(str(path)) == "lammps-dump-text":
            return open_dump(path, elements)
    except UnknownFileTypeError as error:
        raise ValueError("its format isn't known to ASE") from error
    return open_ase_file(path, elements)
