"""Parts of one's own: as a class, as a partial with options, and from a configuration."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from schnetpack import properties

from schnetpack_molfield.testing import molecule

sys.path.insert(0, str(Path(__file__).parent))
from third_party import DeepHyperNetwork, Softsine, VectorFrame

both_atlases = pytest.mark.parametrize("charts", ["atom", "molecule"])
CLASSES = {"frame": VectorFrame, "activation": Softsine, "hypernetwork": DeepHyperNetwork}
OPTIONS = {
    "frame": {"n_vectors": 5},
    "activation": {"amplitude": 0.25},
    "hypernetwork": {"width": 20},
}
every_part = pytest.mark.parametrize("part", CLASSES)


def parts(representation, part):
    """The parts of that kind in every round, the last one included."""
    return [getattr(m.inr, part) for m in (*representation.interactions, representation.function)]


def configured(part):
    name = CLASSES[part].__name__
    return {"_target_": f"third_party.{name}", "_partial_": True, **OPTIONS[part]}


@both_atlases
@every_part
def test_a_class(part, charts, batch, build):
    representation = build(charts=charts, **{part: CLASSES[part]})
    assert {type(p) for p in parts(representation, part)} == {CLASSES[part]}
    usual = build(charts=charts)(batch("ethanol"))["scalar_representation"]
    other = representation(batch("ethanol"))["scalar_representation"]
    assert other.isfinite().all() and (other - usual).abs().max() > 1e-3


@every_part
def test_a_partial_with_options(part, build):
    representation = build(**{part: partial(CLASSES[part], **OPTIONS[part])})
    for found in parts(representation, part):
        for name, value in OPTIONS[part].items():
            assert getattr(found, name) == value


@both_atlases
def test_one_line_of_configuration_each(charts, batch, build, orthogonal):
    """All three by hydra: a representation that learns and turns with the molecule."""
    options = {
        "_target_": "schnetpack_molfield.representation.MolField",
        "n_atom_basis": 16,
        "n_interactions": 3,
        "charts": charts,
        "radial_basis": {"_target_": "schnetpack.nn.GaussianRBF", "n_rbf": 8, "cutoff": 4.0},
        "cutoff_fn": {"_target_": "schnetpack.nn.CosineCutoff", "cutoff": 4.0},
    }
    representation = instantiate(options | {part: configured(part) for part in CLASSES}).double()
    for part, kind in CLASSES.items():
        assert {type(p) for p in parts(representation, part)} == {kind}
    atoms, turned = molecule("rattled ethanol"), molecule("rattled ethanol")
    turned.positions = atoms.positions @ orthogonal[0].numpy().T
    written, other = (representation(batch(a, dtype=torch.float64)) for a in (atoms, turned))
    for key, matrix in (
        ("vector_representation", orthogonal[0]),
        ("field_at_atoms", orthogonal[1]),
    ):
        torch.testing.assert_close(other[key], matrix @ written[key], rtol=0, atol=1e-10)
    written["scalar_representation"].square().sum().backward()
    inr = representation.function.inr
    for part in (inr.frame, inr.hypernetwork):
        assert all(parameter.grad.any() for parameter in part.parameters())


def test_parts_of_ones_own_can_be_asked_anywhere(batch, build):
    """Atoms read what points at their places do."""
    representation = build(torch.float64, **CLASSES)
    inputs = batch("rattled ethanol", dtype=torch.float64)
    outputs = representation(inputs)
    read = representation.read(inputs[properties.R], inputs[properties.idx_m], outputs)
    torch.testing.assert_close(read, outputs["field_at_atoms"], rtol=0, atol=1e-12)


@every_part
def test_an_instance_is_refused(part, build):
    """Every round needs a part of its own."""
    with pytest.raises(TypeError, match=f"{part} must be one of .* a class or partial") as raised:
        build(**{part: torch.nn.Identity()})
    assert "\n" not in str(raised.value)


def test_what_makes_no_module_is_refused(build):
    with pytest.raises(TypeError, match="frame must make a torch.nn.Module, got dict") as raised:
        build(frame=lambda n_channels, n_hidden, degree: {})
    assert "\n" not in str(raised.value)


def test_a_part_that_takes_other_arguments_is_refused(build):
    with pytest.raises(TypeError, match="frame can't be made of .*Softsine") as raised:
        build(frame=Softsine)
    assert "\n" not in str(raised.value)


class FourRows(VectorFrame):
    """A frame without the rows of degree 2."""

    def forward(self, features):
        return super().forward(features)[:, :4]


class Flat(DeepHyperNetwork):
    """All tokens in one."""

    def forward(self, latent):
        return super().forward(latent).flatten(1)


class Pair(Softsine):
    """Two results."""

    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("part", "kind", "message"),
    [
        (
            "frame",
            FourRows,
            r"frame FourRows maps \(2, 9, 16\) to \(2, 4, 16\), expected \(2, 9, 16",
        ),
        (
            "hypernetwork",
            Flat,
            r"hypernetwork Flat maps \(2, 16\) to \(2, 32\), expected \(2, 4, 8",
        ),
        ("activation", Pair, r"activation Pair maps \(2, 16\) to tuple, expected \(2, 16\)"),
    ],
)
def test_a_part_with_other_shapes_is_refused(part, kind, message, build):
    with pytest.raises(ValueError, match=message) as raised:
        build(**{part: kind})
    assert "\n" not in str(raised.value)
