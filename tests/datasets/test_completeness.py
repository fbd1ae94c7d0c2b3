"""Which frames lack which labels, and what becomes of them."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import read_structures, write_database
from schnetpack_molfield.datasets.completeness import ranges


def water(**results: float | np.ndarray) -> Atoms:
    atoms = molecule("H2O")
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def save(path: Path, frames: list[Atoms]) -> Path:
    write(path, frames, format="extxyz")
    return path


FORCES = np.arange(9.0).reshape(3, 3)
BOTH = {"energy": 1.0, "forces": FORCES}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
def test_frames_without_a_label_stand_anywhere(tmp_path: Path, order: list[int]) -> None:
    frames = [water(**BOTH), water(energy=2.0), water(forces=FORCES), water(**BOTH)]
    source = read_structures(save(tmp_path / "a.xyz", [frames[i] for i in order]))
    assert set(source.units) == {"energy", "forces"}
    place = {frame: order.index(frame) for frame in range(4)}
    with pytest.raises(ValueError, match="--skip-missing") as error:
        write_database(tmp_path / "new.db", [source])
    assert f"forces: missing in 1 of 4 frames ({place[1]})" in str(error.value)
    assert f"energy: missing in 1 of 4 frames ({place[2]})" in str(error.value)
    assert not (tmp_path / "new.db").exists()
    notes: list[str] = []
    written = write_database(tmp_path / "new.db", [source], skip_missing=True, note=notes.append)
    assert written == [sorted([place[0], place[3]])]
    assert len(notes) == 1
    assert "left out 2 of 4 frames" in notes[0]
    assert len(ASEAtomsData(str(tmp_path / "new.db"))) == 2


def test_a_file_without_the_label_of_another_one(tmp_path: Path) -> None:
    sources = [
        read_structures(save(tmp_path / "a.xyz", [water(**BOTH)])),
        read_structures(save(tmp_path / "b.xyz", [water(energy=2.0)] * 3)),
    ]
    with pytest.raises(ValueError, match=r"b.xyz: forces: missing in 3 of 3 frames \(0-2\)"):
        write_database(tmp_path / "new.db", sources)
    assert write_database(tmp_path / "new.db", sources, skip_missing=True) == [[0], []]


def test_no_frame_is_complete(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xyz", [water(energy=2.0), water(forces=FORCES)])
    with pytest.raises(ValueError, match="no frame has all of"):
        write_database(tmp_path / "new.db", [read_structures(path)], skip_missing=True)
    assert not (tmp_path / "new.db").exists()


def test_bare_frames_become_a_database_of_structures(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xyz", [molecule("H2O"), molecule("CH4")])
    assert write_database(tmp_path / "new.db", [read_structures(path)]) == [[0, 1]]


def test_numbers_in_short() -> None:
    assert ranges([9, 0, 1, 2, 4, 8]) == "0-2, 4, 8-9"
    assert ranges(range(0, 40, 2)).endswith("14, ...")
