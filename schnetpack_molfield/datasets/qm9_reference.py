"""Single-atom energies of QM9, B3LYP/6-31G(2df,p).

From `atomref.txt` of Ramakrishnan, Dral, Rupp & von Lilienfeld, Sci. Data 1, 140022 (2014), CC0.
"""

from schnetpack_molfield.datasets.label_names import OfQM9

__all__ = ["ATOMREFS", "ENERGIES", "TARGETS"]

_ELEMENTS = (1, 6, 7, 8, 9)
_U0 = (-0.500273, -37.846772, -54.583861, -75.064579, -99.718730)
_U = (-0.498857, -37.845355, -54.582445, -75.063163, -99.717314)
_H = (-0.497912, -37.844411, -54.581501, -75.062219, -99.716370)
_G = (-0.510927, -37.861317, -54.598897, -75.079532, -99.733544)

#: property -> (unit, {atomic number: value})
ATOMREFS: dict[str, tuple[str, dict[int, float]]] = {
    OfQM9.zpve: ("Ha", dict.fromkeys(_ELEMENTS, 0.0)),
    OfQM9.U0: ("Ha", dict(zip(_ELEMENTS, _U0, strict=True))),
    OfQM9.U: ("Ha", dict(zip(_ELEMENTS, _U, strict=True))),
    OfQM9.H: ("Ha", dict(zip(_ELEMENTS, _H, strict=True))),
    OfQM9.G: ("Ha", dict(zip(_ELEMENTS, _G, strict=True))),
    OfQM9.Cv: ("cal/mol/K", dict.fromkeys(_ELEMENTS, 2.981)),
}

#: Targets of which the energies of the free atoms are subtracted.
ENERGIES = (OfQM9.U0, OfQM9.U, OfQM9.H, OfQM9.G)

#: The twelve usual targets: all properties but the three rotational constants.
TARGETS = (
    OfQM9.mu, OfQM9.alpha, OfQM9.homo, OfQM9.lumo, OfQM9.gap, OfQM9.r2,
    OfQM9.zpve, OfQM9.U0, OfQM9.U, OfQM9.H, OfQM9.G, OfQM9.Cv,
)  # fmt: skip
