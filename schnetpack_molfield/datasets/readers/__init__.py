"""Readers: each turns one kind of file into frames with everything numeric that it has."""

from schnetpack_molfield.datasets.readers.archives import open_archive
from schnetpack_molfield.datasets.readers.choose import open_file

__all__ = ["open_archive", "open_file"]
