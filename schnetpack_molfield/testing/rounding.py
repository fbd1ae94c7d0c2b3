"""What single precision costs a potential: each of its answers against the same in double."""

from __future__ import annotations

import torch
from torch import nn

from schnetpack_molfield.testing.errors import largest, output_errors
from schnetpack_molfield.testing.potential import Inputs, Outputs, Potential

__all__ = ["Judged", "in_double"]


def in_double(inputs: Inputs) -> Inputs:
    """The same batch, to the last bit, in double precision."""
    return {
        key: value.double() if value.is_floating_point() else value for key, value in inputs.items()
    }


class Judged(Potential):
    """A potential whose answers are compared with those of its copy in double precision.

    Args:
        potential: the potential, which is left as it is.

    Attributes:
        deviation: largest relative error of an answer so far, see `output_errors`.
    """

    def __init__(self, potential: Potential) -> None:
        self.__dict__.update(potential.__dict__)
        self.exact = Potential(potential.build, torch.float64, potential.randomise)
        self.deviation = 0.0

    def evaluate(self, inputs: Inputs, model: nn.Module | None = None) -> Outputs:
        """Energies and forces, which are compared."""
        outputs = super().evaluate(inputs, model)
        self._compare(self.exact.evaluate(in_double(inputs)), outputs)
        return outputs

    def features(self, inputs: Inputs) -> Inputs:
        """Features, which are compared."""
        features = super().features(inputs)
        exact = self.exact.features(in_double(inputs))
        for key in ("scalar_representation", "vector_representation"):
            self._note(largest(features[key] - exact[key]) / max(largest(exact[key]), 1e-30))
        return features

    def evaluate_with_stress(self, inputs: Inputs) -> Outputs:
        """Energies, forces and stress, which are compared."""
        outputs = super().evaluate_with_stress(inputs)
        exact = self.exact.evaluate_with_stress(in_double(inputs))
        self._compare(exact, outputs)
        assert exact.stress is not None and outputs.stress is not None
        self._note(largest(outputs.stress - exact.stress) / max(1.0, largest(exact.stress)))
        return outputs

    def _compare(self, exact: Outputs, outputs: Outputs) -> None:
        names = [str(number) for number in range(len(outputs.n_atoms))]
        self._note(*output_errors(names, exact, outputs).values())

    def _note(self, *deviations: float) -> None:
        self.deviation = max(self.deviation, *deviations)
