"""Real molecules as SchNetPack's input, and small representations to give them to."""

from collections.abc import Callable

import pytest
import torch
from ase import Atoms
from schnetpack.atomistic import PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList

from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing import molecule
from schnetpack_molfield.testing.potential import perturb

Inputs = dict[str, torch.Tensor]
CUTOFF = 4.0


@pytest.fixture(scope="session")
def convert() -> Callable[..., Inputs]:
    """Convert named molecules, or ASE's atoms: `convert("H2O", atoms, dtype=..., cutoff=...)`."""

    def convert(
        *structures: str | Atoms, dtype: torch.dtype = torch.float32, cutoff: float = CUTOFF
    ) -> Inputs:
        atoms = [molecule(s) if isinstance(s, str) else s for s in structures]
        return AtomsConverter(ASENeighborList(cutoff), dtype=dtype)(atoms)

    return convert


@pytest.fixture(scope="session")
def batch(convert: Callable[..., Inputs]) -> Callable[..., Inputs]:
    """The same with distance vectors, as a representation gets it from SchNetPack's models."""
    return lambda *structures, **options: PairwiseDistances()(convert(*structures, **options))


@pytest.fixture(scope="session")
def build() -> Callable[..., MolField]:
    """Make a MolField with eight channels in which every parameter counts."""

    def build(dtype: torch.dtype = torch.float32, **options: object) -> MolField:
        defaults = {"n_atom_basis": 16, "n_interactions": 3}
        torch.manual_seed(0)
        basis, cutoff_fn = GaussianRBF(n_rbf=8, cutoff=CUTOFF), CosineCutoff(CUTOFF)
        representation = MolField(radial_basis=basis, cutoff_fn=cutoff_fn, **(defaults | options))
        perturb(representation, seed=1)
        return representation.to(dtype)

    return build
