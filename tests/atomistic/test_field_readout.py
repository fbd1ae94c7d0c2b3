"""A property from weight tokens and probe points of the field."""

import pytest
import torch
from ase import Atoms
from schnetpack import properties
from schnetpack.atomistic import Forces, PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList

from schnetpack_molfield.atomistic import FieldReadout
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing import MOLECULES, molecule

CUTOFF = 4.0
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
both_atlases = pytest.mark.parametrize("charts", ["atom", "molecule"])
both_modes = pytest.mark.parametrize("mode", ["sum", "avg"])


def convert(*structures: str | Atoms, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    atoms = [molecule(s) if isinstance(s, str) else s for s in structures]
    return AtomsConverter(ASENeighborList(CUTOFF), dtype=dtype)(atoms)


def build(
    charts: str = "atom",
    mode: str = "sum",
    dtype: torch.dtype = torch.float64,
    n_hidden: int = 16,
    forces: bool = False,
    n_probes: int = 6,
    n_layers: int = 2,
    **options: object,
) -> NeuralNetworkPotential:
    """A model in which every parameter counts, those too that start at zero."""
    representation = MolField(
        n_atom_basis=16,
        n_interactions=2,
        radial_basis=GaussianRBF(n_rbf=8, cutoff=CUTOFF),
        cutoff_fn=CosineCutoff(CUTOFF),
        charts=charts,
        n_hidden=n_hidden,
        n_layers=n_layers,
        n_probes=n_probes,
    )
    readout = FieldReadout(16, aggregation_mode=mode, n_probes=n_probes, **options)
    modules = [readout, Forces(energy_key="y")] if forces else [readout]
    model = NeuralNetworkPotential(
        representation, input_modules=[PairwiseDistances()], output_modules=modules
    )
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return model.to(dtype).eval()


def value(model: NeuralNetworkPotential, *structures: str | Atoms) -> torch.Tensor:
    return model(convert(*structures, dtype=next(model.parameters()).dtype))["y"]


@both_atlases
@both_modes
def test_rotated_and_shifted_molecules(charts, mode, dtype, orthogonal) -> None:
    model = build(charts, mode, dtype)
    structures = [molecule(name) for name in MOLECULES]
    turned = [
        Atoms(atoms.numbers, positions=atoms.positions @ orthogonal[0].numpy().T + 3.0)
        for atoms in structures
    ]
    expected = value(model, *structures)
    assert expected.shape == (len(MOLECULES),) and expected.dtype == dtype
    scale = expected.abs().max()
    torch.testing.assert_close(
        value(model, *turned) / scale, expected / scale, rtol=0, atol=TOLERANCE[dtype]
    )


@pytest.mark.parametrize(("mode", "factor"), [("sum", 2.0), ("avg", 1.0)])
def test_two_far_copies(mode, factor, dtype) -> None:
    """Have twice an extensive property and the same intensive one, with local charts."""
    model = build("atom", mode, dtype)
    one, two = molecule("ethanol"), molecule("ethanol")
    two.translate([50.0, 0.0, 0.0])
    torch.testing.assert_close(
        value(model, one + two), factor * value(model, one), rtol=1e-4, atol=TOLERANCE[dtype]
    )


def test_modes_of_a_molecule_chart() -> None:
    """One number per molecule: as it is, or times the number of atoms."""
    torch.manual_seed(0)
    intensive = build("molecule", "avg")
    torch.manual_seed(0)
    extensive = build("molecule", "sum")
    names = ("H2O", "ethanol", "H")
    sizes = torch.tensor([3.0, 9.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(value(extensive, *names), sizes * value(intensive, *names))


@both_atlases
@both_modes
def test_a_batch_is_its_molecules(charts, mode) -> None:
    model = build(charts, mode)
    names = ("H2O", "aspirin", "H", "CO2")
    alone = torch.cat([value(model, name) for name in names])
    torch.testing.assert_close(value(model, *names), alone, rtol=0, atol=1e-11)


def test_several_outputs() -> None:
    model = build(n_out=3, output_key="orbitals")
    results = model(convert("H2O", "ethanol", dtype=torch.float64))
    assert results["orbitals"].shape == (2, 3)
    assert (results["orbitals"][:, 0] - results["orbitals"][:, 1]).abs().min() > 1e-6
    assert model.model_outputs == ["orbitals"]


def test_other_widths_of_the_field() -> None:
    assert value(build(n_hidden=32, n_function=32, n_probes=2), "H2O").shape == (1,)
    assert value(build(n_layers=3, n_tokens=48, n_probes=2), "H2O").shape == (1,)
    assert value(build(n_probes=0), "H2O").shape == (1,)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"n_hidden": 32}, "32 channels .* this head expects n_in = 16"),
        ({"n_layers": 3}, "48 numbers in its tokens, this head expects n_tokens = 32"),
    ],
)
def test_another_representation_is_refused(options, error) -> None:
    with pytest.raises(ValueError, match=error):
        value(build(**options), "H2O")


@pytest.mark.parametrize("n_probes", [0, 4])
def test_other_numbers_of_probes_are_refused(n_probes) -> None:
    model = build(n_probes=n_probes)
    model.output_modules[0] = FieldReadout(16, n_probes=6).double()
    with pytest.raises(ValueError, match=f"has {n_probes} probes of each chart.* expects 6"):
        value(model, "H2O")


@both_atlases
def test_reads_tokens_and_probes(charts) -> None:
    """Either alone changes the result."""
    model = build(charts)
    inputs = PairwiseDistances()(convert("rattled ethanol", dtype=torch.float64))
    outputs, readout = model.representation(inputs), model.output_modules[0]
    before = readout(dict(outputs))["y"]
    tokens = readout(outputs | {"field_tokens": outputs["field_tokens"] + 0.1})["y"]
    probes = readout(outputs | {"field_probes": outputs["field_probes"] + 0.1})["y"]
    assert (tokens - before).abs() > 1e-6
    assert (probes - before).abs() > 1e-6


@both_atlases
def test_every_parameter_of_it_learns(charts) -> None:
    model = build(charts)
    value(model, "rattled ethanol", "CHFClBr").square().sum().backward()
    for name, parameter in model.output_modules.named_parameters():
        assert parameter.grad.any(), name
    probes = model.representation.probes
    assert probes.points.grad.abs().max() > 1e-9 and probes.axes.weight.grad.any()


@both_atlases
@pytest.mark.parametrize("name", ["rattled ethanol", "CO2", "CH4", "H2"])
def test_gradient_by_finite_differences(charts, name) -> None:
    """Also where the molecule's symmetry leaves no axes for the probes."""
    model, inputs = build(charts), convert(name, dtype=torch.float64)

    def of_positions(positions: torch.Tensor) -> torch.Tensor:
        return model(inputs | {properties.R: positions})["y"]

    positions = inputs[properties.R].clone().requires_grad_()
    assert torch.autograd.gradcheck(of_positions, positions, fast_mode=True)
    assert torch.autograd.gradgradcheck(of_positions, positions, fast_mode=True)


@both_atlases
def test_torchscript_agrees(charts, dtype) -> None:
    model = build(charts, "sum", dtype, forces=True)
    script = torch.jit.script(model)
    for names in (("H2O", "aspirin"), ("H",), ("CO2", "ethanol")):
        expected = model(convert(*names, dtype=dtype))
        actual = script(convert(*names, dtype=dtype))
        for key in ("y", "forces"):
            scale = expected[key].abs().max().clamp(min=1.0)
            torch.testing.assert_close(
                actual[key] / scale, expected[key] / scale, rtol=0, atol=TOLERANCE[dtype]
            )


def test_unknown_mode() -> None:
    with pytest.raises(ValueError, match="aggregation_mode 'summ'; did you mean 'sum'"):
        FieldReadout(16, aggregation_mode="summ")
