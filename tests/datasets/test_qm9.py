from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from schnetpack import datasets
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import QM9, AtomsDatabase, DataError, QM9Sample, read_archive
from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.qm9 import SAMPLE
from schnetpack_molfield.datasets.qm9_reference import ATOMREFS, TARGETS
from schnetpack_molfield.transform import AddOffsets


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "sample.db"
    data = QM9Sample(**arguments(path))
    data.prepare_data()
    return path


def arguments(path: Path, **changes) -> dict:
    sizes = {"num_train": 1600, "num_val": 200, "batch_size": 10, "split_file": None}
    return {"datapath": str(path), "property": "energy_U0", **sizes, **changes}


def test_sample_is_small_and_complete(sample: Path) -> None:
    assert SAMPLE.stat().st_size < 1_000_000
    database = ASEAtomsData(str(sample))
    assert len(database) == 2000
    assert len(database.available_properties) == 15
    assert set(TARGETS) < set(database.available_properties)


def test_sample_energies_are_those_of_bound_molecules(sample: Path) -> None:
    """Atomisation energies: 3 to 6 eV for each atom of an organic molecule."""
    frames = read_archive(SAMPLE, {"energy_U0": None}).read()
    unit, references = ATOMREFS["energy_U0"]
    per_atom = [
        27.2114 * (labels["energy_U0"][0] - sum(references[z] for z in atoms.numbers)) / len(atoms)
        for atoms, labels in frames
    ]
    assert unit == "Ha"
    assert min(per_atom) > -6.0
    assert max(per_atom) < -3.0


def test_thermal_energies_are_ordered(sample: Path) -> None:
    arrays = np.load(SAMPLE)
    u0, u, h, g = (arrays[f"{name}_Ha"] for name in ("u0", "u298", "h298", "g298"))
    assert (g < u0).all() and (u0 < u).all() and (u < h).all()
    np.testing.assert_allclose(arrays["gap_Ha"], arrays["lumo_Ha"] - arrays["homo_Ha"], atol=2e-4)


def test_units_are_converted_and_offsets_known(sample: Path) -> None:
    data = QM9Sample(**arguments(sample, property_units={"energy_U0": "eV", "homo": "eV"}))
    data.prepare_data()
    data.setup()
    assert len(data.train_dataset) == 1600
    assert len(data.test_dataset) == 200
    assert data.train_dataset.units["energy_U0"] == "eV"
    assert data.train_dataset.atomrefs["energy_U0"][6] == pytest.approx(-37.846772 * 27.211386)
    assert "homo" not in data.train_dataset[0]


def test_unknown_target() -> None:
    with pytest.raises(ValueError, match="no property of QM9 is called 'enrgy_U0': did you mean"):
        QM9(**arguments(Path("qm9.db"), property="enrgy_U0"))


def test_without_network_one_line_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(self: datasets.QM9, *args: object, **kwargs: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(datasets.QM9, "_download_data", offline)
    monkeypatch.setattr(datasets.QM9, "_download_atomrefs", lambda self, tmpdir: {})
    data = QM9(**arguments(tmp_path / "qm9.db"))
    with pytest.raises(DataError, match="can't be downloaded .*data.datapath=.*molfield import"):
        data.prepare_data()
    assert data.datapath == str(tmp_path / "qm9.db")
    assert not list(tmp_path.iterdir())


def test_database_of_the_user_s_own(sample: Path) -> None:
    data = QM9(**arguments(sample))
    data.prepare_data()
    data.setup()
    assert len(data.train_dataset) == 1600


def test_too_small_for_the_split(sample: Path) -> None:
    data = QM9(**arguments(sample, num_train=110000))
    with pytest.raises(DataError, match=r"2000 structures, too few for data.num_train=110000"):
        data.prepare_data()


def test_database_without_the_property(save, molecules, tmp_path: Path) -> None:
    write_database(tmp_path / "a.db", [read_archive(save(molecules), {"energy_U0": None})])
    data = QM9(**arguments(tmp_path / "a.db", property="energy_U"))
    with pytest.raises(DataError, match="no property 'energy_U': did you mean 'energy_U0'"):
        data.prepare_data()


def test_database_without_single_atom_energies_gets_them(save, molecules, tmp_path: Path) -> None:
    """The isolated carbon tells its own; hydrogen's is that of the one structure left to fit."""
    del molecules["qm9_index"]
    write_database(tmp_path / "a.db", [read_archive(save(molecules), {"energy_U0": None})])
    changes = {"num_train": 1, "num_val": 1, "num_workers": 0}
    data = QM9(**arguments(tmp_path / "a.db", **changes))
    data.prepare_data()
    data.setup()
    data.train_idx = [0]
    offsets = AddOffsets("energy_U0")
    offsets.datamodule(data)
    assert offsets.atomref[6] == pytest.approx(-37.8)
    assert offsets.atomref[1] == pytest.approx(-0.55)


def test_missing_database_of_one_s_own(tmp_path: Path) -> None:
    options = arguments(tmp_path / "a.db", energy_key="energy", forces_key="forces")
    del options["property"]
    with pytest.raises(DataError, match="a.db doesn't exist; `molfield import"):
        AtomsDatabase(**options).prepare_data()
    assert not list(tmp_path.iterdir())
