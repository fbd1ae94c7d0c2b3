"""Cube files of electron densities as training data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.units import Bohr
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import Request, read_frames, write_database
from schnetpack_molfield.fields import Grid, PromoleculeDensity
from schnetpack_molfield.fields.cube import write_cube
from schnetpack_molfield.transform import GridPoints


def density(name: str) -> tuple[Atoms, Grid, np.ndarray]:
    """A promolecule in e/Ang^3 on a grid whose vectors are turned and of different lengths."""
    atoms = molecule(name)
    shape = (24, 22, 20)
    steps = np.array([[0.3, 0.1, 0], [-0.1, 0.35, 0], [0, 0.05, 0.4]])
    middle = atoms.positions.mean(axis=0)
    grid = Grid(middle - np.array(shape) / 2 @ steps, steps, shape).as_written_in_cube()
    field = PromoleculeDensity().of(atoms, dtype=torch.float64)
    return atoms, grid, field(grid.points).view(shape).numpy()


@pytest.mark.parametrize(
    ("factor", "comment"),
    [(Bohr**3, "from some program"), (1.0, "from another"), (1.0, "rho (e/Ang^3)")],
)
def test_densities_come_back_at_their_points(tmp_path: Path, factor: float, comment: str) -> None:
    for name in ("H2O", "CH4"):
        atoms, grid, values = density(name)
        write_cube(tmp_path / f"{name}.cube", atoms, grid, factor * values, comment)
    sources = [read_frames(file, Request()) for file in sorted(tmp_path.glob("*.cube"))]
    write_database(tmp_path / "rho.db", sources)
    data = ASEAtomsData(str(tmp_path / "rho.db"), transforms=[GridPoints(n_points=None)])
    assert len(data) == 2 and data.units["electron_density"] == "e/Ang^3"
    for index, name in enumerate(("CH4", "H2O")):
        sample = data[index]
        exact = PromoleculeDensity().of(molecule(name), dtype=torch.float64)
        expected = exact(sample["field_points"])
        torch.testing.assert_close(
            sample["electron_density"].double(), expected, rtol=3e-5, atol=1e-6
        )


def test_what_is_no_density(tmp_path: Path) -> None:
    atoms, grid, values = density("H2O")
    write_cube(tmp_path / "x.cube", atoms, grid, values - values.mean(), "potential")
    with pytest.raises(ValueError, match="no electron density, and nothing else"):
        read_frames(tmp_path / "x.cube", Request())
    write_cube(tmp_path / "x.cube", atoms, grid, 1000 * values, "rho")
    with pytest.raises(ValueError, match=r"beyond the cores it adds up to .* OH2 has some 8"):
        read_frames(tmp_path / "x.cube", Request())
    write_cube(tmp_path / "x.cube", atoms, grid, 0.3 * values, "rho (e/Ang^3)")
    read_frames(tmp_path / "x.cube", Request())  # what the file says wins, if it may be
    text = (tmp_path / "x.cube").read_text()
    (tmp_path / "x.cube").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match="not a complete cube file"):
        read_frames(tmp_path / "x.cube", Request())
