"""Refuse a bad structure with one clear line, cheaply enough for every step of a simulation.

SchNetPack is silent on bad input: a NaN coordinate drops out of the neighbour list and leaves a
finite energy, coincident atoms give NaN. These transforms work in a data loader
(`data.transforms`) and in `interfaces.MolFieldCalculator` alike.
"""

from collections.abc import Sequence

import torch
from schnetpack import properties
from schnetpack.transform import Transform

from schnetpack_molfield.nn.cells import completed
from schnetpack_molfield.sample_checks import check_distances, check_sample, element_mask

__all__ = ["CheckDistances", "CheckStructure"]

Inputs = dict[str, torch.Tensor]


class CheckStructure(Transform):
    """Check a sample's atoms and cell. Place it *before* the neighbour list.

    Refused are missing keys, wrong dtypes and shapes, NaN or infinite numbers, unknown elements,
    and periodic boundary conditions with a cell that doesn't span space. A slab or wire may lack
    the vectors along which it isn't periodic.

    Args:
        elements: symbols or atomic numbers the model was trained on; None allows all.
        required: further keys, for example targets, that have to be there and finite.
        allow_periodic: False for a model that describes one molecule as a whole.

    Raises:
        KeyError: A key is missing.
        TypeError: atomic numbers aren't integers, or positions and cell aren't floats of one kind.
        ValueError: anything else of the above.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(
        self,
        elements: Sequence[str | int] | None = None,
        required: Sequence[str] = (),
        allow_periodic: bool = True,
    ) -> None:
        super().__init__()
        self.known = element_mask(elements)  # (119,)
        self.required = list(required)
        self.allow_periodic = allow_periodic

    def forward(self, inputs: Inputs) -> Inputs:
        """Return the sample, the cell of a slab or wire completed, or raise."""
        pbc = inputs.get(properties.pbc)
        if properties.cell in inputs and pbc is not None and not pbc.all():
            cell = inputs[properties.cell]
            whole = completed(cell.reshape(3, 3), pbc.flatten())
            inputs[properties.cell] = whole.view(cell.shape)
        check_sample(inputs, self.known, self.required, self.allow_periodic)
        return inputs


class CheckDistances(Transform):
    """Refuse atoms on top of each other. Place it *after* the neighbour list.

    Args:
        min_distance: smallest distance between two atoms, in the data's unit of length.

    Raises:
        KeyError: there is no neighbour list.
        ValueError: two atoms, or an atom and a periodic image, are closer than that.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(self, min_distance: float = 1e-3) -> None:
        super().__init__()
        self.min_distance = min_distance

    def forward(self, inputs: Inputs) -> Inputs:
        """Return the sample as it came, or raise."""
        check_distances(inputs, self.min_distance)
        return inputs
