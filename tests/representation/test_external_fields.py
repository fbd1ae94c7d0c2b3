"""External fields, and the responses to them that SchNetPack's `Response` computes."""

import pytest
import torch
from schnetpack import properties
from schnetpack.atomistic import Atomwise, PairwiseDistances, Response, StaticExternalFields
from schnetpack.model import NeuralNetworkPotential
from schnetpack.task import ModelOutput

ELECTRIC = [properties.dipole_moment, properties.polarizability]
MAGNETIC = [properties.shielding, properties.nuclear_spin_coupling]
EXPERIMENT = [properties.forces, *ELECTRIC, properties.shielding]  # of experiment=response
EVERYTHING = {
    properties.forces: ("n_atoms", 3),
    properties.hessian: ("n_pairs", 3, 3),
    properties.dipole_moment: ("n_molecules", 3),
    properties.polarizability: ("n_molecules", 3, 3),
    properties.dipole_derivatives: ("n_atoms", 3, 3),
    properties.polarizability_derivatives: ("n_atoms", 3, 3, 3),
    properties.shielding: ("n_atoms", 3, 3),
    properties.nuclear_spin_coupling: ("n_pairs", 3, 3),
}
both_atlases = pytest.mark.parametrize("charts", ["atom", "molecule"])


@pytest.fixture
def model(build):
    """Make SchNetPack's model of responses around a MolField."""

    def model(response_properties, dtype=torch.float64, **options):
        representation = build(dtype, response_properties=response_properties, **options)
        torch.manual_seed(1)
        return NeuralNetworkPotential(
            representation,
            input_modules=[
                PairwiseDistances(),
                StaticExternalFields(response_properties=response_properties),
            ],
            output_modules=[
                Atomwise(n_in=16, output_key="energy"),
                Response("energy", response_properties),
            ],
        ).to(dtype)

    return model


def turned(inputs, matrix):
    """Molecules and fields turned together; magnetic fields are axial vectors."""
    axial = matrix * torch.linalg.det(matrix)
    matrices = {
        properties.R: matrix,
        properties.electric_field: matrix,
        properties.magnetic_field: axial,
        properties.nuclear_magnetic_moments: axial,
    }
    return inputs | {k: inputs[k] @ m.T.to(inputs[k]) for k, m in matrices.items() if k in inputs}


def assert_same(actual, expected, tolerance=1e-10):
    """Relative to the largest value: an untrained response can be of any size."""
    size = expected.abs().max()
    assert size > 1e-4
    torch.testing.assert_close(actual / size, expected / size, rtol=0, atol=tolerance)


def with_fields(inputs):
    n_molecules, n_atoms = len(inputs[properties.n_atoms]), len(inputs[properties.Z])
    return inputs | {
        properties.electric_field: torch.randn(n_molecules, 3).to(inputs[properties.R]),
        properties.magnetic_field: torch.randn(n_molecules, 3).to(inputs[properties.R]),
        properties.nuclear_magnetic_moments: torch.randn(n_atoms, 3).to(inputs[properties.R]),
    }


def evaluate(model, inputs):
    copies = {key: value.clone() for key, value in inputs.items()}
    return {key: value.detach() for key, value in model.eval()(copies).items()}


@both_atlases
def test_shapes_of_all_responses(charts, model, convert, dtype):
    results = evaluate(
        model(list(EVERYTHING), dtype, charts=charts), convert("H2O", "C2H2", dtype=dtype)
    )
    sizes = {"n_atoms": 7, "n_molecules": 2, "n_pairs": 9 + 16}
    for key, shape in EVERYTHING.items():
        assert results[key].shape == tuple(sizes.get(n, n) for n in shape), key
        assert results[key].dtype == dtype and results[key].isfinite().all()


@both_atlases
def test_energy_does_not_change_with_molecule_and_fields_turned(charts, model, convert, orthogonal):
    network = model(EXPERIMENT, charts=charts)
    inputs = with_fields(convert("rattled ethanol", "CHFClBr", dtype=torch.float64))
    expected = evaluate(network, inputs)["energy"]
    actual = evaluate(network, turned(inputs, orthogonal[0]))["energy"]
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "field",
    [
        properties.electric_field,
        properties.magnetic_field,
        properties.nuclear_magnetic_moments,
    ],
)
def test_energy_changes_with_a_field_turned_alone(field, model, convert):
    network = model(EXPERIMENT)
    inputs = with_fields(convert("rattled ethanol", dtype=torch.float64))
    expected = evaluate(network, inputs)["energy"]
    actual = evaluate(network, inputs | {field: inputs[field].roll(1, dims=1)})["energy"]
    assert (actual - expected).abs().min() > 1e-6


def test_energy_is_even_in_magnetic_fields(model, convert):
    """Time reversal turns them around; an electric field is another matter."""
    network = model(EXPERIMENT)
    inputs = with_fields(convert("rattled ethanol", dtype=torch.float64))
    expected = evaluate(network, inputs)["energy"]
    magnetic = [properties.magnetic_field, properties.nuclear_magnetic_moments]
    actual = evaluate(network, inputs | {key: -inputs[key] for key in magnetic})["energy"]
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    electric = properties.electric_field
    actual = evaluate(network, inputs | {electric: -inputs[electric]})["energy"]
    assert (actual - expected).abs().min() > 1e-6


@both_atlases
def test_responses_turn_with_the_molecule(charts, model, convert, orthogonal):
    r = orthogonal[0]
    network = model([*EXPERIMENT, properties.nuclear_spin_coupling], charts=charts)
    inputs = convert("rattled ethanol", "CHFClBr", dtype=torch.float64)
    expected, actual = evaluate(network, inputs), evaluate(network, turned(inputs, r))
    for key in (properties.forces, properties.dipole_moment):
        assert_same(actual[key], expected[key] @ r.T)
    for key in (properties.polarizability, *MAGNETIC):
        assert_same(actual[key], r @ expected[key] @ r.T)


def test_dipole_moment_is_the_derivative_of_the_energy(model, convert):
    network = model(ELECTRIC)
    inputs = convert("rattled ethanol", dtype=torch.float64)
    h = 5e-6
    energies = [
        [
            evaluate(network, inputs | {properties.electric_field: sign * h * axis[None]})["energy"]
            for sign in (1, -1)
        ]
        for axis in torch.eye(3, dtype=torch.float64)
    ]
    numeric = torch.cat([(minus - plus) / (2 * h) for plus, minus in energies])
    dipole = evaluate(network, inputs)[properties.dipole_moment][0]
    assert_same(dipole, numeric, tolerance=1e-6)


def test_polarizability_is_symmetric(model, convert, dtype):
    results = evaluate(model(ELECTRIC, dtype), convert("ethanol", "CHFClBr", dtype=dtype))
    alpha = results[properties.polarizability]
    assert_same(alpha.mT, alpha, tolerance={torch.float32: 1e-5, torch.float64: 1e-12}[dtype])


@pytest.mark.parametrize("name", ["H2O", "CO2", "CH4", "C6H6"])
def test_symmetric_molecules(name, model, convert):
    """No dipole moment where symmetry forbids it, and all responses finite."""
    results = evaluate(model(EXPERIMENT), convert(name, dtype=torch.float64))
    assert all(results[key].isfinite().all() for key in EXPERIMENT)
    dipole = results[properties.dipole_moment].norm().item()
    assert (dipole > 1e-4) if name == "H2O" else (dipole < 1e-8)


def test_molecules_of_a_batch_have_their_own_fields(model, convert):
    network = model(EXPERIMENT)
    inputs = with_fields(convert("H2O", "ethanol", dtype=torch.float64))
    energies = evaluate(network, inputs)["energy"]
    alone = convert("ethanol", dtype=torch.float64) | {
        properties.electric_field: inputs[properties.electric_field][1:],
        properties.magnetic_field: inputs[properties.magnetic_field][1:],
        properties.nuclear_magnetic_moments: inputs[properties.nuclear_magnetic_moments][3:],
    }
    torch.testing.assert_close(evaluate(network, alone)["energy"], energies[1:], rtol=0, atol=1e-12)


@both_atlases
def test_only_the_fields_of_the_responses_are_read(charts, build, batch):
    """Forces alone need no field in the input, electric responses no magnetic one."""
    inputs = batch("H2O")
    plain = build(charts=charts, response_properties=[properties.forces])
    assert plain(dict(inputs))["scalar_representation"].isfinite().all()
    electric = build(charts=charts, response_properties=ELECTRIC)
    fields = {properties.electric_field: torch.zeros(1, 3)}
    assert electric(inputs | fields)["scalar_representation"].isfinite().all()


def test_training_on_responses(model, convert, fit):
    """With the keys of the experiment; the loss, 1 per key before, gets smaller."""
    network = model(EXPERIMENT, torch.float32)
    inputs = convert("H2O", "rattled ethanol")
    predictions = {key: evaluate(network, inputs)[key] for key in EXPERIMENT}
    outputs = [
        ModelOutput(key, torch.nn.MSELoss(), 1 / (0.1 * value).square().mean().item(), metrics={})
        for key, value in predictions.items()
    ]
    targets = {key: 0.9 * value for key, value in predictions.items()}
    loss = fit(network.train(), inputs | targets, *outputs)
    assert 0 < loss < 0.999 * len(EXPERIMENT)
