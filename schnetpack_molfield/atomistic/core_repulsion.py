"""Repulsion of nuclei at distances that no training set holds."""

import ase.data
import torch
from ase import units
from schnetpack import properties
from torch import Tensor, nn

from schnetpack_molfield.checks import check_positive, check_unit
from schnetpack_molfield.nn.cutoff import SmoothCutoff

__all__ = ["CoreRepulsion"]


class CoreRepulsion(nn.Module):
    r"""Adds the screened repulsion of nuclei that are closer than bonds to a predicted energy.

    .. math::
        E \mathrel{+}= \frac{1}{2} \sum_{i \neq j} \frac{k_e Z_i Z_j}{d_{ij}}
        \phi\left(\frac{d_{ij}}{a_{ij}}\right) w\left(\frac{d_{ij}}{\rho (R_i + R_j)}\right), \quad
        a_{ij} = \frac{0.8854 \, a_0}{Z_i^{0.23} + Z_j^{0.23}}

    with the universal screening function of Ziegler, Biersack and Littmark (The Stopping and Range
    of Ions in Solids, 1985), covalent radii R (Cordero et al., Dalton Trans. 2008, 2832) and the
    window w of `SmoothCutoff`. What a model learns of bonds stays as it is: at 0.8 times the sum of
    the radii the repulsion has ended with two continuous derivatives.

    Stands behind the module that predicts the energy and before `Forces`.

    ==========  =============  ================================================================
    key         shape          meaning
    ==========  =============  ================================================================
    energy_key  (n_molecules,) read and written: the energy
    _Rij        (n_pairs, 3)   read, in Angstrom, as by `PairwiseDistances`
    ==========  =============  ================================================================

    Args:
        energy_key: name of the energy.
        energy_unit: its unit.
        reach: rho, where it ends, in units of the sum of two covalent radii.

    Raises:
        ValueError: for a reach that isn't positive, or an unknown unit of energy.
    """

    coefficients: Tensor
    exponents: Tensor
    radii: Tensor

    def __init__(self, energy_key: str, energy_unit: str = "eV", reach: float = 0.8) -> None:
        super().__init__()
        check_positive("reach", reach)
        self.energy_key = energy_key
        self.model_outputs = [energy_key]
        self.coulomb = units.Hartree * units.Bohr / check_unit(energy_unit, "energy")
        self.screening_length = 0.8854 * float(units.Bohr)
        self.reach = float(reach)
        self.window = SmoothCutoff(1.0)
        screening = torch.tensor([0.18175, 0.50986, 0.28022, 0.02817])
        self.register_buffer("coefficients", screening / screening.sum())
        self.register_buffer("exponents", torch.tensor([3.1998, 0.94229, 0.4029, 0.20162]))
        radii = torch.tensor(ase.data.covalent_radii, dtype=torch.float32)  # (n_elements,)
        self.register_buffer("radii", radii)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the repulsion to the energy in the dictionary and return it."""
        distances = torch.linalg.vector_norm(inputs[properties.Rij], dim=1)  # (n_pairs,)
        i, j = inputs[properties.idx_i], inputs[properties.idx_j]
        z = inputs[properties.Z]  # (n_atoms,)
        ends = self.reach * (self.radii[z[i]] + self.radii[z[j]])  # (n_pairs,)
        charges = z.to(distances.dtype)
        sizes = charges**0.23
        length = self.screening_length / (sizes[i] + sizes[j])  # (n_pairs,)
        reduced = (distances / length).unsqueeze(1)  # (n_pairs, 1)
        screening = (self.coefficients * torch.exp(-self.exponents * reduced)).sum(1)
        pairs = charges[i] * charges[j] / distances * screening * self.window(distances / ends)
        energy = inputs[self.energy_key]
        owner = inputs[properties.idx_m][i]  # (n_pairs,)
        inputs[self.energy_key] = energy.index_add(0, owner, 0.5 * self.coulomb * pairs)
        return inputs
