"""A prior over latents: statistics, training, conditions, and samples."""

import pytest
import torch

from schnetpack_molfield import properties as keys
from schnetpack_molfield.generation import PriorModel, load_prior
from schnetpack_molfield.generation.requests import SampleRequest, check_request, property_values
from schnetpack_molfield.model_files import load_model_file, save_model_file


def test_units_are_those_of_the_data(model, data) -> None:
    prior = model.prior
    assert prior.compositions.shape == (6, 4)
    assert sorted(prior.n_charts.tolist()) == [1, 2, 3, 3, 3, 6]
    assert prior.conditions.lowest[5] == -11.0 and prior.conditions.highest[5] == -6.0
    assert prior.network.pairs.length == prior.scaling.length > 0.5


def test_it_learns(autoencoder, data) -> None:
    torch.manual_seed(0)
    sizes = {"n_channels": 16, "n_directed": 4, "n_layers": 1, "n_heads": 2}
    model = PriorModel(autoencoder, ["H", "C", "N", "O"], ["homo", "gap"], **sizes)
    model.prior.fit_statistics(*data)
    optimizer = torch.optim.Adam(model.prior.parameters(), lr=5e-3)
    inputs = {keys.latent: data[0], keys.prior_values: data[1]}
    before = model.eval()(dict(inputs))[keys.prior_loss].mean().item()
    assert model(dict(inputs))[keys.prior_loss].mean().item() == before  # the same noise
    model.train()
    for _ in range(40):
        optimizer.zero_grad()
        model(dict(inputs))[keys.prior_loss].mean().backward()
        optimizer.step()
    after = model.eval()(dict(inputs))[keys.prior_loss].mean().item()
    assert after < 0.8 * before


def test_samples_are_latents_and_reproducible(model) -> None:
    prior = model.prior
    compositions = prior.draw_compositions(5, torch.Generator().manual_seed(1), n_charts=3)
    condition = prior.conditions(*prior.conditions.values_of(compositions, {"homo": -7.0}))
    n_charts = torch.tensor([3, 3, 1, 3, 3])
    drawn = [
        prior.sample(n_charts, condition, 3, generator=torch.Generator().manual_seed(2))
        for _ in range(2)
    ]
    assert torch.equal(*drawn)
    rows = drawn[0].view(5, 9, 23)
    assert rows[:, :, 3].sum(dim=1).tolist() == n_charts.tolist()
    guided = prior.sample(
        n_charts, condition, 3, guidance=2.0, generator=torch.Generator().manual_seed(2)
    )
    assert not torch.allclose(guided, drawn[0])
    with pytest.raises(ValueError, match="has 7 charts.*there are 1, 2, 3, 6"):
        prior.draw_compositions(1, n_charts=7)


def test_what_is_not_known_has_no_influence(model, data) -> None:
    conditions = model.prior.conditions
    known = torch.zeros(6, conditions.n_groups, dtype=torch.bool)
    assert not conditions(data[1], known).any()
    torch.manual_seed(0)
    told = torch.stack([conditions.draw_known(data[1]) for _ in range(200)]).float().mean((0, 1))
    assert told[0] == pytest.approx(0.8, abs=0.05)
    assert told[3] == 0  # the gap has no labels


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (SampleRequest(0), "at least 1, got 0"),
        (SampleRequest(1, {"C": 1, "F": 4}), "knows H, C, N, O, not F"),
        (SampleRequest(1, {"C": 10, "H": 22}), "holds 1 to 9 heavy atoms, the composition has 10"),
        (SampleRequest(1, {"C": 2, "H": 6}, n_charts=3), "2 heavy atoms, but --charts is 3"),
        (SampleRequest(1, properties={"gap": (5.0, "eV")}), "labels of 'gap': there is homo"),
        (SampleRequest(1, properties={"hom": (5.0, "")}), "did you mean 'homo'"),
        (SampleRequest(1, properties={"homo": (5.0, "Debye")}), "in eV, to which Debye"),
    ],
)
def test_what_cannot_be_made(model, request_, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_request(request_, model.prior)


def test_warnings_beyond_the_data(model) -> None:
    assert check_request(SampleRequest(1, {"C": 2, "H": 6, "O": 1}), model.prior) == []
    far = SampleRequest(1, {"C": 2, "H": 6, "O": 2}, properties={"homo": (-20.0, "")})
    composition, homo = check_request(far, model.prior)
    assert composition == (
        "C2H6O2 isn't in the training data; nearest to it is C2H6O, 1 atoms away"
    )
    assert "homo = -20 eV is outside of the training data, -11 to -6" in homo


def test_units_of_properties(model) -> None:
    request = SampleRequest(1, properties={"homo": (-0.25, "Ha")})
    value = property_values(request, model.prior.conditions)["homo"]
    assert value == pytest.approx(-6.8028, abs=1e-3)


def test_files(model, autoencoder, tmp_path) -> None:
    save_model_file(tmp_path / "prior.safetensors", model)
    again = load_prior(tmp_path / "prior.safetensors")
    draws = [
        m.prior.sample(
            torch.tensor([2]), torch.zeros(1, m.prior.conditions.n_condition), 2,
            generator=torch.Generator().manual_seed(0),
        )
        for m in (model, again)
    ]  # fmt: skip
    assert torch.equal(*draws)
    save_model_file(tmp_path / "auto.safetensors", autoencoder)
    assert load_model_file(tmp_path / "auto.safetensors")
    with pytest.raises(ValueError, match="holds no prior"):
        load_prior(tmp_path / "auto.safetensors")


def test_an_auto_encoder_is_needed() -> None:
    with pytest.raises(ValueError, match="globals.autoencoder=runs/NAME"):
        PriorModel(None)
