"""The learned field of a molecule: a trained model, asked at any points of space."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable
from warnings import warn

import torch
from ase import Atoms
from schnetpack import properties
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import AtomisticModel
from schnetpack.transform import MatScipyNeighborList
from torch import Tensor

from schnetpack_molfield import properties as keys
from schnetpack_molfield.checks import check_atoms, check_unit
from schnetpack_molfield.fields.derivatives import Evaluate
from schnetpack_molfield.fields.lengths import unusual_lengths
from schnetpack_molfield.fields.molecule import total_charge
from schnetpack_molfield.fields.quadrature import add_quadrature
from schnetpack_molfield.model_files import load_model_file, read_record
from schnetpack_molfield.sample_checks import check_distances, check_sample, element_mask

__all__ = ["FieldHead", "LearnedField", "ask_model"]

#: Pairs of a point and an atom of which derivatives are computed together.
PAIRS_PER_BLOCK = 2**17

Inputs = dict[str, Tensor]


@runtime_checkable
class FieldHead(Protocol):
    """What an output module has to have to be asked anywhere in space, as `FieldValue` has.

    Attributes:
        channels: names of its channels.
        units: unit of all of them.
        output_key: key under which the model writes it.
    """

    channels: list[str]
    units: str
    output_key: str

    def check_function(self, inputs: Inputs) -> None:
        """Raise unless the representation has left a function that this head can read."""

    def values(self, read: Tensor, points: Tensor, idx_m: Tensor, inputs: Inputs) -> Tensor:
        """Channels (n_points, n_channels) at points of molecules, where `read` was read."""


class LearnedField(NamedTuple):
    """A function of points with what `MolecularField` wants to know about it, see there."""

    evaluate: Evaluate
    atoms: Atoms
    channels: list[str]
    units: dict[str, str]
    dtype: torch.dtype
    device: torch.device | str
    block_size: int


def ask_model(
    model: str | Path | AtomisticModel,
    atoms: Atoms | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    time: float | None = None,
) -> LearnedField:
    """The field of a molecule by a trained model: see `MolecularField.from_model`."""
    loaded = _own_copy(model)
    heads = _heads(loaded)
    if atoms is not None:
        check_atoms(atoms)
    dtype = dtype or next(loaded.parameters()).dtype
    loaded.to(device=device, dtype=dtype).requires_grad_(False).eval()
    if getattr(loaded.representation, "reads_time", False):
        inputs = _at_time(loaded, time, dtype, device)
    elif time is not None or atoms is None:
        what = "give the molecule" if atoms is None else "it knows no time"
        raise ValueError(f"the model's field is a function of atoms: {what}")
    else:
        inputs = _represent(loaded, atoms, dtype, device)
        _conserve_charge(loaded, heads, inputs)
        if unusual := unusual_lengths(atoms):
            warn(f"{atoms.symbols}: {unusual}; positions are in Angstrom", stacklevel=3)
    if atoms is None:
        atoms = Atoms(positions=inputs[keys.origins].double().numpy(force=True))
    for head in heads:
        head.check_function(inputs)

    def evaluate(points: Tensor) -> Tensor:
        idx_m = torch.zeros(len(points), dtype=torch.long, device=points.device)
        read = loaded.representation.read(points, idx_m, inputs)
        return torch.cat([head.values(read, points, idx_m, inputs) for head in heads], dim=1)

    names = _channel_names(heads)
    units = dict(zip(names, (h.units for h in heads for _ in h.channels), strict=True))
    block_size = max(1, PAIRS_PER_BLOCK // len(atoms))
    return LearnedField(evaluate, atoms, names, units, dtype, device, block_size)


def _own_copy(model: str | Path | AtomisticModel) -> AtomisticModel:
    """The model of a file, or a copy of the user's own, to be frozen and cast."""
    return deepcopy(model) if isinstance(model, AtomisticModel) else load_model_file(model)


def _heads(model: AtomisticModel) -> list[FieldHead]:
    heads = [module for module in model.output_modules if isinstance(module, FieldHead)]
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
) -> Inputs:
    if time is None:
        raise ValueError("the model's field is a function of point and time: give a time")
    _check_time(model.representation, time)
    with torch.no_grad():
        return model.representation({keys.time: torch.tensor([time], dtype=dtype, device=device)})


def _check_time(atlas: Any, time: float) -> None:
    """Raise ValueError for a time that is more than one knot off those that were trained."""
    first, step = float(atlas.start), float(atlas.step)
    last = first + (atlas.n_knots - 1) * step
    if math.isfinite(time) and not first - step <= time <= last + step:  # NaN: by the atlas
        raise ValueError(
            f"the field is known from time {first:g} to {last:g}, as long as its training data; "
            f"got {time:g}"
        )


def _represent(
    model: AtomisticModel, atoms: Atoms, dtype: torch.dtype, device: torch.device | str
) -> Inputs:
    record = read_record(model) or {}
    if check_unit(record.get("distance_unit") or "Ang", "length") != 1.0:
        raise ValueError(f"fields are in Angstrom, this model is in {record['distance_unit']}")
    if atoms.pbc.any():
        raise ValueError("fields of periodic structures can't be asked; set pbc to False")
    convert = AtomsConverter(
        neighbor_list=None,
        transforms=[
            partial(_checked, elements=element_mask(record.get("elements"))),
            MatScipyNeighborList(float(model.representation.cutoff)),
            _apart,
        ],
        dtype=dtype,
        device=device,
    )
    inputs = convert(Atoms(atoms.numbers, positions=atoms.positions))
    inputs[properties.total_charge] = torch.tensor(
        [total_charge(atoms)], dtype=dtype, device=device
    )
    with torch.no_grad():
        for module in model.input_modules:
            inputs = module(inputs)
        return model.representation(inputs)


def _checked(inputs: Inputs, elements: Tensor) -> Inputs:
    check_sample(inputs, elements)
    return inputs


def _apart(inputs: Inputs) -> Inputs:
    check_distances(inputs)
    return inputs


def _conserve_charge(model: AtomisticModel, heads: Sequence[FieldHead], inputs: Inputs) -> None:
    """Let the densities of an ion hold its electrons, whatever they do with those of molecules."""
    densities = [head for head in heads if hasattr(head, "conserve_electrons")]
    if densities and bool(inputs[properties.total_charge].any()):
        add_quadrature(inputs)
        points, idx_m = inputs[keys.quadrature_points], inputs[keys.quadrature_idx_m]
        inputs[keys.quadrature_values] = model.representation.read(points, idx_m, inputs)
        for head in densities:
            head.conserve_electrons = True


def _channel_names(heads: Sequence[FieldHead]) -> list[str]:
    """Names of all channels, with their head's key where several heads use them."""
    count = Counter(channel for head in heads for channel in head.channels)
    return [
        channel if count[channel] == 1 else f"{head.output_key}.{channel}"
        for head in heads
        for channel in head.channels
    ]
