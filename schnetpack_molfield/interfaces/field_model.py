"""The learned field of a molecule: a trained model, asked at any points of space."""

from collections import Counter
from copy import deepcopy
from pathlib import Path

import torch
from ase import Atoms
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import AtomisticModel
from schnetpack.transform import MatScipyNeighborList
from torch import Tensor

from schnetpack_molfield.atomistic import FieldValue, VectorValue
from schnetpack_molfield.atomistic.reading import check_read
from schnetpack_molfield.fields import MolecularField
from schnetpack_molfield.fields.checks import check_atoms
from schnetpack_molfield.interfaces.checks import check_unit, load_potential_file
from schnetpack_molfield.representation import TrajectoryAtlas
from schnetpack_molfield.train.record import read_record
from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure

__all__ = ["learned_field"]

#: Pairs of a point and an atom of which derivatives are computed together.
PAIRS_PER_BLOCK = 2**17


def learned_field(
    model: str | Path | AtomisticModel,
    atoms: Atoms | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    time: float | None = None,
) -> MolecularField:
    """The field of a molecule by a trained model: see `MolecularField.from_model`."""
    loaded = _own_copy(model)
    heads = _heads(loaded)
    if atoms is not None:
        check_atoms(atoms)
    dtype = dtype or next(loaded.parameters()).dtype
    loaded.to(device=device, dtype=dtype).requires_grad_(False).eval()
    if isinstance(loaded.representation, TrajectoryAtlas):
        inputs = _at_time(loaded, time, dtype, device)
    elif time is not None or atoms is None:
        what = "give the molecule" if atoms is None else "it knows no time"
        raise ValueError(f"the model's field is a function of atoms: {what}")
    else:
        inputs = _represent(loaded, atoms, dtype, device)
    if atoms is None:
        atoms = Atoms(positions=inputs["field_origins"].double().numpy(force=True))
    for head in heads:
        check_read(inputs, head.n_in, head.degree)

    def evaluate(points: Tensor) -> Tensor:
        idx_m = torch.zeros(len(points), dtype=torch.long, device=points.device)
        read = loaded.representation.read(points, idx_m, inputs)
        return torch.cat([head.values(read, points, idx_m, inputs) for head in heads], dim=1)

    names = _channel_names(heads)
    units = dict(zip(names, (h.units for h in heads for _ in h.channels), strict=True))
    return MolecularField(
        evaluate, atoms, names, units, dtype, device, max(1, PAIRS_PER_BLOCK // len(atoms))
    )


def _own_copy(model: str | Path | AtomisticModel) -> AtomisticModel:
    """The model of a file, or a copy of the user's own, to be frozen and cast."""
    return deepcopy(model) if isinstance(model, AtomisticModel) else load_potential_file(model)


def _heads(model: AtomisticModel) -> list[FieldValue | VectorValue]:
    kinds = (FieldValue, VectorValue)
    heads = [module for module in model.output_modules if isinstance(module, kinds)]
    if not heads:
        outputs = ", ".join(sorted(model.model_outputs)) or "nothing"
        raise ValueError(
            f"the model has no field to ask, it predicts {outputs}; train one with "
            "schnetpack_molfield.atomistic.FieldValue, VectorValue, SignedDistance or "
            "ElectronDensity"
        )
    return heads


def _at_time(
    model: AtomisticModel, time: float | None, dtype: torch.dtype, device: torch.device | str
) -> dict[str, Tensor]:
    if time is None:
        raise ValueError("the model's field is a function of point and time: give a time")
    with torch.no_grad():
        return model.representation({"time": torch.tensor([time], dtype=dtype, device=device)})


def _represent(
    model: AtomisticModel, atoms: Atoms, dtype: torch.dtype, device: torch.device | str
) -> dict[str, Tensor]:
    record = read_record(model) or {}
    if check_unit(record.get("distance_unit") or "Ang", "length") != 1.0:
        raise ValueError(f"fields are in Angstrom, this model is in {record['distance_unit']}")
    if atoms.pbc.any():
        raise ValueError("fields of periodic structures can't be asked; set pbc to False")
    convert = AtomsConverter(
        neighbor_list=None,
        transforms=[
            CheckStructure(record.get("elements")),
            MatScipyNeighborList(float(model.representation.cutoff)),
            CheckDistances(),
        ],
        dtype=dtype,
        device=device,
    )
    inputs = convert(Atoms(atoms.numbers, positions=atoms.positions))
    with torch.no_grad():
        for module in model.input_modules:
            inputs = module(inputs)
        return model.representation(inputs)


def _channel_names(heads: list[FieldValue | VectorValue]) -> list[str]:
    """Names of all channels, with their head's key where several heads use them."""
    count = Counter(channel for head in heads for channel in head.channels)
    return [
        channel if count[channel] == 1 else f"{head.output_key}.{channel}"
        for head in heads
        for channel in head.channels
    ]
