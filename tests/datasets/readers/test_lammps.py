from pathlib import Path

import numpy as np
import pytest
from ase import units

from schnetpack_molfield.datasets import Request, read_frames
from schnetpack_molfield.datasets.frames import Frame

DUMP = """{units}ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0 10
0 10
0 10
ITEM: ATOMS id {column} x y z fx fy fz
2 {h} 0.96 0 0 4 5 6
1 {o} 0 0 0 1 2 3
3 {h} -0.24 0.93 0 7 8 9
"""
DATA = """water

3 atoms
2 atom types

0 10 xlo xhi
0 10 ylo yhi
0 10 zlo zhi
{masses}
Atoms # atomic

1 1 0 0 0
2 2 0.96 0 0
3 2 -0.24 0.93 0
"""
MAP = {"1": "O", "2": "H"}


def dump(path: Path, column: str, o: object, h: object, units: str = "") -> Path:
    frames = (DUMP.format(column=column, o=o, h=h, units=units, step=step) for step in (0, 1))
    path.write_text("".join(frames))
    return path


def read(path: Path, **request: object) -> list[Frame]:
    return list(read_frames(path, Request(**request)).read())


@pytest.mark.parametrize("name", ["a.dump", "a.lammpstrj", "dump.water"])
def test_types_need_a_map(tmp_path: Path, name: str) -> None:
    path = dump(tmp_path / name, "type", 1, 2)
    with pytest.raises(ValueError, match="has the types 1, 2|have the types 1, 2 .*pass --map"):
        read(path)
    frames = read(path, elements=MAP, properties={"forces": "eV/A"})
    assert [frame.atoms.numbers.tolist() for frame in frames] == [[8, 1, 1]] * 2
    assert frames[0].atoms.cell.lengths().tolist() == [10, 10, 10]


@pytest.mark.parametrize(("column", "o", "h"), [("element", "O", "H"), ("mass", 15.999, 1.008)])
def test_elements_and_masses_need_none(tmp_path: Path, column: str, o, h) -> None:
    (frame, _) = read(dump(tmp_path / "a.dump", column, o, h), properties={"forces": "eV/A"})
    assert frame.atoms.numbers.tolist() == [8, 1, 1]
    assert frame.properties["forces"].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_no_energy_is_made_up_and_no_unit(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.dump", "element", "O", "H")
    with pytest.raises(ValueError, match="the unit of 'forces' isn't known"):
        read(path)
    with pytest.raises(ValueError, match="no property 'energy'"):
        read(path, properties={"energy": None})
    assert read(path, properties={"none": None})[0].properties == {}


def test_stated_units(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.dump", "element", "O", "H", "ITEM: UNITS\nreal\n")
    forces = read(path)[0].properties["forces"]
    np.testing.assert_allclose(forces[0], np.arange(1, 4) * units.kcal / units.mol, rtol=1e-6)


def test_data_file(tmp_path: Path) -> None:
    path = tmp_path / "water.data"
    path.write_text(DATA.format(masses=""))
    with pytest.raises(ValueError, match="types 1, 2 and no elements"):
        read(path)
    assert read(path, elements=MAP)[0].atoms.numbers.tolist() == [8, 1, 1]
    path.write_text(DATA.format(masses="\nMasses\n\n1 15.999\n2 1.008\n"))
    assert read(path)[0].atoms.numbers.tolist() == [8, 1, 1]


def test_masses_of_beads(tmp_path: Path) -> None:
    path = tmp_path / "beads.data"
    path.write_text(DATA.format(masses="\nMasses\n\n1 72.0\n2 45.0\n"))
    with pytest.raises(ValueError, match="no elements; pass --map"):
        read(path)
