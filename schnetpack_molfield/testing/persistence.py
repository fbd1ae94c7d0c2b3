"""Checks: the same numbers again, after a copy, a pickle, a state dict and TorchScript."""

import io
import pickle
from typing import Any

import torch
from schnetpack import properties
from torch import nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.testing.errors import Errors, output_errors
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule
from schnetpack_molfield.testing.potential import Inputs, Potential, perturb

__all__ = [
    "attributes",
    "bad_input",
    "pickling",
    "precision_kept",
    "repeated_calls",
    "state_dict",
    "torchscript",
]

_ALL = MOLECULES + CHIRAL


def _inputs(potential: Potential) -> Inputs:
    return potential.inputs([molecule(name) for name in _ALL])


def repeated_calls(potential: Potential) -> Errors:
    """Two calls give the same bits: no random frame, no state."""
    inputs = _inputs(potential)
    return output_errors(_ALL, potential.evaluate(inputs), potential.evaluate(inputs))


def pickling(potential: Potential) -> Errors:
    """A pickled model, as in SchNetPack's `best_model`, gives the same bits."""
    inputs = _inputs(potential)
    copy = pickle.loads(pickle.dumps(potential.model))
    return output_errors(_ALL, potential.evaluate(inputs), potential.evaluate(inputs, copy))


def state_dict(potential: Potential) -> Errors:
    """A newly built model with the loaded state dict gives the same bits."""
    inputs = _inputs(potential)
    other = Potential(potential.build, potential.dtype)
    perturb(other.model, seed=3)
    other.model.load_state_dict(potential.model.state_dict(), strict=True)
    return output_errors(_ALL, potential.evaluate(inputs), other.evaluate(inputs))


def _reloaded(script: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


def torchscript(potential: Potential) -> Errors:
    """`torch.jit.script`, saved and loaded as by spkdeploy, agrees on batches of any size."""
    script = _reloaded(torch.jit.script(potential.model))
    batches = {"lone atom": ["H"], "all": list(_ALL), "all again": list(_ALL), "one": ["aspirin"]}
    errors: Errors = {}
    for label, names in batches.items():  # later calls run what the profiling executor optimised
        inputs = potential.inputs([molecule(name) for name in names])
        expected = potential.evaluate(inputs)
        cases = [f"{name}, {label}" for name in names]
        errors |= output_errors(cases, expected, potential.evaluate(inputs, script))
    return errors


def precision_kept(potential: Potential) -> Errors:
    """Energies, forces and features come in the precision of the input: 1 where one does not."""
    inputs = _inputs(potential)
    outputs, features = potential.evaluate(inputs), potential.features(inputs)
    tensors = {
        "energy": outputs.energy,
        "forces": outputs.forces,
        keys.scalar_representation: features[keys.scalar_representation],
        keys.vector_representation: features[keys.vector_representation],
    }
    return {name: float(tensor.dtype != potential.dtype) for name, tensor in tensors.items()}


def attributes(potential: Potential) -> Errors:
    """What SchNetPack reads: `n_atom_basis`, `cutoff.item()`, shapes of the two outputs."""
    representation: Any = potential.representation
    width = representation.n_atom_basis
    errors = {"cutoff": float(representation.cutoff.item() != potential.cutoff)}
    for name in ("H", "rattled ethanol"):
        atoms = molecule(name)
        features = potential.features(potential.inputs([atoms]))
        scalars, vectors = (features[f"{kind}_representation"] for kind in ("scalar", "vector"))
        errors[f"{name}, scalars"] = float(scalars.shape != (len(atoms), width))
        errors[f"{name}, vectors"] = float(vectors.shape != (len(atoms), 3, width))
    return errors


def _accepts(potential: Potential, inputs: Inputs) -> float:
    try:
        potential.evaluate(inputs)
    except ValueError:
        return 0.0
    return 1.0


def bad_input(potential: Potential) -> Errors:
    """NaN, infinite and coincident positions raise ValueError: 1 where they get an answer."""
    inputs = potential.inputs([molecule("H2O")])
    positions = inputs[properties.R]
    nan, infinite, coincident = positions.clone(), positions.clone(), positions.clone()
    nan[1, 2], infinite[1, 2], coincident[1] = torch.nan, torch.inf, coincident[0]
    cases = {"NaN": nan, "infinite": infinite, "coincident": coincident}
    return {
        name: _accepts(potential, {**inputs, properties.R: wrong}) for name, wrong in cases.items()
    }
