"""What a sample is asked to be: its composition, its number of atoms, its properties."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from schnetpack_molfield.checks import did_you_mean

__all__ = ["Conditions"]

#: How often the composition, the number of atoms and each property are told in training.
TOLD = (0.8, 0.4, 0.4)


class Conditions(nn.Module):
    """Turns what is known of molecules into numbers for a network; what isn't known is zero.

    The groups that can be known are the composition, the number of atoms, and each property.

    Args:
        elements: symbols of all elements.
        properties: names of scalar properties.
    """

    centers: Tensor
    spreads: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, elements: Sequence[str], properties: Sequence[str] = ()) -> None:
        super().__init__()
        self.elements = list(elements)
        self.properties = list(properties)
        self.units: dict[str, str] = {}  # of the properties, by name
        self.group_sizes = [len(self.elements), 1, *[1] * len(self.properties)]
        for name in ("centers", "spreads", "lowest", "highest"):
            self.register_buffer(name, torch.ones(sum(self.group_sizes)))

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return len(self.group_sizes)

    @property
    def n_condition(self) -> int:
        """Length of a condition."""
        return sum(self.group_sizes) + self.n_groups

    def fit(self, values: Tensor) -> None:
        """Take units and ranges from data.

        Args:
            values: counts of elements, number of atoms, properties, shape (n_molecules, n_values);
                NaN where a property has no label.
        """
        for column, x in enumerate(values.unbind(dim=1)):
            x = x[x.isfinite()]
            if len(x):
                spread = x.std(correction=0)
                self.centers[column] = x.mean()
                self.spreads[column] = spread if spread > 0 else 1.0
                self.lowest[column], self.highest[column] = x.min(), x.max()
            elif column >= len(self.elements):
                self.lowest[column] = torch.nan  # nothing is known of it

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        """Conditions (n_molecules, n_condition).

        Args:
            values: shape (n_molecules, n_values), see `fit`.
            known: which groups are told, shape (n_molecules, n_groups).
        """
        sizes = torch.tensor(self.group_sizes, device=known.device)
        told = known.repeat_interleave(sizes, dim=1)  # (n_molecules, n_values)
        scaled = (values - self.centers) / self.spreads
        return torch.cat([torch.where(told, scaled, 0.0), known.to(scaled.dtype)], dim=1)

    def draw_known(self, values: Tensor) -> Tensor:
        """Which groups are told in a step of training, (n_molecules, n_groups).

        What has no label is never told.
        """
        rates = torch.tensor([*TOLD[:2], *[TOLD[2]] * len(self.properties)])
        told = torch.rand(len(values), self.n_groups) < rates
        labelled = torch.stack(
            [part.isfinite().all(dim=1) for part in values.split(self.group_sizes, dim=1)], dim=1
        )
        return told.to(values.device) & labelled

    def values_of(
        self, compositions: Tensor, properties: Mapping[str, float]
    ) -> tuple[Tensor, Tensor]:
        """Values and what is known, as `forward` takes them.

        Args:
            compositions: counts of elements, shape (n_molecules, n_elements).
            properties: values that are wanted, the same for all.

        Raises:
            ValueError: for a property without training labels.
        """
        n_molecules, n_elements = compositions.shape
        values = self.centers.repeat(n_molecules, 1)
        known = torch.zeros(n_molecules, self.n_groups, dtype=torch.bool, device=values.device)
        values[:, :n_elements] = compositions.to(values)
        values[:, n_elements] = compositions.sum(dim=1).to(values)
        known[:, :2] = True  # composition and number of atoms
        for name, value in properties.items():
            column = self.column(name)
            values[:, column] = value
            known[:, column - n_elements + 1] = True
        return values, known

    def column(self, name: str) -> int:
        """Column of a property that was trained on, among all values.

        Raises:
            ValueError: for a property without training labels.
        """
        first = len(self.elements) + 1
        labelled = (~self.lowest[first:].isnan()).tolist()
        trained = [n for n, has_labels in zip(self.properties, labelled, strict=True) if has_labels]
        if name not in trained:
            raise ValueError(
                f"the prior wasn't trained with labels of {name!r}: {did_you_mean(name, trained)}"
            )
        return first + self.properties.index(name)
