"""Second derivatives of a potential's energy by positions, exact: the Hessian and its products."""

import torch
from schnetpack import properties
from schnetpack.atomistic import Forces, Response
from schnetpack.model import AtomisticModel
from torch import Tensor

__all__ = ["energy_of", "hessian_products"]

#: Products that are taken in one go, times the number of atoms: bounds the memory.
ROWS_AT_ONCE = 4096


def energy_of(model: AtomisticModel, inputs: dict[str, Tensor], energy_key: str) -> Tensor:
    """Energies (n_molecules,) with their graph back to the positions, without any derivative."""
    inputs = model.initialize_derivatives(inputs)
    for module in model.input_modules:
        inputs = module(inputs)
    inputs = model.representation(inputs)
    for module in model.output_modules:
        if not isinstance(module, Forces | Response):
            inputs = module(inputs)
    return model.postprocess(inputs)[energy_key]


def hessian_products(
    model: AtomisticModel, inputs: dict[str, Tensor], energy_key: str, vectors: Tensor
) -> Tensor:
    """Products of the energy's Hessian with vectors, without the Hessian.

    One backward pass through the graph of the gradient for many vectors at a time.

    Args:
        model: what `as_potential` has returned.
        inputs: one structure with its neighbour list.
        energy_key: name of the energy.
        vectors: shape (n_vectors, n_atoms, 3).

    Returns:
        Shape (n_vectors, n_atoms, 3), in the model's units.
    """
    energy = energy_of(model, inputs, energy_key)
    positions = inputs[properties.R]  # (n_atoms, 3)
    gradient = _gradient(energy.sum(), positions, None, create_graph=True)
    chunks = vectors.to(positions).split(max(1, ROWS_AT_ONCE // len(positions)))
    return torch.cat(
        [_gradient(gradient, positions, chunk, is_grads_batched=True) for chunk in chunks]
    )


def _gradient(output: Tensor, positions: Tensor, vectors: Tensor | None, **options: bool) -> Tensor:
    """Derivative of `output`, times `vectors`; zero where it doesn't depend on the positions."""
    gradient = None
    if output.requires_grad:
        (gradient,) = torch.autograd.grad(
            output, positions, vectors, retain_graph=True, allow_unused=True, **options
        )
    return (
        torch.zeros_like(positions if vectors is None else vectors)
        if gradient is None
        else gradient
    )
