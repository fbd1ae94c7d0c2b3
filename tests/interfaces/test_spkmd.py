"""Constant pressure with SchNetPack's own molecular dynamics, on argon by Lennard-Jones."""

from pathlib import Path

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase.build import bulk
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from schnetpack import properties
from schnetpack.md import Simulator, System, UniformInit
from schnetpack.md.data import HDF5Loader
from schnetpack.md.integrators import NPTVelocityVerlet
from schnetpack.md.neighborlist_md import NeighborListMD
from schnetpack.md.simulation_hooks import FileLogger, MoleculeStream, PropertyStream
from schnetpack.model import NeuralNetworkPotential
from schnetpack.transform import MatScipyNeighborList
from torch import nn

from schnetpack_molfield.interfaces.spkmd import SpkmdCalculator

CUTOFF = 7.5
pytestmark = [
    pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Using torch.cross without specifying the dim"),
]


class LennardJones(nn.Module):
    """Argon with shifted forces, as a representation that writes the energy at once."""

    cutoff = CUTOFF

    def __init__(self):
        super().__init__()
        self.model_outputs = ["energy"]
        self.depth = nn.Parameter(torch.tensor(0.0104))  # eV

    def forward(self, inputs):
        r = inputs[properties.Rij].norm(dim=1)  # (n_pairs,) Angstrom
        at_cutoff, slope = self.pair(torch.tensor(CUTOFF)), self.slope(torch.tensor(CUTOFF))
        pairs = self.pair(r) - at_cutoff - (r - CUTOFF) * slope
        idx_m = inputs[properties.idx_m][inputs[properties.idx_i]]
        energy = r.new_zeros(len(inputs[properties.n_atoms]))
        inputs["energy"] = energy.index_add(0, idx_m, pairs / 2)
        return inputs

    def pair(self, r):
        return 4 * self.depth * ((3.4 / r) ** 12 - (3.4 / r) ** 6)

    def slope(self, r):
        return 4 * self.depth * (6 * (3.4 / r) ** 6 - 12 * (3.4 / r) ** 12) / r


@pytest.fixture
def model(tmp_path: Path) -> Path:
    potential = NeuralNetworkPotential(
        LennardJones(),
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Forces()],
    )
    torch.save(potential, tmp_path / "best_model")
    return tmp_path / "best_model"


@pytest.fixture(scope="module")
def config():
    """The shipped configuration, whose barostat is under test."""
    files = ["model_file=x", "molecule_file=x"]
    with initialize_config_module("schnetpack_molfield.configs", version_base="1.2"):
        return compose("molfield_npt", overrides=[*files, "temperature=20.0"])


def simulate(model, config, lattice, order, n_steps, hooks=()):
    """Volume of the box in cubic Angstrom before and after, and the simulator."""
    atoms = bulk("Ar", "fcc", a=lattice, cubic=True).repeat(2)
    atoms.set_cell(atoms.cell[list(order)])
    system = System()
    system.load_molecules(atoms)
    torch.manual_seed(0)
    UniformInit(20.0, True, True, False).initialize_system(system)
    calculator = SpkmdCalculator(
        str(model),
        "forces",
        "eV",
        "Angstrom",
        NeighborListMD(CUTOFF, 1.0, MatScipyNeighborList),
        energy_key="energy",
        stress_key="stress",
        required_properties=["energy", "forces"],
    )
    barostat = instantiate(config.dynamics.barostat)
    integrator = NPTVelocityVerlet(4.0, barostat)
    simulator = Simulator(system, integrator, calculator, [barostat, *hooks], progress=False)
    simulator.to(torch.float64).simulate(n_steps)
    return atoms.get_volume(), float(system.volume.abs()) * 1e3, simulator


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2)], ids=["right-handed", "left-handed"])
@pytest.mark.parametrize("lattice", [5.5, 5.1], ids=["expanded", "compressed"])
def test_a_box_goes_to_its_own_volume(model, config, lattice, order):
    """An expanded crystal shrinks, a compressed one grows; at rest it has 5.3 Angstrom."""
    before, after, simulator = simulate(model, config, lattice, order, 10)
    assert (simulator.system.volume > 0).all()
    low, high = (0.9, 0.9999) if lattice > 5.3 else (1.0001, 1.25)
    assert low < after / before < high


def test_stress_is_logged(model, config, tmp_path):
    streams = [MoleculeStream(store_velocities=True), PropertyStream(["energy", "stress"])]
    logger = FileLogger(str(tmp_path / "md.hdf5"), 2, streams, precision=64)
    _, volume, simulator = simulate(model, config, 5.4, (1, 0, 2), 2, [logger])
    loader = HDF5Loader(str(tmp_path / "md.hdf5"))
    stress = np.asarray(loader.get_property("stress", atomistic=False))
    assert stress.shape[-2:] == (3, 3) and np.abs(stress).max() > 0
    last = simulator.system.cells[0, 0].numpy() * 10  # Angstrom
    assert np.linalg.det(last) == pytest.approx(volume)
