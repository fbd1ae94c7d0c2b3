"""The function of a molecule: its formula, at points and at atoms, and what asking costs."""

import numpy as np
import pytest
import torch
from ase import Atoms
from schnetpack import properties
from schnetpack.nn import BesselRBF, CosineCutoff
from torch import nn

from schnetpack_molfield.nn.cutoff import SmoothCutoff
from schnetpack_molfield.nn.element_pairs import ElementPairs
from schnetpack_molfield.nn.radial import LearnedRadialEncoding
from schnetpack_molfield.testing import molecule

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
both_atlases = pytest.mark.parametrize("charts", ["atom", "molecule"])
NAMES = ("rattled ethanol", "H", "CO2", "CH4")

OPTIONS = {
    "default": dict,
    "angles": lambda: {"n_angles": 2},
    "three layers": lambda: {"n_layers": 3, "n_groups": 4},
    "degree 1": lambda: {"degree": 1},
    "degree 3": lambda: {"degree": 3},
    "own window": lambda: {"field_cutoff_fn": SmoothCutoff(3.0)},
    "sine": lambda: {"activation": "sine"},
    "wide": lambda: {"n_hidden": 32},
    "bessel": lambda: {"radial_basis": BesselRBF(8, 4.0)},
    "learned basis": lambda: {"radial_basis": LearnedRadialEncoding(8, 4.0)},
    "all": lambda: {
        "n_angles": 2,
        "n_layers": 3,
        "degree": 3,
        "n_hidden": 24,
        "activation": "gabor",
        "field_cutoff_fn": CosineCutoff(3.5),
    },
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def relative(actual, expected):
    return float((actual - expected).abs().max() / expected.abs().max())


def randomise_the_inr(inr):
    """Frame, hidden layers and biases, with a size that can't be overlooked."""
    with torch.no_grad():
        for parameter in (*inr.frame.parameters(), *inr.hidden.parameters(), inr.bias):
            nn.init.normal_(parameter, std=0.5)


@both_atlases
@every_option
def test_an_atom_reads_the_function_at_its_place(charts, options, batch, build, dtype):
    representation = build(dtype, charts=charts, **options())
    inputs = batch(*NAMES, dtype=dtype)
    asked = {"field_points": inputs[properties.R], "field_point_idx_m": inputs[properties.idx_m]}
    outputs = representation(inputs | asked)
    assert outputs["field_at_atoms"].std() > 1e-3
    assert relative(outputs["field_values"], outputs["field_at_atoms"]) <= TOLERANCE[dtype]


def test_atoms_of_a_crystal_read_it_too(batch, build):
    """Over the neighbour list; a point without its images can't be asked."""
    representation, inputs = build(torch.float64), batch("water box", dtype=torch.float64)
    outputs = representation(dict(inputs))
    assert outputs["field_at_atoms"].isfinite().all()
    with pytest.raises(ValueError, match="periodic structures can't be asked"):
        representation.read(inputs[properties.R], inputs[properties.idx_m], outputs)


@both_atlases
@every_option
def test_is_the_sum_over_charts(charts, options, batch, build):
    """Against the formula, with every pair of a chart and a point evaluated."""
    representation = build(torch.float64, charts=charts, **options())
    function = representation.function
    inputs = representation(batch("far fragments", dtype=torch.float64))
    points = inputs[properties.R][torch.arange(40) % 9] + torch.randn(40, 3).double()
    features, origins = inputs["field_features"], inputs["field_origins"]
    shape = (len(origins), len(points))
    d, harmonics = function.soft_harmonics((points - origins.unsqueeze(1)).flatten(0, 1))
    harmonics, d = harmonics.view(*shape, -1), d.view(shape)
    window = function.cutoff_fn(d) if charts == "atom" else torch.ones_like(d)
    reached = d if charts == "atom" else function.cutoff * d / (function.cutoff + d)
    radial = function.radial_functions(representation.radial_basis(reached))
    idx_m = torch.zeros(len(points)).long()
    if function.surroundings is not None:
        radial = radial + function.surroundings(points, idx_m, inputs)
    if function.angles is not None:
        radial = radial + function.angles(features, harmonics)
    axes, scales, _ = function.inr.weights(features)
    values = function.inr.evaluate(axes, scales, radial, harmonics)  # (n_charts, n_points, h)
    expected = torch.einsum("cp,cpr,cph->prh", window, harmonics, values)
    read = representation.read(points, idx_m, inputs)
    assert relative(read, expected) < 1e-12


@both_atlases
def test_all_of_it_hangs_on_the_last_inr(charts, batch, build, dtype):
    representation = build(dtype, charts=charts, n_probes=2)
    inputs = batch("rattled ethanol", dtype=dtype)
    points = torch.randn(20, 3, dtype=dtype)
    asked = {"field_points": points, "field_n_points": torch.tensor([20])}
    before = representation(inputs | asked)
    randomise_the_inr(representation.function.inr)
    after = representation(inputs | asked)
    for key in (
        "scalar_representation",
        "vector_representation",
        "field_at_atoms",
        "field_values",
        "field_probes",
    ):
        assert relative(after[key], before[key]) > 1e-2, key
    torch.testing.assert_close(after["field_features"], before["field_features"])


@both_atlases
def test_turns_with_the_molecule(charts, batch, build, dtype, orthogonal):
    representation = build(dtype, charts=charts)
    matrix, wigner = (m.to(dtype) for m in orthogonal)
    inputs = batch("rattled ethanol", dtype=dtype)
    points = 2 * torch.randn(20, 3, dtype=dtype)
    idx_m = torch.zeros(20).long()
    expected = wigner @ representation.read(points, idx_m, representation(dict(inputs)))
    turned = {
        key: inputs[key] @ matrix.T if key in (properties.R, properties.Rij) else value
        for key, value in inputs.items()
    }
    actual = representation.read(points @ matrix.T, idx_m, representation(turned))
    assert relative(actual, expected) <= {torch.float32: 1e-5, torch.float64: 1e-10}[dtype]


@both_atlases
def test_probes_are_points_of_the_function(charts, batch, build, dtype):
    representation = build(dtype, charts=charts, n_probes=3)
    outputs = representation(batch("H", "CHFClBr", dtype=dtype))
    points = representation.probes(outputs["field_features"], outputs["field_origins"])
    idx_m = outputs["field_idx_m"].repeat_interleave(3)
    expected = representation.read(points.flatten(0, 1), idx_m, outputs)
    torch.testing.assert_close(outputs["field_probes"].flatten(0, 1), expected)
    # a lone atom has no directions: it asks at its origin only
    torch.testing.assert_close(points[0], outputs["field_origins"][:1].expand(3, 3))
    assert points[-1].std(dim=0).min() > 1e-3


@both_atlases
@pytest.mark.parametrize(("name", "atom"), [("rattled ethanol", 0), ("CO2", 1), ("He", 0)])
def test_smooth_at_the_nuclei(charts, name, atom, batch, build):
    """On a line through an atom values, slopes and curvatures are finite and don't jump."""
    representation = build(torch.float64, charts=charts).eval()
    outputs = representation(batch(name, dtype=torch.float64))
    direction = torch.tensor([0.6, -0.48, 0.64], dtype=torch.float64)
    t = torch.linspace(-0.1, 0.1, 401, dtype=torch.float64, requires_grad=True)
    points = outputs[properties.R][atom] + t.unsqueeze(1) * direction
    values = representation.read(points, torch.zeros(401).long(), outputs).flatten(1)
    curve = values @ torch.linspace(-1, 1, values.shape[1]).double()  # no cancelling by symmetry
    slope = torch.autograd.grad(curve.sum(), t, create_graph=True)[0]
    bend = torch.autograd.grad(slope.sum(), t)[0].detach()
    assert bend.isfinite().all() and slope.isfinite().all()
    assert bend.diff().abs().max() < 0.05 * bend.abs().max()
    # what the curvature adds up to, right through the nucleus, is the change of the slope
    change = (slope[-1] - slope[0]).item()
    total = torch.trapezoid(bend, t.detach()).item()
    assert total == pytest.approx(change, abs=1e-4 * bend.abs().mean().item())


@both_atlases
@pytest.mark.parametrize("name", ["H", "CO2", "rattled ethanol"])
def test_derivatives_at_the_nuclei(charts, name, batch, build):
    """First and second, by points at atoms, against finite differences."""
    representation = build(torch.float64, charts=charts)
    outputs = representation(batch(name, dtype=torch.float64))
    outputs = {key: value.detach() for key, value in outputs.items() if key != "field_kept_first"}
    idx_m = outputs[properties.idx_m]

    def read(points):
        return representation.read(points, idx_m, outputs)

    points = outputs[properties.R].clone().requires_grad_()
    assert torch.autograd.gradcheck(read, points, eps=1e-5, fast_mode=True)
    assert torch.autograd.gradgradcheck(read, points, eps=1e-5, fast_mode=True)


def counted(module):
    """How often it was called, counted from now on."""
    calls = []
    module.register_forward_hook(lambda *_: calls.append(1))
    return calls


@both_atlases
def test_the_weights_are_made_once(charts, batch, build):
    """However many blocks of points there are, and however often it is asked again."""
    representation = build(charts=charts)
    function, inputs = representation.function, batch("ethanol")
    points = torch.randn(200, 3)
    asked = {"field_points": points, "field_n_points": torch.tensor([200])}
    expected = representation(inputs | asked)["field_values"]
    function.pairs_per_block = 30
    blocks, first_layer = [], function._block
    function._block = lambda *given: (blocks.append(1), first_layer(*given))[1]
    weights, frames = counted(function.inr.hypernetwork), counted(function.inr.frame)
    outputs = representation(inputs | asked)
    again = representation.read(points, torch.zeros(200).long(), outputs)
    assert len(blocks) > 10
    assert len(weights) == len(frames) == 1
    torch.testing.assert_close(outputs["field_values"], expected)
    torch.testing.assert_close(again, expected)


def test_blocks_are_of_close_pairs(build):
    """Far atoms of a large molecule make blocks smaller only where they would fill the memory."""
    function = build().function
    assert function._points_per_block(9) == 2**16 // 9
    assert function._points_per_block(1000) == 2**16 // 40
    assert function._points_per_block(10**6) == 4


@both_atlases
def test_other_molecules_change_nothing(charts, batch, build, dtype):
    """Points in any order, of molecules in a batch and alone."""
    representation = build(dtype, charts=charts)
    names = ("H2O", "He", "aspirin")
    together = representation(batch(*names, dtype=dtype))
    points, idx_m = 2 * torch.randn(60, 3, dtype=dtype), torch.randint(3, (60,))
    read = representation.read(points, idx_m, together)
    for m, name in enumerate(names):
        alone, own = representation(batch(name, dtype=dtype)), idx_m == m
        expected = representation.read(points[own], torch.zeros_like(idx_m[own]), alone)
        torch.testing.assert_close(read[own], expected, rtol=1e-4, atol=TOLERANCE[dtype] * 100)


def test_charts_of_atoms_are_local_and_end(batch, build, dtype):
    representation = build(dtype)
    water, methane = molecule("H2O"), molecule("CH4")
    far = Atoms(methane.numbers, positions=methane.positions + 30.0)
    points, idx_m = torch.randn(20, 3, dtype=dtype), torch.zeros(20).long()
    alone, both = (representation(batch(a, dtype=dtype)) for a in (water, water + far))
    expected = representation.read(points, idx_m, alone)
    torch.testing.assert_close(representation.read(points, idx_m, both), expected)
    assert not representation.read(points + 50.0, idx_m, alone).any()
    assert not representation.read(points[:0], idx_m[:0], alone).numel()


def test_smooth_where_a_chart_ends(batch, build):
    """With a smooth window value, slope and curvature fade towards the cutoff of a lone atom."""
    representation = build(torch.float64, field_cutoff_fn=SmoothCutoff(3.0))
    outputs = representation(batch("He", dtype=torch.float64))
    steps = torch.tensor(3.0 - np.array([0.4, 0.2, 0.1, 0.05]))
    points = steps[:, None] * torch.tensor([[1.0, 0, 0]]).double()
    sizes = representation.read(points, torch.zeros(4).long(), outputs).abs().amax(dim=(1, 2))
    assert (sizes[1:] < 0.3 * sizes[:-1]).all() and sizes[-1] > 0


def test_own_window_is_that_of_the_last_round_only(batch, build):
    inputs = batch("ethanol")
    usual, own = (build(**o)(dict(inputs)) for o in ({}, {"field_cutoff_fn": SmoothCutoff(3.0)}))
    torch.testing.assert_close(own["field_features"], usual["field_features"])
    assert relative(own["field_at_atoms"], usual["field_at_atoms"]) > 1e-2


def test_own_window_of_the_same_shape_changes_nothing(batch, build):
    inputs = batch("ethanol", dtype=torch.float64)
    options = ({}, {"field_cutoff_fn": CosineCutoff(4.0)})
    usual, own = (build(torch.float64, **o)(dict(inputs)) for o in options)
    for key in ("scalar_representation", "field_at_atoms"):
        torch.testing.assert_close(own[key], usual[key], rtol=0, atol=1e-12)


def test_bad_points_are_refused(batch, build):
    representation, inputs = build(), batch("H2O")
    asked = {"field_points": torch.randn(20, 3), "field_n_points": torch.tensor([7])}
    with pytest.raises(ValueError, match="20 rows, but 7 are assigned"):
        representation(inputs | asked)
    with pytest.raises(ValueError, match="expected \\(n_points, 3\\)"):
        representation(inputs | asked | {"field_points": torch.randn(60)})


@both_atlases
def test_torchscript_agrees(charts, batch, build, dtype):
    representation = build(dtype, charts=charts, n_probes=2)
    scripted = torch.jit.script(representation)
    inputs = batch("H2O", "He", "ethanol", dtype=dtype)
    asked = {
        "field_points": torch.randn(9, 3, dtype=dtype),
        "field_n_points": torch.tensor([4, 0, 5]),
    }
    expected, actual = (program(inputs | asked) for program in (representation, scripted))
    for key in ("field_values", "field_at_atoms", "field_probes", "scalar_representation"):
        torch.testing.assert_close(actual[key], expected[key], rtol=1e-4, atol=TOLERANCE[dtype])


@both_atlases
def test_a_dictionary_can_be_used_again(charts, batch, build):
    """What is kept for all points of a molecule isn't kept for the next, or the next step."""
    representation, inputs = build(charts=charts), batch("ethanol")
    inputs |= {"field_points": torch.randn(20, 3), "field_n_points": torch.tensor([20])}
    for _ in range(2):
        representation(inputs)["field_values"].square().sum().backward()
    representation(inputs)
    before = inputs["field_values"]
    randomise_the_inr(representation.function.inr)
    expected = representation(
        batch("ethanol") | {key: inputs[key] for key in ("field_points", "field_n_points")}
    )
    torch.testing.assert_close(representation(inputs)["field_values"], expected["field_values"])
    assert relative(expected["field_values"], before) > 1e-2


def test_with_pairs_of_elements_an_atom_reads_the_same_function(batch, dtype):
    """A chart knows its own element, whoever asks it: an atom or a point."""
    basis = LearnedRadialEncoding(8, 4.0, pair_rank=2)
    molfield = "schnetpack_molfield.representation.MolField"
    options = {"n_atom_basis": 16, "n_interactions": 3, "cutoff_fn": CosineCutoff(4.0)}
    representation = ElementPairs(molfield, basis, **options).to(dtype)
    for parameter in representation.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    inputs = batch(*NAMES, dtype=dtype)
    asked = {"field_points": inputs[properties.R], "field_point_idx_m": inputs[properties.idx_m]}
    outputs = representation(inputs | asked)
    assert relative(outputs["field_values"], outputs["field_at_atoms"]) <= TOLERANCE[dtype]
    nn.init.zeros_(basis.pair.mixing)
    alike = representation(inputs | asked)
    assert relative(alike["field_values"], outputs["field_values"]) > 1e-3
