"""SchNetPack's offsets of energies, with single-atom energies that every database gets."""

import torch
from schnetpack import transform
from schnetpack.data import AtomsDataModule

from schnetpack_molfield.transform.atom_energies import N_ELEMENTS, training_offsets

__all__ = ["AddOffsets", "RemoveOffsets"]


class RemoveOffsets(transform.RemoveOffsets):
    """Subtract single-atom energies and the mean per atom of the training set from the energy.

    SchNetPack's transform takes single-atom energies from the database's metadata, or fails. Here
    they come from there, from isolated atoms in the data or from a fit to the training set
    (`training_offsets`), in double precision.

    Args:
        property: an extensive energy.
        remove_mean: subtract the mean per atom of what is left.
        remove_atomrefs: subtract single-atom energies.
    """

    mean: torch.Tensor

    def __init__(
        self, property: str, remove_mean: bool = True, remove_atomrefs: bool = True
    ) -> None:
        super().__init__(property, remove_mean, remove_atomrefs, zmax=N_ELEMENTS)
        self.double()
        if remove_mean:
            self.mean = self.mean[0]  # a number, as the host makes it from data

    def datamodule(self, _datamodule: AtomsDataModule) -> None:
        """Take the offsets from the training set."""
        if not self.remove_atomrefs:
            super().datamodule(_datamodule)
            return
        offsets = training_offsets(_datamodule, self._property)
        self.atomref = torch.from_numpy(offsets.atomrefs)
        if self.remove_mean:
            self.mean = torch.tensor(offsets.mean, dtype=torch.float64)


class AddOffsets(transform.AddOffsets):
    """Add to the predicted energy what `RemoveOffsets` subtracts from the label.

    The energies are buffers of the model: they are saved, deployed and loaded with it. Place it
    after a cast to double precision.

    Args:
        property: an extensive energy.
        add_mean: add the mean per atom.
        add_atomrefs: add single-atom energies.
    """

    mean: torch.Tensor

    def __init__(self, property: str, add_mean: bool = True, add_atomrefs: bool = True) -> None:
        super().__init__(property, add_mean, add_atomrefs, zmax=N_ELEMENTS)
        self.double()
        self.mean = self.mean[0]  # a number, as the host makes it from data and `spkmd` prints it

    def datamodule(self, value: AtomsDataModule) -> None:
        """Take the offsets from the training set."""
        if not self.add_atomrefs:
            super().datamodule(value)
            return
        offsets = training_offsets(value, self._property)
        self.atomref = torch.from_numpy(offsets.atomrefs)
        if self.add_mean:
            self.mean = torch.tensor(offsets.mean, dtype=torch.float64)
