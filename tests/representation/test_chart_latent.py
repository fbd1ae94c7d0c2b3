"""A molecule as one latent: what is in it, its symmetries, and a field made of nothing else."""

from functools import partial

import numpy as np
import pytest
import torch
from ase import Atoms
from schnetpack import properties
from schnetpack.atomistic import PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF

from schnetpack_molfield.atomistic import FieldValue, LearnedDistance
from schnetpack_molfield.representation import ChartAutoencoder, ChartEncoder, ChartSizes
from schnetpack_molfield.representation.frames import SoftPolarFrame
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, rounded
from schnetpack_molfield.testing.potential import perturb

CUTOFF = 4.0
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
KEYS = ["field_features", "field_origins", "field_idx_m", *("_idx_m", "_n_atoms", "_positions")]


def build(**options):
    torch.manual_seed(0)
    model = ChartAutoencoder(16, 3, GaussianRBF(8, CUTOFF), CosineCutoff(CUTOFF), **options)
    perturb(model, 0)
    return model.eval()


@pytest.fixture
def autoencoder(dtype):
    return build().to(dtype)


@pytest.fixture
def double():
    return build().double()


def test_latent_is_the_heavy_atoms(autoencoder, batch, dtype):
    """Positions, a one, and numbers that aren't those of other atoms; zeros elsewhere."""
    names = ["ethanol", "H2O", "H2"]
    written = autoencoder(batch(*names, dtype=dtype))
    latent = written["field_latent"].unflatten(1, (32, 16))
    assert latent.shape == (3, 32, 16)
    for rows, name in zip(latent, names, strict=True):
        atoms = molecule(name)
        centers = atoms.positions[atoms.numbers > 1] if name != "H2" else atoms.positions
        n = len(centers)
        torch.testing.assert_close(rows[:n, :3], torch.as_tensor(centers, dtype=dtype))
        assert (rows[:n, 3] == 1).all() and not rows[n:].any()
    assert (latent[0, 0, 4:] - latent[0, 1, 4:]).abs().max() > 1e-2
    assert written["field_features"].shape == (3 + 1 + 2, 9, 16)
    assert written[properties.n_atoms].tolist() == [3, 1, 2]
    assert written["field_idx_m"].tolist() == [0, 0, 0, 1, 2, 2]
    assert not written[properties.Z].any()


def test_latent_of_another_size(batch):
    """Encoder and decoder agree on any sizes, and options are passed on to MolField."""
    model = build(sizes=ChartSizes(12, n_scalars=2, n_vectors=3, n_tensors=2), hypernetwork="none")
    written = model(batch("ethanol"))
    latent = written["field_latent"].view(12, 4 + 2 + 9 + 10)
    assert (latent[:3, 3] == 1).all() and not latent[3:].any()
    again = model.decoder({"field_latent": written["field_latent"]})
    torch.testing.assert_close(again["field_features"], written["field_features"])


def test_atoms_are_gone(autoencoder, batch, dtype):
    """Nothing that has a row per atom is left for the modules behind but SchNetPack's input."""
    given = batch("ethanol", dtype=dtype)
    written = autoencoder(dict(given))
    weights = {"field_axes", "field_scales", "field_tokens"}
    assert written.keys() - given.keys() == {"field_latent", *KEYS[:3], *weights}
    assert all(len(written[key]) == 3 for key in weights)


def test_hydrogens_are_in_the_latent(double, batch):
    atoms = molecule("ethanol")
    moved = atoms.copy()
    moved.positions[-1] += [0.1, 0.05, 0.0]
    latents = double(batch(atoms, moved, dtype=torch.float64))["field_latent"]
    assert (latents[0] - latents[1]).abs().max() > 1e-3


def test_field_sees_the_latent_only(autoencoder, batch, dtype):
    written = autoencoder(batch("ethanol", "CH4", "aspirin", dtype=dtype))
    decoded = autoencoder.decoder({"field_latent": written["field_latent"]})
    for key in KEYS:
        torch.testing.assert_close(decoded[key], written[key], rtol=0, atol=0)


def test_latent_is_an_output_of_a_model(double, convert):
    model = NeuralNetworkPotential(double, [PairwiseDistances()], [FieldValue(16, ["a"])]).double()
    inputs = convert("ethanol", dtype=torch.float64)
    points = torch.randn(5, 3, dtype=torch.float64)
    asked = {"field_points": points, "field_n_points": torch.tensor([5])}
    outputs = model(inputs | asked)
    decoder = NeuralNetworkPotential(double.decoder, output_modules=model.output_modules)
    again = decoder({"field_latent": outputs["field_latent"]} | asked)
    torch.testing.assert_close(again["field"], outputs["field"])


def test_distances_of_the_latent(double, batch):
    """A head that needs no atoms works behind it."""
    asked = {"field_points": torch.randn(5, 3).double(), "field_n_points": torch.tensor([5])}
    written = double(batch("ethanol", dtype=torch.float64) | asked)
    distances = LearnedDistance(16).double()(written)["sdf"]
    assert distances.shape == (5, 1) and distances.isfinite().all() and distances.std() > 0


def test_charts_turn_with_the_molecule(autoencoder, batch, dtype, orthogonal):
    """Rotations, reflections and shifts, for all kinds of symmetric molecules."""
    matrix, wigner = (x.to(dtype) for x in orthogonal)
    shift = torch.tensor([1.5, -2.25, 0.75], dtype=dtype)
    structures = [rounded(molecule(name)) for name in MOLECULES + CHIRAL]
    turned = [
        Atoms(a.numbers, positions=a.positions @ orthogonal[0].numpy().T + shift.double().numpy())
        for a in structures
    ]
    before, after = (autoencoder(batch(*s, dtype=dtype)) for s in (structures, turned))
    origins = before["field_origins"] @ matrix.T + shift
    torch.testing.assert_close(after["field_origins"], origins, rtol=0, atol=2e-6)
    features = wigner @ before["field_features"]
    errors = (after["field_features"] - features).abs().amax(dim=(1, 2)) / features.abs().max()
    # directions that symmetry makes vanish at the centre of SF6 are rounding, which every norm of
    # the decoder makes up to ten times larger
    names = MOLECULES + CHIRAL
    growing = before["field_idx_m"] == names.index("SF6")
    assert errors[~growing].max() <= TOLERANCE[dtype]
    assert errors[growing].max() <= 10 * TOLERANCE[dtype]


def test_order_of_atoms_is_order_of_charts(double, batch):
    atoms = molecule("aspirin")
    order = np.random.default_rng(0).permutation(len(atoms))
    before, after = (double(batch(a, dtype=torch.float64)) for a in (atoms, atoms[order]))
    heavy = np.flatnonzero(atoms.numbers > 1)
    moved = torch.tensor([list(heavy).index(i) for i in order if i in heavy])
    for key in ("field_origins", "field_features"):
        torch.testing.assert_close(after[key], before[key][moved], rtol=0, atol=1e-10)


def test_batch_changes_nothing(double, batch):
    names = ["ethanol", "H2", "aspirin", "He", "CO2"]
    together = double(batch(*names, dtype=torch.float64))["field_features"]
    alone = [double(batch(name, dtype=torch.float64))["field_features"] for name in names]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-10)


def test_derivatives_of_the_field_by_atoms(double, convert):
    """Through the latent, first and second, against finite differences."""
    head = FieldValue(16, ["a"]).double()
    inputs = convert("H2O", "rattled ethanol", dtype=torch.float64)
    points = torch.randn(6, 3, dtype=torch.float64)
    asked = {"field_points": points, "field_n_points": torch.tensor([3, 3])}

    def field(positions):
        i, j = inputs[properties.idx_i], inputs[properties.idx_j]
        vectors = positions[j] - positions[i]
        given = inputs | asked | {properties.R: positions, properties.Rij: vectors}
        return head(double(given))["field"]

    positions = inputs[properties.R].clone().requires_grad_()
    assert torch.autograd.gradcheck(field, positions, fast_mode=True)
    assert torch.autograd.gradgradcheck(field, positions, fast_mode=True)


def test_torchscript_agrees(autoencoder, batch, dtype):
    inputs = batch("ethanol", "H2", "aspirin", dtype=dtype)
    expected, scripted = autoencoder(dict(inputs)), torch.jit.script(autoencoder)(dict(inputs))
    for key in KEYS:
        torch.testing.assert_close(scripted[key], expected[key], rtol=0, atol=TOLERANCE[dtype])


def test_bad_input(double, batch):
    small = ChartEncoder(16, ChartSizes(n_charts=2)).double()
    with pytest.raises(ValueError, match="molecule 1 of the batch needs 3 charts.*has 2"):
        small(double.molfield(batch("H2O", "ethanol", dtype=torch.float64)))
    with pytest.raises(ValueError, match=r"expected \(n_models, 512\)"):
        double.decoder({"field_latent": torch.zeros(2, 510, dtype=torch.float64)})
    with pytest.raises(ValueError, match="n_vectors of at least 1, got 0"):
        ChartSizes(n_vectors=0)
    with pytest.raises(ValueError, match="set charts to 'atom'"):
        build(charts="molecule")
    with pytest.raises(TypeError, match="did you mean 'n_hidden'"):
        build(n_hiden=8)


@pytest.mark.parametrize(
    ("part", "one", "another"),
    [
        ("frame", "projection", "soft"),
        ("frame", "none", partial(SoftPolarFrame, n_vectors=4)),
        ("hypernetwork", "none", "linear"),
        ("activation", "silu", "gabor"),
        ("activation", "sine", torch.nn.Softplus),
    ],
)
def test_the_decoder_has_the_parts_too(part, one, another, batch):
    """They are options of MolField; both halves of the model honour them."""
    models = [build(**{part: name}) for name in (one, another)]
    kinds = [
        {type(getattr(module.inr, part)) for module in (*half.interactions, half.function)}
        for model in models
        for half in (model.molfield, model.decoder)
    ]
    assert all(len(kind) == 1 for kind in kinds)
    assert kinds[0] == kinds[1] != kinds[2] == kinds[3]


@pytest.mark.parametrize(
    "options",
    [
        {"frame": "none"},
        {"hypernetwork": "none"},
        {"activation": "sine"},
        {"activation": torch.nn.Softplus},
    ],
    ids=str,
)
def test_the_decoders_function_depends_on_them(options, batch):
    """The same latent and, as far as there are any, the same weights make another function."""
    usual, other = build(), build(**options)
    other.load_state_dict(usual.state_dict(), strict=False)
    points, idx_m = torch.randn(20, 3), torch.zeros(20, dtype=torch.long)
    latent = usual(batch("ethanol"))["field_latent"].detach()
    values = [
        model.decoder.read(points, idx_m, model.decoder({"field_latent": latent}))
        for model in (usual, other)
    ]
    assert (values[0] - values[1]).abs().max() > 1e-3
