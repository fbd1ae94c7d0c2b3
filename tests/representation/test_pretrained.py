"""Weights that are taken over from a model's file: which, and what stays of the functions."""

import pytest
import torch
from schnetpack.atomistic import Atomwise
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN

from schnetpack_molfield.model_files import save_model_file
from schnetpack_molfield.representation import ChartAutoencoder, MolField
from schnetpack_molfield.train.rates import scale_steps


def build(seed=1, cls=MolField, n_atom_basis=16, n_rbf=8, cutoff=4.0, **options):
    torch.manual_seed(seed)
    parts = GaussianRBF(n_rbf, cutoff), CosineCutoff(cutoff)
    return cls(n_atom_basis, 3, *parts, **options)


def file_of(representation, folder):
    path = folder / "pretrained.safetensors"
    save_model_file(path, NeuralNetworkPotential(representation))
    return str(path)


def outputs(representation, inputs):
    return representation.eval()(dict(inputs))["scalar_representation"]


@pytest.mark.parametrize("lr_scale", [2.0, 0.5])
def test_the_same_function(lr_scale, tmp_path, batch, capsys):
    """All weights fit, and rates of learning don't change what they compute."""
    source = build(0, lr_scale=lr_scale)
    started = build(pretrained=file_of(source, tmp_path))
    inputs = batch("ethanol", "CH4")
    torch.testing.assert_close(outputs(started, inputs), outputs(source, inputs))
    n = sum(p.numel() for p in source.parameters())
    assert f"{n} of {n} weights of the representation taken over\n" in capsys.readouterr().out


def test_of_an_autoencoder(tmp_path, batch, capsys):
    """Of a model with one latent per molecule its MolField is taken, and nothing else."""
    source = build(0, ChartAutoencoder)
    started = build(pretrained=file_of(source, tmp_path))
    inputs = batch("ethanol")
    torch.testing.assert_close(outputs(started, inputs), outputs(source.molfield, inputs))
    assert "only" not in capsys.readouterr().out


def test_what_does_not_fit_stays_and_is_named(tmp_path, capsys):
    source = build(0, n_layers=3, n_rbf=6, cutoff=3.0)
    path = file_of(source, tmp_path)
    started, fresh = build(pretrained=path), build()
    assert torch.equal(started.embedding.weight, source.embedding.weight)
    assert torch.equal(started.radial_functions.weight, fresh.radial_functions.weight)
    line = capsys.readouterr().out
    assert "of another shape: function, radial_functions" in line
    assert "only there: function" in line and "cutoff 3 there, 4 here" in line


def test_frozen_groups_and_rates(tmp_path, batch):
    """One step of Adam: frozen weights stay, slow ones move a tenth of what they did."""
    path, inputs = file_of(build(0), tmp_path), batch("ethanol")
    moved = []
    for rates in ({}, {"encoder": 0.1, "interactions": 0.5, "interactions.0.mixing": 0.1}):
        model = build(pretrained=path, frozen=["embedding", "norm"], rates=rates)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
        scale_steps(optimizer, model, model.rates)
        outputs(model, inputs).square().sum().backward()
        optimizer.step()
        moved.append({name: p.detach() - before[name] for name, p in model.named_parameters()})
    factors = {"embedding.weight": None, "encoder.elements.weight": 0.1}
    factors |= {"interactions.0.mixing.weight": 0.1, "interactions.0.update.gates.0.weight": 0.5}
    for name, factor in factors.items():
        usual, slow = moved[0][name], moved[1][name]
        assert usual.any() != (factor is None)
        torch.testing.assert_close(slow, usual * (factor or 0), rtol=1e-3, atol=1e-7)
    update = "update.gates.0.weight"
    torch.testing.assert_close(moved[1][update], moved[0][update])


def test_bad_input(tmp_path):
    path = file_of(build(0), tmp_path)
    with pytest.raises(ValueError, match="n_atom_basis = 16, this model 32"):
        build(n_atom_basis=32, pretrained=path)
    with pytest.raises(ValueError, match="no group 'encodr', did you mean 'encoder'"):
        build(pretrained=path, frozen=["encodr"])
    with pytest.raises(ValueError, match="encoder = -1, expected a positive number"):
        build(pretrained=path, rates={"encoder": -1})
    with pytest.raises(ValueError, match="set pretrained"):
        build(frozen=["encoder"])
    with pytest.raises(FileNotFoundError, match="no model file"):
        build(pretrained=str(tmp_path / "nothing"))
    (tmp_path / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(ValueError, match=r"broken\.safetensors.*is damaged"):
        build(pretrained=str(tmp_path / "broken.safetensors"))
    painn = PaiNN(16, 1, GaussianRBF(8, 4.0), CosineCutoff(4.0))
    path = file_of(painn, tmp_path)
    with pytest.raises(ValueError, match="has the representation PaiNN, none with weights of Mol"):
        build(pretrained=path)


def test_a_head_behind_it_is_saved_frozen(tmp_path):
    """A model that was begun at another is a model like any other: it needs no file any more."""
    path = file_of(build(0), tmp_path)
    model = NeuralNetworkPotential(
        build(pretrained=path, frozen=["encoder"]), output_modules=[Atomwise(16)]
    )
    save_model_file(tmp_path / "second.safetensors", model)
    (tmp_path / "pretrained.safetensors").unlink()
    again = build(pretrained=str(tmp_path / "second.safetensors"))
    assert torch.equal(again.embedding.weight, model.representation.embedding.weight)
