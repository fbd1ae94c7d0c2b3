"""Fits of auto-decoders: they learn, stop and continue exactly."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from ase.build import molecule

from schnetpack_molfield.fields import Grid, VectorFunction
from schnetpack_molfield.fit.field_fit import FieldFit, FitOptions, make_auto_decoder, psnr

OPTIONS = FitOptions(n_steps=100, batch_size=512)
CHANNELS = ["H", "O"]


def water(n_members=1):
    """Waters that move along x as charts, samples of their exact functions and their points."""
    atoms = molecule("H2O")
    shifts = 0.3 * np.arange(n_members)[:, None, None] * [1, 0, 0]
    positions = atoms.positions + shifts  # (n_members, 3, 3)
    points = torch.tensor(Grid.around(positions.reshape(-1, 3), 0.6, 2.0).points).float()
    values = [
        VectorFunction(CHANNELS)(points, torch.tensor(atoms.numbers), torch.tensor(r).float())
        for r in positions
    ]
    return positions, points, torch.stack(values)


def start(n_members=1, options=OPTIONS, dtype=torch.float32):
    positions, points, values = water(n_members)
    model = make_auto_decoder(positions, CHANNELS, options).to(dtype)
    return FieldFit(model, points.to(dtype), values.to(dtype), options, data_range=np.exp(2.0))


def run(fit, n_checks=None):
    return list(islice(fit.run(), n_checks))[-1]


def test_psnr_is_the_formula():
    values, exact = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.2]])
    assert psnr(values, exact, 3.0) == pytest.approx(10 * np.log10(9 / 0.02), rel=1e-5)


@pytest.mark.parametrize("n_members", [1, 3])
def test_it_learns(n_members, dtype):
    fit = start(n_members, dtype=dtype)
    assert run(fit).step == 100
    assert fit.best_psnr > 30
    model, members = fit.best_model(), torch.arange(n_members)
    points = fit.points.repeat(n_members, 1)
    idx_m = members.repeat_interleave(len(fit.points))
    values = model(model.latents, points, idx_m) * fit.scale
    assert psnr(values, (fit.values * fit.scale).flatten(0, 1), np.exp(2.0)) > 30


def test_stopped_and_continued_is_the_same_as_not_stopped(tmp_path):
    whole, first = start(2), start(2)
    run(whole)
    run(first, n_checks=1)
    assert first.step == 50
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = start(2)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    run(second)
    assert second.best_psnr == whole.best_psnr
    for name, weight in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], weight, rtol=0, atol=0)


def test_seeds_make_runs():
    fits = [start(options=replace(OPTIONS, seed=seed, n_steps=50)) for seed in (0, 0, 1)]
    reached = [run(fit).psnr for fit in fits]
    assert reached[0] == reached[1] != reached[2]


def test_the_best_weights_are_kept():
    fit = start(options=replace(OPTIONS, n_steps=150))
    first, best = run(fit, n_checks=1), fit.best_model()
    fit.values = -fit.values  # unlearns
    later = [progress.psnr for progress in fit.run()]
    assert len(later) == 2 and fit.best_psnr == first.psnr > max(later)
    torch.testing.assert_close(fit.best_model().state_dict(), best.state_dict(), rtol=0, atol=0)


def test_amplitudes_do_not_matter():
    positions, points, values = water()
    reached = []
    for factor in (1.0, 1e4):
        model = make_auto_decoder(positions, CHANNELS, OPTIONS)
        fit = FieldFit(model, points, factor * values, OPTIONS, factor * np.exp(2.0))
        reached.append(run(fit).psnr)
    assert reached[0] == pytest.approx(reached[1], abs=0.5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p, v: (p, v[:, :-1]), r"values must have shape \(1, \d+, 2\)"),
        (lambda p, v: (p, v.clone().fill_(torch.nan)), "samples must be finite"),
        (lambda p, v: (p.clone().fill_(torch.inf), v), "samples must be finite"),
        (lambda p, v: (p, 0 * v), "zero everywhere"),
    ],
)
def test_bad_samples(spoil, message):
    positions, points, values = water()
    model = make_auto_decoder(positions, CHANNELS, OPTIONS)
    with pytest.raises(ValueError, match=message):
        FieldFit(model, *spoil(points, values), OPTIONS, 1.0)
