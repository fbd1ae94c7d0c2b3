"""Bytes of files and what text they mean."""

import gzip

import pytest

from schnetpack_molfield.text_files import read_text, structure_suffix

TEXT = "1\nµ = 1.8 D\nO 0 0 0\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path, encoding, end):
    path = tmp_path / "x.xyz"
    path.write_bytes(TEXT.replace("\n", end).encode(encoding))
    assert read_text(path) == TEXT


@pytest.mark.parametrize("start", ["\ufeff", "\x00", "\u200b", "\ufeff\ufeff", "\x1a\x00"])
def test_characters_without_a_meaning_at_the_start(tmp_path, start):
    path = tmp_path / "x.xyz"
    path.write_bytes((start + TEXT).encode())
    assert read_text(path) == TEXT


def test_a_mark_of_utf8_before_latin1(tmp_path):
    path = tmp_path / "x.xyz"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode("latin-1"))
    assert read_text(path) == TEXT


def test_gzip_whole_and_cut(tmp_path):
    path = tmp_path / "x.xyz.gz"
    whole = gzip.compress(TEXT.encode())
    path.write_bytes(whole)
    assert read_text(path) == TEXT
    for n in (len(whole) - 1, len(whole) // 2, 12):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match="compressed data is cut off or broken"):
            read_text(path)


@pytest.mark.parametrize("name", ["a.PDB", "a.pdb.gz", "b.c.Pdb.GZ", "/x.y/a.pdb"])
def test_endings(name):
    assert structure_suffix(name) == ".pdb"
    assert structure_suffix("CC(=O)O") == ""
