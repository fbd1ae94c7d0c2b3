"""Fixed models and what they say: numbers that no move or renaming may change.

The weights come from fixed seeds, those of the trained model from a file. To record the numbers
again, of a potential that is trained again, after a commit that is meant to change them:

    python tests/golden/cases.py
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.build import molecule
from ase.calculators.lj import LennardJones
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import AtomisticModel, NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList
from torch import Tensor, nn

from schnetpack_molfield import MolecularField
from schnetpack_molfield.atomistic import (
    ElectronDensity,
    FieldReadout,
    FieldValue,
    LearnedDistance,
    SignedDistance,
    VectorValue,
)
from schnetpack_molfield.representation import ChartAutoencoder, MolField, TrajectoryAtlas
from schnetpack_molfield.testing.potential import perturb

FOLDER = Path(__file__).parent
NUMBERS, TRAINED = FOLDER / "golden.npz", FOLDER / "trained"
CUTOFF, N_CHANNELS = 4.0, 8
DTYPES = {"float32": torch.float32, "float64": torch.float64}

Outputs = dict[str, np.ndarray]


def structures() -> list[Atoms]:
    """Bent, tetrahedral, and without any symmetry."""
    ethanol = molecule("CH3CH2OH")
    ethanol.positions += np.random.default_rng(0).normal(scale=0.1, size=(9, 3))
    return [molecule("H2O"), molecule("CH4"), ethanol]


def points(n: int = 12) -> np.ndarray:
    """Points (n, 3) among the atoms and around them, in Angstrom."""
    return np.random.default_rng(1).normal(scale=1.5, size=(n, 3))


def _build(representation: nn.Module, *heads: nn.Module, local: bool = True) -> AtomisticModel:
    inputs = [PairwiseDistances()] if local else []
    model = NeuralNetworkPotential(representation, inputs, list(heads))
    perturb(model, 1)
    return model.eval()


def _molfield(n_interactions: int = 3, **options: object) -> MolField:
    torch.manual_seed(0)
    basis, cutoff_fn = GaussianRBF(8, CUTOFF), CosineCutoff(CUTOFF)
    return MolField(N_CHANNELS, n_interactions, basis, cutoff_fn, **options)


def _energy(**options: object) -> AtomisticModel:
    heads = Atomwise(N_CHANNELS, output_key="energy"), Forces()
    return _build(_molfield(**options), *heads)


def _fields(charts: str) -> AtomisticModel:
    return _build(
        _molfield(charts=charts, n_probes=6),
        FieldValue(N_CHANNELS, ["C", "O"], output_key="functions"),
        VectorValue(N_CHANNELS),
        ElectronDensity(N_CHANNELS),
        SignedDistance(N_CHANNELS, gradient_key="slope"),
        FieldReadout(N_CHANNELS, n_out=2),
    )


def _autoencoder() -> AtomisticModel:
    torch.manual_seed(0)
    basis, cutoff_fn = GaussianRBF(8, CUTOFF), CosineCutoff(CUTOFF)
    representation = ChartAutoencoder(N_CHANNELS, 2, basis, cutoff_fn)
    return _build(representation, FieldValue(N_CHANNELS, ["C", "O"]))


def _trajectory() -> AtomisticModel:
    torch.manual_seed(0)
    atlas = TrajectoryAtlas(n_charts=6, n_knots=8, n_atom_basis=N_CHANNELS)
    model = _build(atlas, LearnedDistance(N_CHANNELS), local=False)
    atlas.begin(np.arange(8.0), structures()[2].positions)
    return model


def _trained() -> AtomisticModel:
    return torch.load(TRAINED, weights_only=False)


def train() -> None:
    """Write the trained potential: a hundred steps towards the forces of Lennard-Jones atoms."""
    inputs = AtomsConverter(ASENeighborList(CUTOFF))(structures())
    forces = [atoms.copy() for atoms in structures()]
    for atoms in forces:
        atoms.calc = LennardJones(sigma=1.2, epsilon=0.1)
    target = torch.tensor(np.concatenate([atoms.get_forces() for atoms in forces])).float()
    model = _energy(n_interactions=2).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(100):
        optimizer.zero_grad()
        (model(dict(inputs))["forces"] - target).square().mean().backward()
        optimizer.step()
    torch.save(model.eval(), TRAINED)


CASES: dict[str, Callable[[], AtomisticModel]] = {
    "atom charts, projection": _energy,
    "atom charts, soft frame": partial(_energy, frame="soft", hypernetwork="linear", n_angles=2),
    "molecule charts, projection": partial(_energy, charts="molecule"),
    "molecule charts, soft frame": partial(_energy, charts="molecule", frame="soft"),
    "fields of atom charts": partial(_fields, "atom"),
    "fields of molecule charts": partial(_fields, "molecule"),
    "field of a latent": _autoencoder,
    "field of a trajectory": _trajectory,
    "trained potential": _trained,
}


def outputs_of(case: str, dtype: torch.dtype) -> Outputs:
    """All that a model says about the structures, in this precision."""
    torch.manual_seed(0)
    model = CASES[case]().to(dtype)
    said = model(_inputs(model, dtype))
    outputs = {key: _array(value) for key, value in said.items() if value.numel()}
    if case == "fields of atom charts":  # through the door that users take
        field = MolecularField.from_model(model, structures()[2])
        outputs |= {"asked": _array(field(points())), "slopes": _array(field.gradient(points()))}
    return outputs


def _inputs(model: AtomisticModel, dtype: torch.dtype) -> dict[str, Tensor]:
    if isinstance(model.representation, TrajectoryAtlas):
        inputs = {"time": torch.tensor([2.0, 5.5, 9.0], dtype=dtype)}
    else:
        inputs = AtomsConverter(ASENeighborList(CUTOFF), dtype=dtype)(structures())
        inputs[properties.total_charge] = torch.zeros(3, dtype=dtype)
    asked = torch.tensor(points(), dtype=dtype).repeat(3, 1)
    return inputs | {"field_points": asked, "field_n_points": torch.tensor([len(asked) // 3] * 3)}


def _array(value: Tensor) -> np.ndarray:
    return value.detach().numpy()


def record() -> None:
    """Write the numbers of all cases in both precisions."""
    torch.set_num_threads(1)
    arrays = {
        f"{case}/{name}/{key}": value
        for case in CASES
        for name, dtype in DTYPES.items()
        for key, value in outputs_of(case, dtype).items()
    }
    np.savez_compressed(NUMBERS, **arrays)
    print(f"wrote {len(arrays)} arrays, {NUMBERS.stat().st_size / 1000:.0f} kB, to {NUMBERS}")


if __name__ == "__main__":
    train()
    record()
