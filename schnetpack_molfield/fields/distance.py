"""Signed distances from molecular surfaces: negative inside, positive outside, in Angstrom."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import softplus

from schnetpack_molfield.checks import check_choice, check_positive
from schnetpack_molfield.fields.atom_function import AtomBatch, AtomFunction
from schnetpack_molfield.fields.geometry import distances, squared_distances
from schnetpack_molfield.fields.tables import radii_table
from schnetpack_molfield.fields.union_of_balls import Balls, distance_to_union

__all__ = [
    "BallDistance",
    "ExactDistance",
    "GaussianDistance",
    "SmoothDistance",
    "SolventExcludedDistance",
    "molecular_surface",
]

#: Radius of a water molecule in Angstrom: Lee & Richards, J. Mol. Biol. 55, 379 (1971).
WATER_RADIUS = 1.4


class BallDistance(AtomFunction):
    """Signed distance s(x) = min_a |x - r_a| - R_a - probe to the surface of a union of balls.

    Outside this is the exact distance. Inside, where balls overlap, |s| is a lower bound of it:
    see `ExactDistance`. The gradient jumps where two atoms are equally near and is zero at the
    nuclei.

    Args:
        radii: radii R of the atoms, see `tables.radii_table`.
        probe: what is added to them: 0 for the van der Waals surface, the radius of a solvent
            molecule for the surface accessible to its centre (Lee & Richards 1971).
    """

    units = "Ang"

    def __init__(self, radii: str | Mapping[str, float] = "vdw", probe: float = 0.0) -> None:
        self.channels = ["sdf"]
        self.radii = radii_table(radii)
        self.probe = probe

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Signed distance (n_molecules, n_points, 1)."""
        return self._to_balls(points, atoms).amin(dim=-1, keepdim=True)

    def _to_balls(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Signed distance to every ball, infinite for absent atoms: (B, n_points, n_atoms)."""
        radii = self._ball_radii(atoms).unsqueeze(1)
        signed = distances(points, atoms.positions) - radii
        return signed.masked_fill(atoms.absent, torch.inf)

    def _ball_radii(self, atoms: AtomBatch) -> Tensor:
        """(n_molecules, n_atoms)."""
        return self.radii(atoms.numbers, atoms.positions) + self.probe


class SmoothDistance(BallDistance):
    r"""Signed distance with a soft minimum, smooth everywhere but at the nuclei.

    .. math:: s(x) = -\frac{1}{k} \log \sum_a \exp(-k (|x - r_a| - R_a - probe))

    It is exact for one atom and between min_a - log(n_atoms) / k and min_a for more.

    Args:
        radii: radii of the atoms, see `tables.radii_table`.
        probe: what is added to them in Angstrom.
        sharpness: k in 1/Angstrom.
    """

    def __init__(
        self,
        radii: str | Mapping[str, float] = "vdw",
        probe: float = 0.0,
        sharpness: float = 8.0,
    ) -> None:
        super().__init__(radii, probe)
        check_positive("sharpness", sharpness)
        self.sharpness = sharpness

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Signed distance (n_molecules, n_points, 1)."""
        exponents = -self.sharpness * self._to_balls(points, atoms)
        return -exponents.logsumexp(dim=-1, keepdim=True) / self.sharpness


class GaussianDistance(BallDistance):
    r"""Distance-like function whose zero is the Gaussian surface sum_a g_a = 1, smooth everywhere.

    .. math::
        g_a(x) = \exp(-\beta (|x - r_a|^2 / R_a^2 - 1)), \quad
        L = 1 - \frac{1}{\beta} \log \sum_a g_a, \quad
        s = \bar R (\sqrt{L} - 1)

    with the radii averaged over the atoms by g_a. The surface is Blinn's (ACM Trans. Graph. 1,
    235 (1982)) and that of eq. (1) of Lhotka & Probst. For one atom s is the signed distance.
    Deep inside, where L falls below 0.3 and may be negative, a soft plus stands for L; it moves
    the surface by less than 1e-10 Angstrom.

    Args:
        radii: radii of the atoms, see `tables.radii_table`.
        probe: what is added to them in Angstrom.
        beta: inverse width of an atom's edge.
    """

    def __init__(
        self, radii: str | Mapping[str, float] = "vdw", probe: float = 0.0, beta: float = 4.0
    ) -> None:
        super().__init__(radii, probe)
        check_positive("beta", beta)
        self.beta = beta

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Signed distance (n_molecules, n_points, 1)."""
        radii = self._ball_radii(atoms).unsqueeze(1)  # (n_molecules, 1, n_atoms)
        scaled = squared_distances(points, atoms.positions) / radii.square()
        exponents = (self.beta * (1 - scaled)).masked_fill(atoms.absent, -torch.inf)
        mean_radius = (exponents.softmax(dim=-1) * radii).sum(dim=-1, keepdim=True)
        level = 1 - exponents.logsumexp(dim=-1, keepdim=True) / self.beta
        return mean_radius * (softplus(level, beta=24.0).sqrt() - 1)


class ExactDistance(BallDistance):
    """Exact signed distance to the surface of a union of balls, inside as well as outside.

    The nearest point of the surface lies on the exposed part of a sphere, of a circle where two
    spheres meet, or is a point where three meet; see `union_of_balls`. The cost per point grows
    with the number of circles: a reference for hundreds of atoms, not thousands.
    """

    pairs_per_block = 2**13

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Signed distance (n_molecules, n_points, 1)."""
        balls = Balls(atoms.positions, self._ball_radii(atoms), atoms.numbers > 0)
        return distance_to_union(points, balls).unsqueeze(-1)


class SolventExcludedDistance(ExactDistance):
    """Exact signed distance to the solvent-excluded (Connolly) surface.

    The surface is where the probe's own surface can't go any further: the accessible surface,
    moved inwards by the radius of the probe (Connolly, J. Appl. Cryst. 16, 548 (1983)). Exact
    outside and down to the depth of the first self-contact.
    """

    def __init__(
        self, radii: str | Mapping[str, float] = "vdw", probe: float = WATER_RADIUS
    ) -> None:
        super().__init__(radii, probe)

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Signed distance (n_molecules, n_points, 1)."""
        return super().evaluate(points, atoms) + self.probe


def molecular_surface(
    surface: str = "vdw", radii: str | Mapping[str, float] = "vdw"
) -> BallDistance:
    """Signed distance to a molecular surface by name.

    Args:
        surface: "vdw" (van der Waals), "sas" (solvent-accessible, water), "ses"
            (solvent-excluded, water), "smooth" (soft minimum), "gaussian", or "exact" (van der
            Waals with the exact distance inside).
        radii: radii of the atoms, see `tables.radii_table`.
    """
    surfaces: dict[str, tuple[type[BallDistance], dict[str, float]]] = {
        "vdw": (BallDistance, {}),
        "sas": (BallDistance, {"probe": WATER_RADIUS}),
        "ses": (SolventExcludedDistance, {}),
        "smooth": (SmoothDistance, {}),
        "gaussian": (GaussianDistance, {}),
        "exact": (ExactDistance, {}),
    }
    check_choice("surface", surface, list(surfaces))
    function, options = surfaces[surface]
    return function(radii, **options)
