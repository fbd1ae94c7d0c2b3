"""One model learns energies, forces and a field together."""

import torch
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.data import ASEAtomsData, AtomsLoader
from schnetpack.model import NeuralNetworkPotential
from schnetpack.transform import ASENeighborList, CastTo32, RemoveOffsets

from schnetpack_molfield.atomistic import SignedDistance
from schnetpack_molfield.datasets import read_archive, write_database
from schnetpack_molfield.datasets.qm9 import SAMPLE
from schnetpack_molfield.fields import molecular_surface
from schnetpack_molfield.train import EikonalLoss
from schnetpack_molfield.transform import FieldPoints

ETHANOL = SAMPLE.with_name("ethanol_sample.npz")


def test_energies_forces_and_a_field(tmp_path, FieldModel) -> None:
    """Ten steps on a batch of ethanol lower each of the three errors."""
    write_database(tmp_path / "x.db", [read_archive(ETHANOL)])
    offsets = RemoveOffsets("energy", remove_mean=True)
    offsets.mean = torch.tensor(-4200.0 / 9)
    points = FieldPoints(molecular_surface("vdw"), "sdf", None, 32, 0, 32, seed=0)
    transforms = [offsets, points, ASENeighborList(4.0), CastTo32()]
    data = ASEAtomsData(str(tmp_path / "x.db"), transforms=transforms)
    batch = next(iter(AtomsLoader(data, batch_size=8)))
    labels = {key: batch[key] for key in ("energy", "forces", "sdf")}
    labels["energy"] = labels["energy"] - labels["energy"].mean()

    parts = FieldModel(SignedDistance(16, gradient_key="slope"), torch.float32)
    model = NeuralNetworkPotential(
        parts.representation,
        input_modules=[PairwiseDistances()],
        output_modules=[Atomwise(16, output_key="energy"), Forces(), parts.head],
    ).train()
    assert set(model.required_derivatives) == {properties.R, "field_points"}
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    errors = []
    for _ in range(10):
        prediction = model(dict(batch))
        terms = [(prediction[key] - label).square().mean() for key, label in labels.items()]
        loss = 0.01 * terms[0] + terms[1] + terms[2] + 0.01 * EikonalLoss()(prediction["slope"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(torch.stack(terms).detach())
    assert (errors[-1] < errors[0]).all(), errors
