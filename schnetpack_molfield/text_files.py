"""Text of structure files as it was meant: whatever the encoding, compression and line ends."""

import codecs
import gzip
import zlib
from pathlib import Path

__all__ = [
    "CIF",
    "CUT_OFF",
    "PDB",
    "SDF",
    "XYZ",
    "check_structure_file",
    "read_text",
    "structure_suffix",
]

#: Endings of structure files; another name that isn't a file may be a SMILES string.
PDB = (".pdb", ".ent")
CIF = (".cif", ".mmcif")
SDF = (".sdf", ".mol")
XYZ = (".xyz", ".extxyz")

#: What is said of a file that misses its end.
CUT_OFF = "may be cut off; if it is whole, add a last line"

#: Marks of an encoding at the start of a file; UTF-32 comes first, its mark begins like UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}

#: Characters without a meaning that editors and transfers leave at the start.
_JUNK = "\ufeff\ufffe\u200b\u2060\x00\x1a"


def read_text(path: str | Path) -> str:
    r"""The text of a file, plain or compressed by gzip, with lines that end in "\n".

    A byte-order mark and other characters without a meaning at the start are left out. Bytes that
    aren't UTF-8 are taken for Latin-1, in which any text can be read.

    Raises:
        OSError: if it can't be opened.
        ValueError: if a compressed file is cut off or broken.
    """
    content = Path(path).read_bytes()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"its compressed data is cut off or broken: {error}") from error
    text = _decode(content).lstrip(_JUNK)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(content: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def structure_suffix(path: str | Path) -> str:
    """Ending of a file's name in lower case, without that of the compression."""
    name = str(path).lower().removesuffix(".gz")
    return Path(name).suffix


def check_structure_file(source: str | Path) -> None:
    """Raise FileNotFoundError for a name with the ending of a structure file that is no file."""
    if structure_suffix(source) in (*PDB, *CIF, *SDF, *XYZ) and not Path(source).is_file():
        raise FileNotFoundError(f"{source} isn't a file")
