"""Offsets of energies: single-atom energies that every training set gets, and its mean."""

import logging

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms, units
from ase.build import molecule
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import AtomsDatabase
from schnetpack_molfield.transform import AddOffsets, RemoveOffsets
from schnetpack_molfield.transform.atom_energies import fit_offsets

ATOMS = {"H": -13.6, "C": -1029.5, "N": -1484.9, "O": -2041.8}
MIXED = ("H2O", "NH3", "CH4", "CO")


def atom_energy(atoms):
    return sum(ATOMS[symbol] for symbol in atoms.symbols)


def distorted(names, copies, seed=0):
    """Structures with harmonic energies of 0.1 eV and the energies of their atoms."""
    rng = np.random.default_rng(seed)
    frames = []
    for name in names * copies:
        atoms = molecule(name)
        shift = rng.normal(scale=0.05, size=(len(atoms), 3))
        atoms.positions += shift
        atoms.info["energy"] = atom_energy(atoms) + 10 * (shift**2).sum()
        frames.append(atoms)
    return frames


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write structures into a database and set up its data module, of which all is trained on."""
    monkeypatch.chdir(tmp_path)

    def load_frames(frames, atomrefs=None, unit="eV", transforms=None, val=1):
        path = tmp_path / f"{len(list(tmp_path.glob('*.db')))}.db"
        database = ASEAtomsData.create(
            str(path), "Ang", {"energy": unit, "forces": f"{unit}/Ang"}, atomrefs=atomrefs
        )
        labels = [
            {"energy": np.array([a.info["energy"]]), "forces": np.zeros((len(a), 3))}
            for a in frames
        ]
        database.add_systems(labels, [Atoms(a) for a in frames])
        data = AtomsDatabase(
            datapath=str(path),
            energy_key="energy",
            forces_key="forces",
            batch_size=8,
            num_train=len(frames) - val - 1,
            num_val=val,
            num_workers=0,
            split_file=None,
            transforms=transforms,
        )
        data.prepare_data()
        data.setup()
        return data

    return load_frames


def set_up(transform, data):
    transform.datamodule(data)
    return transform


def energies_of(offsets, *symbols):
    return [offsets.atomref[Atoms(symbol).numbers[0]].item() for symbol in symbols]


def counts_of(*formulas):
    return np.array([np.bincount(Atoms(f).numbers, minlength=119) for f in formulas])


class TestFit:
    def test_compositions_that_determine_all(self):
        counts = counts_of("H2O", "NH3", "CH4", "CO", "H2O")
        energies = np.array([atom_energy(Atoms(f)) for f in ("H2O", "NH3", "CH4", "CO", "H2O")])
        offsets = fit_offsets(counts, energies)
        np.testing.assert_allclose(
            offsets.atomrefs[[1, 6, 7, 8]], list(ATOMS.values()), rtol=0, atol=1e-8
        )
        assert offsets.mean == pytest.approx(0, abs=1e-9)
        assert offsets.rank == 4

    @pytest.mark.parametrize("formulas", [("H2O",) * 3, ("H2O", "H4O2", "H6O3"), ("Fe", "Fe2")])
    def test_one_composition_keeps_its_mean(self, formulas):
        counts = counts_of(*formulas)
        energies = 7.0 * counts.sum(axis=1) + np.array([0.3, 0.0, -0.3])[: len(formulas)]
        offsets = fit_offsets(counts, energies)
        assert not offsets.atomrefs.any()
        assert offsets.mean == pytest.approx((energies / counts.sum(axis=1)).mean(), abs=1e-12)

    def test_what_compositions_leave_open_stays_near_the_mean(self):
        formulas = ("NH3", "N2H6", "CO", "C2O2")
        counts = counts_of(*formulas)
        energies = np.array([atom_energy(Atoms(f)) for f in formulas])
        offsets = fit_offsets(counts, energies)
        np.testing.assert_allclose(counts @ offsets.atomrefs, energies, rtol=0, atol=1e-8)
        assert (offsets.rank, len(offsets.fitted)) == (2, 4)
        mean = (energies / counts.sum(axis=1)).mean()
        h, c, n, o = offsets.atomrefs[[1, 6, 7, 8]] - mean
        assert h == pytest.approx(3 * n, abs=1e-8) and c == pytest.approx(o, abs=1e-8)

    def test_known_energies_stay_and_the_others_are_fitted(self):
        counts = counts_of("H2O", "NH3", "CH4")
        energies = np.array([atom_energy(Atoms(f)) - 1.0 for f in ("H2O", "NH3", "CH4")])
        offsets = fit_offsets(counts, energies, {1: ATOMS["H"], 92: -3.0})
        expected = [ATOMS["H"], ATOMS["C"] - 1, ATOMS["N"] - 1, ATOMS["O"] - 1, -3.0]
        np.testing.assert_allclose(offsets.atomrefs[[1, 6, 7, 8, 92]], expected, rtol=0, atol=1e-8)

    def test_all_known_leaves_the_mean(self):
        counts = counts_of("H2O", "CO")
        energies = np.array([atom_energy(Atoms("H2O")) - 9.0, atom_energy(Atoms("CO")) - 11.0])
        known = {int(Atoms(s).numbers[0]): e for s, e in ATOMS.items()}
        assert fit_offsets(counts, energies, known).mean == pytest.approx(-(9 / 3 + 11 / 2) / 2)


def test_labels_of_mixed_compositions_are_as_small_as_by_hand(load):
    frames = distorted(MIXED, 40)
    labels = load(frames, transforms=[RemoveOffsets("energy")]).train_dataset
    left = np.array([labels[i]["energy"].item() for i in range(len(labels))])
    by_hand = np.array([atoms.info["energy"] - atom_energy(atoms) for atoms in frames])
    assert np.abs(left).max() < 1.2 * np.abs(by_hand - by_hand.mean()).max()
    assert left.std() < 1.05 * by_hand.std()


def test_what_is_removed_is_added(load, dtype):
    frames = distorted(MIXED, 5)
    remove, add = RemoveOffsets("energy"), AddOffsets("energy")
    data = load(frames, transforms=[remove])
    set_up(add, data)
    assert torch.equal(remove.atomref, add.atomref) and torch.equal(remove.mean, add.mean)
    batch = next(iter(data.train_dataloader()))
    raw = {int(i): frames[int(i)].info["energy"] for i in batch["_idx"]}
    prediction = {**batch, "energy": batch["energy"].to(dtype).double()}
    for model in (add, torch.jit.script(add)):
        result = model({key: value.clone() for key, value in prediction.items()})["energy"]
        torch.testing.assert_close(
            result,
            torch.tensor(list(raw.values()), dtype=torch.float64),
            rtol=0,
            atol=1e-6 if dtype == torch.float32 else 1e-9,
        )


def test_a_checkpoint_brings_them_back(load):
    trained = set_up(AddOffsets("energy"), load(distorted(MIXED, 3)))
    again = AddOffsets("energy")
    again.load_state_dict(trained.state_dict())
    assert again.atomref.dtype == torch.float64
    assert f"{again.mean.numpy():.3f}" == f"{trained.mean.item():.3f}"  # so does spkmd
    assert torch.equal(again.atomref, trained.atomref) and torch.equal(again.mean, trained.mean)


def test_metadata_comes_first_and_in_the_unit_that_is_loaded(load, caplog):
    kcal = units.kcal / units.mol
    table = [0.0] * 9
    table[1], table[8] = -310.0, -47000.0
    frames = distorted(("H2O", "CO"), 5)
    for atoms in frames:
        atoms.info["energy"] /= kcal
    with caplog.at_level(logging.INFO):
        offsets = set_up(
            AddOffsets("energy"), load(frames, atomrefs={"energy": table}, unit="kcal/mol")
        )
    h, c, o = energies_of(offsets, "H", "C", "O")
    assert (h, o) == (pytest.approx(-310.0 * kcal), pytest.approx(-47000.0 * kcal))
    assert c == pytest.approx(ATOMS["C"] + ATOMS["O"] - o, abs=0.2)
    (line,) = [r.getMessage() for r in caplog.records if "Single-atom" in r.getMessage()]
    assert f"energy in eV: H {h:.6g}, C {c:.6g}, O {o:.6g}" in line
    assert "H, O from metadata; C fitted" in line


def test_isolated_atoms_in_the_data(load):
    """In any partition and in a large box, the lowest of several; a crystal is none."""
    frames = distorted(("H2O", "CH4", "CO"), 4)
    lone = [
        Atoms("O", info={"energy": -2040.0}),
        Atoms("O", info={"energy": -2042.0}),
        Atoms("H", cell=[12, 12, 12], pbc=True, info={"energy": -13.0}),
        Atoms("C", cell=[3, 3, 3], pbc=True, info={"energy": -1037.0}),
    ]
    offsets = set_up(AddOffsets("energy"), load(frames + lone, val=4))
    h, c, o = energies_of(offsets, "H", "C", "O")
    assert (h, o) == (-13.0, -2042.0)
    assert c not in (-1037.0, 0.0)


def test_one_composition_in_a_database(load, caplog):
    frames = distorted(("H2O",), 8)
    with caplog.at_level(logging.INFO):
        offsets = set_up(AddOffsets("energy"), load(frames))
    assert not offsets.atomref.any()
    assert offsets.mean.item() == pytest.approx(atom_energy(molecule("H2O")) / 3, abs=0.1)
    assert "one composition" in caplog.text


def test_offsets_alone_are_the_host_s(load):
    """Without single-atom energies it is SchNetPack's transform."""
    remove = RemoveOffsets("energy", remove_atomrefs=False)
    data = load(distorted(MIXED, 3), transforms=[remove])
    mean = data.get_stats("energy", True, False)[0]
    assert remove.mean.item() == pytest.approx(mean.item(), rel=1e-12)


def test_models_get_theirs_by_schnetpack_s_hook(load):
    model = spk.model.NeuralNetworkPotential(
        spk.representation.PaiNN(8, 1, spk.nn.GaussianRBF(4, 4.0), spk.nn.CosineCutoff(4.0)),
        output_modules=[spk.atomistic.Atomwise(8, output_key="energy")],
        postprocessors=[spk.transform.CastTo64(), AddOffsets("energy")],
    )
    model.initialize_transforms(load(distorted(MIXED, 3)))
    fitted = energies_of(model.postprocessors[1], *ATOMS)
    np.testing.assert_allclose(fitted, list(ATOMS.values()), rtol=0, atol=1)
