import ase.units
import pytest
from schnetpack.units import convert_units

from schnetpack_molfield.datasets.units import QUANTITIES, length_in_angstrom, parse_unit


@pytest.mark.parametrize(
    ("spelling", "quantity", "name", "factor"),
    [
        ("eV/A", "force", "eV/Ang", 1),
        ("eV/Ang", "force", "eV/Ang", 1),
        ("eV/Å", "force", "eV/Ang", 1),
        ("eV Å⁻¹", "force", "eV/Ang", 1),
        ("meV/Ang", "force", "eV/Ang", 1e-3),
        ("kcal/mol/A", "force", "kcal/mol/Ang", 1),
        ("kcal/(mol*Angstrom)", "force", "kcal/mol/Ang", 1),
        ("kcal mol^-1 A^-1", "force", "kcal/mol/Ang", 1),
        ("kcal/mol-A", "force", "kcal/mol/Ang", 1),
        ("kJ/mol/nm", "force", "kJ/mol/nm", 1),
        ("Ha/bohr", "force", "Ha/Bohr", 1),
        ("Hartree/Bohr", "force", "Ha/Bohr", 1),
        ("Eh/a0", "force", "Ha/Bohr", 1),
        ("a.u.", "force", "Ha/Bohr", 1),
        ("hartree", "energy", "Ha", 1),
        ("mHa", "energy", "Ha", 1e-3),
        ("KCAL/MOL", "energy", "kcal/mol", 1),
        ("eV/A^3", "pressure", "eV/Ang/Ang/Ang", 1),
        ("kbar", "pressure", "GPa", 0.1),
        ("D", "dipole", "Debye", 1),
        ("e*Ang", "dipole", "Debye", 1 / ase.units.Debye),
        ("au", "dipole", "Debye", ase.units.Bohr / ase.units.Debye),
        ("bohr^3", "volume", "a0 a0 a0", 1),
        ("", "number", "", 1),
    ],
)
def test_usual_spellings(spelling: str, quantity: str, name: str, factor: float) -> None:
    unit = parse_unit(spelling, quantity)
    assert unit.name == name
    assert unit.factor == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("quantity", ["energy", "force", "pressure", "length", "dipole"])
def test_schnetpack_converts_every_unit_that_is_offered(quantity: str) -> None:
    for spelling in QUANTITIES[quantity].usual.split(", "):
        assert convert_units(parse_unit(spelling, quantity).name, "eV") > 0


@pytest.mark.parametrize(
    ("spelling", "quantity"),
    [("foo", "force"), ("eV", "force"), ("eV/Ang", "energy"), ("kcal", "energy"), ("eV/", "force"),
     ("eV/atom", "energy"), ("eV/Ang^2", "force"), ("()", "energy")],
)  # fmt: skip
def test_others_are_refused_with_the_list(spelling: str, quantity: str) -> None:
    with pytest.raises(ValueError, match="of forces; known are .*, kcal/mol") as error:
        parse_unit(spelling, quantity, "forces")
    assert repr(spelling) in str(error.value)


def test_lengths() -> None:
    assert length_in_angstrom("bohr") == ase.units.Bohr
    assert length_in_angstrom("pm") == pytest.approx(0.01)
    with pytest.raises(ValueError, match="no unit of lengths; known are Ang, Bohr, nm"):
        length_in_angstrom("eV")
