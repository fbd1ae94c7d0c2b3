from pathlib import Path

import numpy as np
import pytest
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import read_archive, write_database


def read_back(path: Path) -> tuple[ASEAtomsData, list[dict]]:
    database = ASEAtomsData(str(path))
    return database, [database[index] for index in range(len(database))]


def test_round_trip(save, frames, tmp_path: Path) -> None:
    written = write_database(tmp_path / "new.db", [read_archive(save(frames))])
    database, rows = read_back(tmp_path / "new.db")
    assert written == [[0, 1, 2, 3, 4]]
    assert database.units["forces"] == "eV/Ang"
    assert database.distance_unit == "Ang"
    assert database.atomrefs["energy"][1] == pytest.approx(-13.6)
    for row, position, forces, energy in zip(
        rows, frames["R"], frames["F_eV_A"], frames["E_eV"], strict=True
    ):
        np.testing.assert_array_equal(row["_positions"].numpy(), position)
        np.testing.assert_array_equal(row["forces"].numpy(), forces)
        assert row["energy"].tolist() == [energy]
        assert row["_cell"][0].diagonal().tolist() == [9, 9, 9]


def test_more_frames_than_one_chunk(save, frames, tmp_path: Path) -> None:
    many = {key: np.repeat(value, 450, axis=0) for key, value in frames.items() if key != "Z"}
    source = read_archive(save(many | {"Z": frames["Z"], "iso_atom_E_eV": np.zeros((1, 2))}))
    write_database(tmp_path / "new.db", [source])
    database, rows = read_back(tmp_path / "new.db")
    assert [row["energy"].item() for row in rows] == many["E_eV"].tolist()


def test_existing_database_is_kept(save, frames, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="--force"):
        write_database(path, [read_archive(save(frames))])
    assert path.read_text() == "precious"
    write_database(path, [read_archive(save(frames))], overwrite=True)
    assert len(ASEAtomsData(str(path))) == 5


def spoil(array: np.ndarray, value: float, *index: int) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


@pytest.mark.parametrize(
    ("key", "value", "index", "message"),
    [
        ("R", np.nan, (3, 1, 0), r"frame 3: the position of atom 1 is \[nan"),
        ("R", np.inf, (0, 0, 0), "frame 0: the position of atom 0"),
        ("F_eV_A", np.nan, (2, 0, 0), r"forces: missing in 1 of 5 frames \(2\); --skip-missing"),
        ("E_eV", np.inf, (4,), "frame 4: 'energy' is inf"),
        ("Z", 0, (1,), "frame 0: atom 1 has no element"),
        ("Z", 200, (1,), "frame 0: atom 1 has no element"),
        ("cell_A", 0, (1,), "frame 1: it is periodic but its cell has no volume"),
    ],
)
def test_broken_frame_leaves_nothing(save, frames, tmp_path, key, value, index, message) -> None:
    archive = save(frames | {key: spoil(frames[key], value, *index)})
    with pytest.raises(ValueError, match=message) as error:
        write_database(tmp_path / "new.db", [read_archive(archive)])
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["archive.npz"]


def test_failed_replacement_keeps_the_old_database(save, frames, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    write_database(path, [read_archive(save(frames))])
    archive = save(frames | {"R": spoil(frames["R"], np.nan, 4, 0, 0)})
    with pytest.raises(ValueError, match="frame 4"):
        write_database(path, [read_archive(archive)], overwrite=True)
    assert len(ASEAtomsData(str(path))) == 5


def test_molecules_without_a_label_are_left_out_on_demand(save, molecules, tmp_path) -> None:
    source = read_archive(save(molecules))
    with pytest.raises(ValueError, match=r"gap: missing in 1 of 3 frames \(2\); --skip-missing"):
        write_database(tmp_path / "new.db", [source])
    assert write_database(tmp_path / "new.db", [source], skip_missing=True) == [[0, 1]]


def test_units_of_all_files_agree(save, frames, tmp_path: Path) -> None:
    archive = save(frames)
    sources = [read_archive(archive, {"energy": unit}) for unit in ("eV", "Ha")]
    with pytest.raises(ValueError, match="choose labels with --property"):
        write_database(tmp_path / "new.db", sources)


def test_other_suffix(save, frames, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must end in .db"):
        write_database(tmp_path / "new.sqlite", [read_archive(save(frames))])


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    from schnetpack_molfield.datasets.database import check_target

    with pytest.raises(FileNotFoundError, match="folder of .*nodir/x.db does not exist"):
        check_target(tmp_path / "nodir" / "x.db", overwrite=False)
    assert not (tmp_path / "nodir").exists()
