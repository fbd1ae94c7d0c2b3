"""VASP's files: spin, augmentation, potentials, and what is cut off."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from schnetpack_molfield.grid_files import read_volume
from schnetpack_molfield.grid_files.vasp import is_vasp_file

CELL = np.array([[6.0, 0, 0], [1.0, 5.0, 0], [0, 0.5, 4.0]])
SHAPE = (2, 3, 4)
AUGMENTATION = "augmentation occupancies   1   2\n  0.1000000E+01  0.2000000E+01\n"


def write(path: Path, blocks: list[np.ndarray], end: str = AUGMENTATION) -> None:
    """A CHGCAR with numbers as they are in the file, first axis fastest, five in a row."""
    lines = ["water", "1.0", *(" ".join(map(str, row)) for row in CELL), "O H", "1 2", "Direct"]
    lines += ["0.1 0.1 0.1", "0.3 0.1 0.1", "0.1 0.3 0.1", ""]
    text = "\n".join(lines) + "\n"
    for block in blocks:
        flat = block.ravel(order="F")
        rows = [flat[k : k + 5] for k in range(0, len(flat), 5)]
        text += " ".join(map(str, SHAPE)) + "\n"
        text += "\n".join(" ".join(f"{x:.11E}" for x in row) for row in rows) + "\n" + end
    path.write_text(text)


def blocks(n: int) -> list[np.ndarray]:
    return [np.arange(24.0).reshape(SHAPE) * 10**k + 1 for k in range(n)]


@pytest.mark.parametrize("n_spins", [1, 2])
@pytest.mark.parametrize("end", ["", AUGMENTATION])
def test_densities_and_their_units(tmp_path, n_spins, end):
    path, written = tmp_path / "CHGCAR", blocks(n_spins)
    write(path, written, end)
    volume = read_volume(path)
    assert volume.units == ["e/Ang^3"] * n_spins
    assert volume.channels == ["electron_density", "spin_density"][:n_spins]
    for k, block in enumerate(written):
        np.testing.assert_allclose(volume.values[..., k] * np.linalg.det(CELL), block)
    np.testing.assert_allclose(volume.grid.points[1], CELL[2] / 4)
    np.testing.assert_allclose(volume.atoms.positions[1], np.array([0.3, 0.1, 0.1]) @ CELL)
    assert str(volume.atoms.symbols) == "OH2" and volume.atoms.pbc.all()
    path.with_name("CHGCAR.gz").write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_volume(tmp_path / "CHGCAR.gz").values, volume.values)


@pytest.mark.filterwarnings("ignore")
def test_other_programs_read_the_same(tmp_path):
    from ase.calculators.vasp import VaspChargeDensity

    path = tmp_path / "CHGCAR"
    write(path, blocks(2))
    volume = read_volume(path)
    theirs = VaspChargeDensity(str(path))
    np.testing.assert_allclose(volume.values[..., 0], theirs.chg[0])
    np.testing.assert_allclose(volume.values[..., 1], theirs.chgdiff[0])
    chgcar = pytest.importorskip("pymatgen.io.vasp").Chgcar.from_file(str(path))
    total = chgcar.data["total"] / chgcar.structure.volume
    np.testing.assert_allclose(volume.values[..., 0], total)
    np.testing.assert_allclose(volume.atoms.positions, chgcar.structure.cart_coords)


def test_a_potential_is_one(tmp_path):
    write(tmp_path / "LOCPOT", blocks(1), "")
    volume = read_volume(tmp_path / "LOCPOT")
    assert volume.titles() == ["local_potential (eV)"]
    np.testing.assert_allclose(volume.only(), blocks(1)[0])


def test_names():
    for name in ("CHGCAR", "CHGCAR.gz", "CHGCAR_sum", "x.CHGCAR", "AECCAR0", "LOCPOT", "PARCHG"):
        assert is_vasp_file(Path(name))
    assert not is_vasp_file(Path("OUTCAR")) and not is_vasp_file(Path("charge.xyz"))


def test_what_is_cut_off_or_no_number(tmp_path):
    path = tmp_path / "CHGCAR"
    write(path, blocks(1), "")
    text = path.read_text()
    path.write_text("\n".join(text.split("\n")[:-2]))
    with pytest.raises(ValueError, match="CHGCAR has 20 values of the 24 of its grid"):
        read_volume(path)
    path.write_text(text.replace("1.00000000000E+00", "************", 1))
    with pytest.raises(ValueError, match="CHGCAR has a value that is no number"):
        read_volume(path)
    path.write_text("\n".join(text.split("\n")[:9]))
    with pytest.raises(ValueError, match="CHGCAR is no file of VASP's with a grid"):
        read_volume(path)
    path.write_text("")
    with pytest.raises(ValueError, match="CHGCAR is no file of VASP's with a grid"):
        read_volume(path)
