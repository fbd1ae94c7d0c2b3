"""Tell a radial basis inside a SchNetPack representation which elements meet."""

from schnetpack import properties
from schnetpack.utils import str2class
from torch import Tensor, nn

from schnetpack_molfield.nn.cells import right_handed

__all__ = ["ElementPairs"]


class ElementPairs(nn.Module):
    r"""Any SchNetPack representation, with a radial basis that knows the pair of elements.

    SchNetPack's representations hand their radial basis distances and nothing else. This one
    hands it the atomic numbers of the two atoms first. It is configured like the representation
    it holds, plus `base`:

        spktrain experiment=md17 model/representation=molfield_element_pairs \
            model.representation.base=schnetpack.representation.PaiNN

    Args:
        base: class path of the representation.
        radial_basis: `LearnedRadialEncoding` with `pair_rank` > 0.
        **arguments: whatever the representation takes.

    Raises:
        TypeError: if the radial basis can't take elements.
        ValueError: for a `MolField` of molecule charts, whose distances aren't between two atoms.
    """

    def __init__(self, base: str, radial_basis: nn.Module, **arguments: object) -> None:
        super().__init__()
        if not hasattr(radial_basis, "condition_on"):
            raise TypeError(
                f"{type(radial_basis).__name__} can't take elements; "
                "use schnetpack_molfield.nn.LearnedRadialEncoding with pair_rank > 0"
            )
        if arguments.get("charts") == "molecule":
            raise ValueError("ElementPairs needs pairs of atoms; choose charts='atom'")
        self.representation = str2class(base)(radial_basis=radial_basis, **arguments)
        self.n_atom_basis = self.representation.n_atom_basis
        self.cutoff_fn = self.representation.cutoff_fn
        self.cutoff = self.cutoff_fn.cutoff

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run the representation; see there for the keys."""
        if properties.cell in inputs:  # for the stress, which output modules divide by the volume
            inputs[properties.cell] = right_handed(inputs[properties.cell])
        z = inputs[properties.Z]  # (n_atoms,)
        basis = self.representation.radial_basis
        basis.condition_on(z[inputs[properties.idx_i]], z[inputs[properties.idx_j]])
        inputs = self.representation(inputs)
        basis.condition_on(None, None)
        return inputs
