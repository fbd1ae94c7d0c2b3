from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from schnetpack_molfield.datasets import Request, read_frames, read_structures


def labelled(atoms: Atoms, energy: float, **info: float) -> Atoms:
    forces = np.arange(3.0 * len(atoms)).reshape(-1, 3)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    atoms.info |= info
    return atoms


@pytest.fixture
def extxyz(tmp_path: Path) -> Path:
    path = tmp_path / "frames.extxyz"
    write(path, [labelled(molecule(name), n) for n, name in enumerate(["H2O", "CH4", "C6H6"])])
    return path


def test_energy_and_forces_in_ase_units(extxyz: Path) -> None:
    source = read_structures(extxyz)
    assert source.units == {"energy": "eV", "forces": "eV/Ang"}
    frames = list(source.read())
    assert [len(atoms) for atoms, _ in frames] == [3, 5, 12]
    assert [float(labels["energy"][0]) for _, labels in frames] == [0, 1, 2]
    # water: three forces on three atoms, not a 3x3 tensor of the molecule
    assert frames[0].properties["forces"].shape == (3, 3)
    assert frames[0].properties["energy"].shape == (1,)


def test_stress_becomes_a_matrix(tmp_path: Path) -> None:
    atoms = Atoms("He", cell=[3, 3, 3], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, stress=np.arange(6.0))
    write(tmp_path / "he.traj", atoms)
    labels = next(read_structures(tmp_path / "he.traj").read()).properties
    assert labels["stress"].shape == (1, 3, 3)
    assert labels["stress"][0, 0, 1] == 5


def test_labels_under_other_names(tmp_path: Path) -> None:
    write(tmp_path / "a.xyz", labelled(molecule("H2"), 0.0, dft_energy=-31.0), format="extxyz")
    request = Request({"dft_energy": "eV"}, {"dft_energy": "energy"})
    source = read_frames(tmp_path / "a.xyz", request)
    assert source.units == {"energy": "eV"}
    assert next(source.read()).properties["energy"] == [-31.0]


@pytest.mark.parametrize("lines", [2, 9, 15])
def test_truncated_file_names_the_frame(extxyz: Path, lines: int) -> None:
    text = extxyz.read_text().splitlines(keepends=True)
    extxyz.write_text("".join(text[:lines]))
    frame = {2: 0, 9: 1, 15: 2}[lines]
    with pytest.raises(ValueError, match=f"frame {frame} can't be read"):
        list(read_structures(extxyz).read())


def test_unknown_element(extxyz: Path) -> None:
    extxyz.write_text(extxyz.read_text().replace("C ", "Qq", 1))
    with pytest.raises(ValueError, match="frame 1 can't be read.*Qq"):
        list(read_structures(extxyz).read())


def written(path: Path, comment: str) -> Path:
    """Two frames of water with a comment line."""
    atoms = "O 0 0 {0}\nH 0 0.75 0.59\nH 0 -0.75 0.59\n"
    path.write_text("".join(f"3\n{comment}\n{atoms.format(z)}" for z in (0.0, 0.1)))
    return path


@pytest.mark.parametrize(
    "box",
    [
        'cell="9 0 0 0 9 0 0 0 9"',
        'lattice="9 0 0 0 9 0 0 0 9"',
        'box="9 9 9"',
        "boxlength=9.0",
        'unit_cell="9 9 9 90 90 90"',
    ],
)
def test_a_box_that_isnt_read_is_asked_about(tmp_path: Path, box: str) -> None:
    path = written(tmp_path / "a.xyz", f"{box} energy=-1.0")
    with pytest.raises(ValueError, match=f"'{box.partition('=')[0]}' of frame 0 .*'Lattice'"):
        read_structures(path)
    assert read_structures(path, {"energy": None}).count == 2


@pytest.mark.parametrize(
    ("comment", "key"),
    [("energy: -76.4", "energy:"), ("Energy -76.4", "Energy"), ("id: 7 Epot: -76.4", "Epot:")],
)
def test_numbers_behind_a_word_are_asked_about(tmp_path: Path, comment: str, key: str) -> None:
    path = written(tmp_path / "a.xyz", comment)
    with pytest.raises(ValueError, match=f"{key!r} of frame 0 .*did you mean 'energy' in eV"):
        read_structures(path)
    source = read_frames(path, Request({key: "Ha"}, {key: "energy"}))
    assert source.units == {"energy": "Ha"}
    assert next(source.read()).properties["energy"] == [-76.4]


def test_a_lone_number_is_named(tmp_path: Path) -> None:
    assert read_structures(written(tmp_path / "a.xyz", "-76.4")).left_out == ("comment",)


@pytest.mark.parametrize("text", ["-76.4Ha", '"-76.4 Ha"', "-7.64d1"])
def test_text_in_the_place_of_an_energy(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "a.xyz", f"energy={text}")
    with pytest.raises(ValueError, match="frame 0 can't be read .*'energy' is .*, not a number"):
        read_structures(path)


def test_none_is_a_missing_energy(tmp_path: Path) -> None:
    frame = next(read_structures(written(tmp_path / "a.xyz", "energy=None")).read())
    assert np.isnan(frame.properties["energy"]).all()


@pytest.mark.parametrize(
    ("comment", "name", "unit", "value"),
    [
        ("energy_kcal_mol=-5.0", "energy", "kcal/mol", -5.0),
        ("E_ha=-5.0", "energy", "Ha", -5.0),
        ("energy_meV=-5.0", "energy", "eV", -5e-3),
        ("energy=-5.0 energy_unit=kcal/mol", "energy", "kcal/mol", -5.0),
        ("energy=-5.0 Energy_Units=Hartree", "energy", "Ha", -5.0),
        ("energy=-5.0 units=eV", "energy", "eV", -5.0),
        ("energy=-5.0 unit_cell=conventional community=a", "energy", "eV", -5.0),
    ],
)
def test_units_in_keys_and_words(
    tmp_path: Path, comment: str, name: str, unit: str, value: float
) -> None:
    source = read_structures(written(tmp_path / "a.xyz", comment))
    assert source.units == {name: unit}
    assert next(source.read()).properties[name] == pytest.approx(value, rel=1e-15)


def test_length_unit_in_words(tmp_path: Path) -> None:
    source = read_structures(written(tmp_path / "a.xyz", "energy=-5.0 length_unit=nm"))
    assert next(source.read()).atoms.positions[1, 1] == pytest.approx(7.5)


@pytest.mark.parametrize("comment", ["energy=-5.0 units=Ha", "energy=-5.0 Ha"])
def test_unit_of_nothing_in_particular_is_asked_about(tmp_path: Path, comment: str) -> None:
    path = written(tmp_path / "a.xyz", comment)
    with pytest.raises(ValueError, match="units?='Ha', and not of what; pass --property energy="):
        read_structures(path)
    assert read_structures(path, {"energy": "Ha"}).units == {"energy": "Ha"}


def test_frames_in_different_units(tmp_path: Path) -> None:
    first = written(tmp_path / "a.xyz", "energy=-5.0 energy_unit=eV").read_text()
    second = written(tmp_path / "a.xyz", "energy=-5.0 energy_unit=Ha").read_text()
    (tmp_path / "a.xyz").write_text(first + second)
    with pytest.raises(ValueError, match="energy_unit 'eV' and 'Ha'; write a file for each"):
        read_structures(tmp_path / "a.xyz")
