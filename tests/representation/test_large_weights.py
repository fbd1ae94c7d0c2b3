"""What grows is bounded: large weights and large rates leave a smooth, symmetric potential."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.calculators.lj import LennardJones
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList
from scipy.spatial.transform import Rotation

from schnetpack_molfield.representation import MolField

CUTOFF = 5.0


def potential(width: int, depth: int = 3, dtype: torch.dtype = torch.float64, **options: object):
    torch.manual_seed(0)
    basis, cutoff_fn = GaussianRBF(20, CUTOFF), CosineCutoff(CUTOFF)
    representation = MolField(width, depth, basis, cutoff_fn, **options)
    heads = [Atomwise(width, output_key="energy"), Forces()]
    return NeuralNetworkPotential(representation, [PairwiseDistances()], heads).to(dtype)


def batch_of(structures: list[Atoms], dtype: torch.dtype = torch.float64):
    return AtomsConverter(ASENeighborList(CUTOFF), dtype=dtype)(structures)


def add_noise_of_their_size(model: torch.nn.Module, seed: int) -> None:
    """To every parameter; those that start at zero get noise of 0.1."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            size = parameter.square().mean().sqrt()
            parameter += torch.where(size > 0, size, 0.1) * torch.randn_like(parameter)


@pytest.mark.parametrize("charts", ["atom", "molecule"])
@pytest.mark.parametrize("seed", range(2))
def test_noise_of_the_size_of_the_weights_leaves_it_smooth_and_symmetric(seed, charts):
    """Unbounded products jumped by 2,000 eV over 1e-3 Angstrom and lost all symmetry."""
    model = potential(64, charts=charts)
    add_noise_of_their_size(model, seed)
    methane, path, turned = molecule("CH4"), [], []
    for step in range(11):
        path.append(methane.copy())
        path[-1].positions[1, 0] += 1e-3 * step
    energies = model(batch_of(path))["energy"].detach()
    assert energies.diff().abs().max() < 0.5
    for rotation in Rotation.random(5, random_state=0):
        turned.append(methane.copy())
        turned[-1].positions = rotation.apply(methane.positions)
    energies = model(batch_of(turned))["energy"].detach()
    assert (energies - energies[0]).abs().max() < 1e-12 * max(1.0, energies.abs().max().item())


@pytest.mark.parametrize("width", [32, 256])
@pytest.mark.parametrize("depth", [2, 6])
def test_features_start_of_order_one_at_every_size(width, depth):
    """Second moments of the scalars don't depend on width and depth; gates saturate at 1."""
    sizes = []
    model = potential(width, depth, torch.float32)
    for module in model.modules():
        if type(module).__name__ == "AtomUpdate":
            module.register_forward_hook(
                lambda _, inputs, x: sizes.append(
                    [float(t.detach()[:, 0].square().mean().sqrt()) for t in (inputs[0], x)]
                )
            )
    model(batch_of([molecule("CH3CH2OH")], torch.float32))
    sizes = np.array(sizes)  # (n_rounds, 2)
    assert len(sizes) == depth
    assert np.all((sizes > 0.7) & (sizes < 1.4))


def test_a_rate_of_8e_3_trains_without_clipping():
    """As PaiNN does: an unbounded build of these products gave NaN after 200 steps of 4e-3."""
    rng = np.random.default_rng(0)
    frames = [molecule("CH3CH2OH") for _ in range(8)]
    for frame in frames:
        frame.positions += rng.normal(scale=0.08, size=(9, 3))
        frame.calc = LennardJones(sigma=1.2, epsilon=0.1, rc=CUTOFF)
    forces = torch.tensor(np.concatenate([frame.get_forces() for frame in frames])).float()
    forces = forces.clamp(-2, 2)
    batch = batch_of(frames, torch.float32)
    model = potential(32, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (model(dict(batch))[properties.forces] - forces).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.all(np.isfinite(losses))
    assert losses[-1] < 0.5 * forces.square().mean().item()
