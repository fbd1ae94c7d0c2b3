"""Heavy atoms and moments of their hydrogens: what is in the latent, and a field made of it."""

import pytest
import torch
from ase import Atoms
from e3nn import o3
from schnetpack import properties
from schnetpack.nn import CosineCutoff, GaussianRBF

from schnetpack_molfield.representation import MomentAutoencoder, MomentEncoder
from schnetpack_molfield.testing.molecules import molecule
from schnetpack_molfield.testing.potential import perturb

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def latents(structures, batch, dtype=torch.float64, **options):
    """Rows (n_molecules, n_charts, n_numbers) of molecules."""
    encoder = MomentEncoder(**options).to(dtype)
    latent = encoder(batch(*structures, dtype=dtype))["field_latent"]
    return latent.unflatten(1, (encoder.n_charts, -1))


def build(**options):
    torch.manual_seed(0)
    model = MomentAutoencoder(16, GaussianRBF(8, 4.0), CosineCutoff(4.0), **options)
    perturb(model, 0)
    return model


def turned(atoms, matrix, shift=(1.5, -2.0, 0.5)):
    return Atoms(atoms.numbers, atoms.positions @ matrix.numpy().T + shift)


def test_what_a_chart_holds(batch, dtype):
    """Ethanol's oxygen: place, one, element, one hydrogen and its harmonics by e3nn."""
    atoms = molecule("ethanol")
    rows = latents([atoms, "H2O"], batch, dtype)
    assert rows.shape == (2, 9, 4 + 3 + 1 + 3 + 5 + 7)
    heavy = [i for i, z in enumerate(atoms.numbers) if z > 1]
    oxygen = next(k for k, i in enumerate(heavy) if atoms.numbers[i] == 8)
    row = rows[0, oxygen]
    place = torch.as_tensor(atoms.positions[heavy[oxygen]], dtype=dtype)
    torch.testing.assert_close(row[:3], place)
    torch.testing.assert_close(row[3:8], torch.tensor([1.0, 0, 0, 1, 1], dtype=dtype))
    bond = atoms.positions[atoms.numbers == 1] - place.double().numpy()
    bond = torch.as_tensor(bond[(bond**2).sum(1).argmin()])
    expected = o3.spherical_harmonics([1, 2, 3], bond, False, "component")
    torch.testing.assert_close(row[8:].double(), expected, rtol=0, atol=3 * TOLERANCE[dtype])
    assert sorted(rows[0, :3, 7].round().tolist()) == [1, 2, 3]
    assert not rows[0, 3:].any() and not rows[1, 1:].any()


@pytest.mark.parametrize("name", ["ethanol", "CH4", "aspirin"])
def test_moments_turn_with_the_molecule(name, batch, orthogonal):
    atoms, matrix = molecule(name), orthogonal[0]
    before, after = latents([atoms, turned(atoms, matrix)], batch, n_charts=13)
    torch.set_default_dtype(torch.float64)  # e3nn makes its generators in the default precision
    wigner = o3.Irreps("1o + 2e + 3o").D_from_matrix(matrix)
    torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(after[:, 3:8], before[:, 3:8], rtol=0, atol=1e-12)
    torch.testing.assert_close(after[:, 8:], before[:, 8:] @ wigner.T, rtol=0, atol=1e-12)


def test_hydrogens_are_a_set(batch):
    """Their order doesn't matter; one that goes from an atom to another is counted once."""
    atoms = molecule("ethanol")
    first, second = latents([atoms, atoms[::-1]], batch)[:, :3]
    torch.testing.assert_close(first, second.flip(0), rtol=0, atol=1e-12)
    pair = Atoms("OOHHH", [[0, 0, 0], [2.4, 0, 0], [-0.5, 0.8, 0], [2.9, 0.8, 0], [1.2, 0, 0]])
    counts = []
    for x in (1.1, 1.199, 1.2, 1.201, 1.3):
        pair.positions[4, 0] = x
        counts.append(latents([pair], batch)[0, :2, 7])
    counts = torch.stack(counts)
    torch.testing.assert_close(counts.sum(dim=1), torch.full((5,), 3.0, dtype=torch.float64))
    torch.testing.assert_close(counts[2], torch.tensor([1.5, 1.5], dtype=torch.float64))
    assert (counts[1] - counts[3]).abs().max() < 0.1 and counts[0, 0] > 1.99


def test_degree_three_sees_how_a_methyl_group_is_turned(batch):
    """By 60 degrees: moments of degree 1 and 2 of a threefold group are the same."""
    angles = torch.arange(3) * 2 * torch.pi / 3
    structures = []
    for turn in (0.0, torch.pi / 3):
        ring = torch.stack([torch.cos(angles + turn), torch.sin(angles + turn)], dim=1)
        hydrogens = torch.cat([1.03 * ring, torch.full((3, 1), 0.36)], dim=1)
        structures.append(Atoms("CHHH", torch.cat([torch.zeros(1, 3), hydrogens]).numpy()))
    first, second = latents(structures, batch)[:, 0, 8:]
    torch.testing.assert_close(first[:8], second[:8], rtol=0, atol=1e-5)
    assert (first[8:] - second[8:]).abs().max() > 1
    assert latents(structures, batch, degree=2).shape[2] == 4 + 4 + 8


def test_noise_is_for_training_and_for_charts_in_use(batch):
    model, inputs = build(noise=0.1), batch("ethanol")
    exact = model.eval()(dict(inputs))["field_latent"].view(9, -1)
    noisy = model.train()(dict(inputs))["field_latent"].view(9, -1)
    assert torch.equal(exact[:, :4], noisy[:, :4]) and torch.equal(exact[3:], noisy[3:])
    assert 0.05 < (exact - noisy)[:3, 4:].std() < 0.2


def test_field_turns_with_the_molecule(batch, dtype, orthogonal):
    """An invariant function of points, and nothing but the latent in it."""
    model, matrix = build().to(dtype).eval(), orthogonal[0]
    points = torch.randn(20, 3, dtype=torch.float64)
    values = []
    for atoms, at in (
        (molecule("ethanol"), points),
        (turned(molecule("ethanol"), matrix, 0), points @ matrix.T),
    ):
        written = model(batch(atoms, dtype=dtype))
        decoded = model.decoder({"field_latent": written["field_latent"]})
        idx_m = torch.zeros(20, dtype=torch.long)
        values.append(model.read(at.to(dtype), idx_m, decoded)[:, 0])
    assert values[0].abs().max() > 1e-2
    torch.testing.assert_close(*values, rtol=0, atol=10 * TOLERANCE[dtype])


def test_torchscript_agrees(batch):
    model, inputs = build().eval(), batch("ethanol", "CH4")
    scripted = torch.jit.script(model)
    for key in ("field_latent", "field_features"):
        torch.testing.assert_close(scripted(dict(inputs))[key], model(dict(inputs))[key])


def test_bad_input(batch):
    for elements in (["C", "H"], [], ["C", "C"]):
        with pytest.raises(ValueError, match="elements of charts are different and not H"):
            MomentEncoder(elements)
    with pytest.raises(ValueError, match="unknown element 'Xx'"):
        MomentEncoder(["Xx"])
    with pytest.raises(ValueError, match="degree = 1: moments go up to"):
        MomentEncoder(degree=1)
    with pytest.raises(
        ValueError, match="molecule 1 .* atomic number 16, the latent knows H and C"
    ):
        latents(["H2O", Atoms("SH2", [[0, 0, 0], [1.3, 0, 0], [0, 1.3, 0]])], batch)
    with pytest.raises(ValueError, match="hydrogen of molecule 0 .* farther than 1.5 Angstrom"):
        latents([Atoms("CHH", [[0, 0, 0], [1.1, 0, 0], [4, 0, 0]])], batch)
    with pytest.raises(ValueError, match="hydrogen of molecule 1 .* farther than 1.5"):
        latents(["CH4", "H2"], batch)
    with pytest.raises(ValueError, match="molecule 1 of the batch needs 3 charts.*has 2"):
        latents(["H2O", "ethanol"], batch, n_charts=2)


def test_keys_of_atoms_stay_until_the_decoder(batch):
    """`encode` leaves the dictionary alone; the charts take the place of the atoms afterwards."""
    model, inputs = build().eval(), batch("ethanol")
    keys = set(inputs)
    assert model.encode(inputs).shape == (1, 9 * 23) and set(inputs) == keys
    assert model(inputs)[properties.n_atoms].tolist() == [3]
