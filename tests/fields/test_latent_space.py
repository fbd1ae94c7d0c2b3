"""From molecules to latents and back: shapes, the function between them, what is refused."""

import ase.build
import pytest
import torch
from ase import Atoms
from schnetpack.atomistic import Atomwise, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF

from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.fields import LatentSpace
from schnetpack_molfield.model_files import save_model_file
from schnetpack_molfield.representation import ChartAutoencoder, MolField, MomentAutoencoder

MOLECULES = [ase.build.molecule(name) for name in ("CH3CH2OH", "CH4", "NH3")]
PARTS = GaussianRBF(8, 4.0), CosineCutoff(4.0)


def build(kind, channels=("H", "C", "N", "O")):
    torch.manual_seed(0)
    representation = {
        "moments": lambda: MomentAutoencoder(16, *PARTS),
        "learned": lambda: ChartAutoencoder(16, 3, *PARTS),
        "atoms": lambda: MolField(16, 3, *PARTS),
    }[kind]()
    head = FieldValue(16, channels, degree=3 if kind == "moments" else 2)
    return NeuralNetworkPotential(representation, [PairwiseDistances()], [head])


@pytest.mark.parametrize(("kind", "n_latent"), [("moments", 9 * 23), ("learned", 512)])
def test_both_ways(kind, n_latent, tmp_path):
    """Latents are those that the model writes, and fields are those of its decoder."""
    model = build(kind)
    save_model_file(tmp_path / "model.safetensors", model)
    space = LatentSpace(tmp_path / "model.safetensors")
    latents = space.encode(MOLECULES)
    assert latents.shape == (3, n_latent) == (3, space.n_latent)
    torch.testing.assert_close(space.encode(MOLECULES[1:2]), latents[1:2])
    field = space.field(latents[0])
    points = torch.randn(10, 3)
    idx_m = torch.zeros(10, dtype=torch.long)
    decoder = model.representation.decoder.eval()
    read = decoder.read(points, idx_m, decoder({"field_latent": latents[:1]}))
    torch.testing.assert_close(field(points), model.output_modules[0].of_function(read).detach())
    assert field.channels == ["H", "C", "N", "O"] and len(field.atoms) == 3
    read_back = space.decode(latents)
    assert len(read_back) == 3 and all(isinstance(atoms, Atoms) for atoms in read_back)


def test_nothing_is_decoded_to_nothing():
    space = LatentSpace(build("moments"))
    assert [len(a) for a in space.decode(torch.zeros(2, space.n_latent))] == [0, 0]
    assert space.decode(torch.zeros(0, space.n_latent)) == []
    assert space.encode([]).shape == (0, space.n_latent)


def test_what_is_refused():
    with pytest.raises(ValueError, match="is MolField, which writes no latent"):
        LatentSpace(build("atoms"))
    with pytest.raises(ValueError, match="no channel of this field is an element: density"):
        LatentSpace(build("moments", ["density"]))
    model = NeuralNetworkPotential(MomentAutoencoder(16, *PARTS), [], [Atomwise(16)])
    with pytest.raises(ValueError, match="has no field of channels"):
        LatentSpace(model)
    space = LatentSpace(build("moments"))
    with pytest.raises(
        ValueError, match=r"shape \(2, 512\), those of this model are \(n_molecules, 207"
    ):
        space.decode(torch.zeros(2, 512))
    latents = torch.zeros(3, 207)
    latents[1, 4] = float("nan")
    with pytest.raises(ValueError, match="latent 1 has numbers that aren't finite"):
        space.decode(latents)
    with pytest.raises(ValueError, match="from molecule 256 on: molecule 44 .* atomic number 16"):
        space.encode([MOLECULES[1]] * 300 + [ase.build.molecule("SH2")])
