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
