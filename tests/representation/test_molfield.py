"""MolField as a whole: what it writes, and what each of its switches does."""

import pytest
import torch
from ase import Atoms
from schnetpack import properties
from schnetpack.atomistic import Atomwise, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff
from schnetpack.nn.embedding import NuclearEmbedding
from schnetpack.task import ModelOutput, UnsupervisedModelOutput

from schnetpack_molfield.representation import FRAMES, HYPERNETWORKS
from schnetpack_molfield.testing import molecule

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
CHARTS = ("atom", "molecule")
both_atlases = pytest.mark.parametrize("charts", CHARTS)


@both_atlases
def test_what_it_writes(charts, batch, build, dtype):
    """The table of the class docstring."""
    inputs = batch("H2O", "ethanol", "H", dtype=dtype)
    n_atoms, n_charts = 13, {"atom": 13, "molecule": 3}[charts]
    outputs = build(dtype, charts=charts, n_hidden=32, variational=True, n_probes=2)(dict(inputs))
    expected = {
        "scalar_representation": (n_atoms, 16),
        "vector_representation": (n_atoms, 3, 16),
        "field_features": (n_charts, 9, 16),
        "field_tokens": (n_charts, 2 * 32 // 16, 16),
        "field_origins": (n_charts, 3),
        "field_idx_m": (n_charts,),
        "kl_divergence": (3,),
        "field_axes": (n_charts, 9, 32),
        "field_scales": (n_charts, 1, 32),
        "field_kept_first": (n_charts, 13 + 8, 32),
        "field_at_atoms": (n_atoms, 9, 32),
        "field_probes": (n_charts, 2, 9, 32),
    }
    assert {key: tuple(outputs[key].shape) for key in outputs.keys() - inputs.keys()} == expected
    for key in expected.keys() - {"field_idx_m"}:
        assert outputs[key].dtype == dtype and outputs[key].isfinite().all()


@both_atlases
def test_where_the_charts_are(charts, batch, build):
    inputs = batch("H2O", "ethanol", "H")
    outputs = build(charts=charts)(dict(inputs))
    positions, idx_m = inputs[properties.R], inputs[properties.idx_m]
    if charts == "atom":
        assert torch.equal(outputs["field_origins"], positions)
        assert torch.equal(outputs["field_idx_m"], idx_m)
    else:
        centroids = torch.stack([part.mean(0) for part in positions.split([3, 9, 1])])
        torch.testing.assert_close(outputs["field_origins"], centroids)
        assert outputs["field_idx_m"].tolist() == [0, 1, 2]


@both_atlases
def test_tokens_are_those_of_the_last_inr(charts, batch, build):
    representation = build(charts=charts)
    outputs = representation(batch("ethanol"))
    expected = representation.function.inr.hypernetwork(outputs["field_features"][:, 0])
    torch.testing.assert_close(outputs["field_tokens"], expected)
    assert expected.any()


@pytest.mark.parametrize("charts", CHARTS)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("hypernetwork", HYPERNETWORKS)
def test_features_are_equivariant(charts, frame, hypernetwork, batch, build, orthogonal):
    """With every combination of switches; the contract checks the defaults on all molecules."""
    dtype = torch.float64
    representation = build(dtype, charts=charts, frame=frame, hypernetwork=hypernetwork)
    atoms, turned = molecule("rattled ethanol"), molecule("rattled ethanol")
    turned.positions = atoms.positions @ orthogonal[0].numpy().T + 5.0
    expected, actual = (
        representation(batch(atoms, dtype=dtype)),
        representation(batch(turned, dtype=dtype)),
    )
    for key, matrix in [
        ("scalar_representation", None),
        ("vector_representation", orthogonal[0]),
        ("field_features", orthogonal[1]),
        ("field_tokens", None),
        ("field_at_atoms", orthogonal[1]),
    ]:
        wanted = expected[key] if matrix is None else matrix @ expected[key]
        torch.testing.assert_close(actual[key], wanted, rtol=0, atol=1e-10)


def scalars(representation, inputs):
    return representation(dict(inputs))["scalar_representation"]


@both_atlases
@pytest.mark.parametrize(
    ("switch", "names"), [("frame", list(FRAMES)), ("hypernetwork", list(HYPERNETWORKS))]
)
def test_every_switch_makes_another_model(charts, switch, names, batch, build):
    inputs = batch("ethanol")
    results = [scalars(build(charts=charts, **{switch: name}), inputs) for name in names]
    for i, first in enumerate(results):
        for second in results[i + 1 :]:
            assert (first - second).abs().max() > 1e-4


def test_atlases_make_other_models(batch, build):
    inputs = batch("ethanol")
    atom, molecule = (scalars(build(charts=charts), inputs) for charts in CHARTS)
    assert (atom - molecule).abs().max() > 1e-2


@both_atlases
def test_ablations_leave_parameters_out(charts, build):
    def names(**options):
        representation = build(charts=charts, **options)
        return {name for name, _ in representation.named_parameters()}

    full = names()
    assert any(".hypernetwork.layer_embedding" in name for name in full)
    assert full - names(hypernetwork="none") == {n for n in full if ".hypernetwork." in n}
    linear = {n for n in names(hypernetwork="linear") if ".hypernetwork." in n}
    assert {n.split(".hypernetwork.")[1] for n in linear} == {"weights.weight", "weights.bias"}
    assert full - names(frame="none") == {n for n in full if ".frame.axes." in n}


def test_without_hypernetwork_all_charts_share_their_weights(batch, build):
    assert not build(hypernetwork="none")(batch("ethanol"))["field_tokens"].any()


def test_without_frame_a_chart_sees_distances_only(batch, build):
    """The molecule chart of two atoms at the same distance, on different sides of it."""
    inputs = batch("ethanol")
    values = {}
    for frame in FRAMES:
        inr = build(charts="molecule", frame=frame).function.inr
        harmonics = torch.randn(1, 2, 9)
        harmonics[..., 0] = 1
        features = build(charts="molecule", frame=frame)(dict(inputs))["field_features"]
        axes, scales, _ = inr.weights(features)
        values[frame] = inr.evaluate(axes, scales, torch.ones(1, 2, 16), harmonics)
    blind = [name for name, v in values.items() if torch.allclose(v[:, 0], v[:, 1])]
    assert blind == ["none"]


@both_atlases
def test_rounds_are_the_reach_of_an_atom(charts, batch, build):
    """In a chain an atom sees as many neighbours away as there are rounds; a molecule chart all."""
    chain = Atoms("H6", positions=[(3.0 * k, 0.3 * k % 0.5, 0) for k in range(6)])
    for n_interactions in (2, 3, 4):
        inputs = batch(chain)
        vectors = inputs[properties.Rij].requires_grad_()
        build(charts=charts, n_interactions=n_interactions)(inputs)
        (gradient,) = torch.autograd.grad(inputs["scalar_representation"][0].sum(), vectors)
        seen = inputs[properties.idx_j][gradient.abs().sum(1) > 0].max().item()
        assert seen == (n_interactions if charts == "atom" else 5)


def test_hidden_width_is_independent(batch, build):
    representation = build(n_hidden=32)
    assert representation.function.inr.hidden[0].weight.shape == (32, 32)
    assert scalars(representation, batch("H2O")).shape == (3, 16)


def test_nuclear_embedding_replaces_the_default(batch, build):
    embedding = NuclearEmbedding(max_z=101, num_features=16)
    representation = build(nuclear_embedding=embedding)
    assert representation.embedding is embedding
    scalars(representation, batch("H2O")).sum().backward()
    assert embedding.element_embedding.grad.any()


def test_what_schnetpack_reads(build):
    representation = build()
    assert representation.n_atom_basis == 16
    assert representation.cutoff.item() == representation.cutoff_fn.cutoff.item() == 4.0


@both_atlases
def test_every_parameter_learns(charts, batch, build):
    """The last round's tensors too: products of them are scalars and vectors."""
    representation = build(charts=charts)
    outputs = representation(batch("ethanol", "CHFClBr"))
    loss = outputs["scalar_representation"].square().sum()
    (loss + outputs["vector_representation"].square().sum()).backward()
    idle = {n for n, p in representation.named_parameters() if p.grad is None or not p.grad.any()}
    assert not idle


@both_atlases
@pytest.mark.parametrize("degree", [1, 3])
def test_other_degrees_are_equivariant(charts, degree, batch, build, orthogonal):
    representation = build(torch.float64, charts=charts, degree=degree)
    atoms, turned = molecule("rattled ethanol"), molecule("rattled ethanol")
    turned.positions = atoms.positions @ orthogonal[0].numpy().T + 5.0
    expected, actual = (representation(batch(a, dtype=torch.float64)) for a in (atoms, turned))
    assert expected["field_features"].shape[1] == (degree + 1) ** 2
    scale = expected["vector_representation"].abs().max()
    for key, matrix in [
        ("scalar_representation", None),
        ("vector_representation", orthogonal[0]),
    ]:
        wanted = expected[key] if matrix is None else matrix @ expected[key]
        torch.testing.assert_close(actual[key] / scale, wanted / scale, rtol=0, atol=1e-10)


@both_atlases
@pytest.mark.parametrize(
    "options",
    [
        {"activation": "sine"},
        {"activation": "gabor"},
        {"n_layers": 3},
        {"n_groups": 4},
        {"degree": 1},
    ],
    ids=str,
)
def test_options_make_other_models(charts, options, batch, build):
    inputs = batch("ethanol")
    usual, other = (scalars(build(charts=charts, **o), inputs) for o in ({}, options))
    assert (usual - other).abs().max() > 1e-4


@both_atlases
def test_variational_latent_is_sampled_in_training_only(charts, batch, build):
    representation, inputs = build(charts=charts, variational=True), batch("ethanol", "H")
    assert not torch.equal(scalars(representation, inputs), scalars(representation, inputs))
    representation.eval()
    assert torch.equal(scalars(representation, inputs), scalars(representation, inputs))
    assert (representation(dict(inputs))["kl_divergence"] > 0).all()


def test_divergence_of_atom_charts_adds_up(batch, build):
    representation = build(torch.float64, variational=True).eval()
    inputs = batch("far fragments", "H2O", dtype=torch.float64)
    total, water = representation(inputs)["kl_divergence"]
    methanol = representation(batch(molecule("far fragments")[3:], dtype=torch.float64))
    torch.testing.assert_close(total, water + methanol["kl_divergence"][0])


@both_atlases
def test_divergence_is_a_term_of_schnetpacks_loss(charts, convert, build, fit):
    representation = build(charts=charts, variational=True)
    model = NeuralNetworkPotential(
        representation,
        input_modules=[PairwiseDistances()],
        output_modules=[Atomwise(n_in=16, output_key="energy")],
    )
    assert set(model.model_outputs) == {"energy", "kl_divergence"}
    inputs = convert("H2O", "ethanol") | {"energy": torch.tensor([1.0, 2.0])}
    energy = ModelOutput("energy", loss_fn=torch.nn.MSELoss(), loss_weight=0.0, metrics={})
    divergence = UnsupervisedModelOutput("kl_divergence", torch.mean, 0.1, metrics={})
    expected = 0.1 * model.eval()(dict(inputs))["kl_divergence"].mean().item()
    assert fit(model.train(), inputs, energy, divergence) == pytest.approx(expected, rel=0.3)


def test_no_divergence_unless_asked_for(batch, build):
    representation = build()
    assert "kl_divergence" not in representation(batch("H2O"))
    assert representation.model_outputs == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"chart": "atom"}, TypeError, "no option 'chart'; did you mean 'charts'"),
        ({"n_layer": 3}, TypeError, "no option 'n_layer'; did you mean 'n_layers'"),
        ({"charts": "molecules"}, ValueError, "charts 'molecules'; did you mean 'molecule'"),
        ({"frame": "projectoin"}, ValueError, "frame 'projectoin'; did you mean 'projection'"),
        ({"hypernetwork": "linar"}, ValueError, "'linar'; did you mean 'linear'"),
        ({"n_interactions": 1}, ValueError, "n_interactions = 1: expected at least 2"),
        ({"activation": "sin"}, ValueError, "activation 'sin'; did you mean 'sine'"),
        ({"frame": "projection", "activation": 3}, TypeError, "activation must be one of silu"),
        ({"n_atom_basis": 18}, ValueError, "n_atom_basis = 18: expected a multiple of 4"),
        ({"n_atom_basis": 0}, ValueError, "n_atom_basis = 0: expected at least 1"),
        ({"n_hidden": 7}, ValueError, "n_hidden = 7: expected an even number"),
        ({"n_hidden": 0}, ValueError, "n_hidden = 0: expected at least 1"),
        ({"n_hidden": -4}, ValueError, "n_hidden = -4: expected at least 1"),
        ({"degree": 0}, ValueError, "degree = 0: expected at least 1"),
        ({"n_angles": -1}, ValueError, "n_angles = -1: expected at least 0"),
        ({"n_probes": -1}, ValueError, "n_probes = -1: expected at least 0"),
        ({"n_layers": 1}, ValueError, "n_layers = 1: the INR needs at least 2 layers"),
        ({"n_groups": 3}, ValueError, "n_groups = 3 must divide the 16 columns"),
        ({"n_groups": 0}, ValueError, "n_groups = 0: expected at least 1"),
        ({"n_neighbors": 0.0}, ValueError, "n_neighbors = 0.0: expected a number > 0"),
        ({"max_z": 0}, ValueError, "max_z = 0: expected at least 1"),
        (
            {"field_cutoff_fn": CosineCutoff(5.0)},
            ValueError,
            "field_cutoff_fn ends at 5.0 Angstrom, beyond the neighbour list's 4.0",
        ),
    ],
)
def test_bad_options(options, error, message, build):
    with pytest.raises(error, match=message) as raised:
        build(**options)
    assert "\n" not in str(raised.value)
