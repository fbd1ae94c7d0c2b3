import pytest

from schnetpack_molfield.datasets.choice import Request, choose_labels
from schnetpack_molfield.datasets.labels import Label, ase_label, label_of


@pytest.mark.parametrize(
    ("key", "name", "unit"),
    [
        ("E_eV", "energy", "eV"),
        ("F_eV_A", "forces", "eV/Ang"),
        ("E_kcal_mol", "energy", "kcal/mol"),
        ("F_kcal_mol_A", "forces", "kcal/mol/Ang"),
        ("forces_Ha_bohr", "forces", "Ha/Bohr"),
        ("energies_kJ_mol", "energy", "kJ/mol"),
        ("Energy_eV", "energy", "eV"),
        ("stress_eV_A3", "stress", "eV/Ang/Ang/Ang"),
        ("alpha_bohr3", "isotropic_polarizability", "a0 a0 a0"),
        ("r2_bohr2", "electronic_spatial_extent", "a0 a0"),
        ("cv_cal_molK", "heat_capacity", "cal/mol/K"),
        ("A_GHz", "rotational_constant_A", "GHz"),
        ("u298_Ha", "energy_U", "Ha"),
        ("E_mp2_Ha", "E_mp2", "Ha"),
        ("charges_e", "charges", "e"),
    ],
)
def test_keys_state_name_and_unit(key: str, name: str, unit: str) -> None:
    assert label_of(key) == Label(key, name, unit)


def test_units_that_schnetpack_lacks_become_ones_it_has() -> None:
    assert label_of("E_meV") == Label("E_meV", "energy", "eV", 1e-3)
    dipole = label_of("dipole_e_A")
    assert (dipole.name, dipole.unit) == ("dipole", "Debye")
    assert dipole.factor == pytest.approx(4.80320, abs=1e-5)


def test_key_without_unit() -> None:
    assert label_of("charges_am1bcc") == Label("charges_am1bcc", "charges_am1bcc", None, 1.0, False)
    assert label_of("E") == Label("E", "energy", None)


def choose(keys: dict[str, list[int]], label=label_of, **request) -> list[Label]:
    return choose_labels(keys, label, Request(**request))


KEYS = {"E_eV": [0, 1], "charge_density": [0, 1]}


def test_all_labels_of_known_unit_by_default() -> None:
    assert choose(KEYS) == [Label("E_eV", "energy", "eV")]
    assert choose(KEYS, properties={"none": None}) == []
    assert choose({}) == []


def test_label_by_name_or_by_key_and_with_another_unit() -> None:
    assert choose(KEYS, properties={"energy": None}) == choose(KEYS, properties={"E_eV": None})
    assert choose(KEYS, properties={"energy": "kcal/mol"})[0].unit == "kcal/mol"
    (other,) = choose(KEYS, properties={"charge_density": "e"})
    assert (other.name, other.unit) == ("charge_density", "e")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"properties": {"enrgy": None}}, "no property 'enrgy': did you mean 'energy'"),
        ({"properties": {"charge_density": None}}, "pass --property charge_density=UNIT"),
        ({"properties": {"energy": "foo"}}, "'foo' is no known unit of 'energy'; known are eV"),
        ({"properties": {"energy": "eV/A"}}, "'eV/A' is no unit of 'energy'"),
        ({"names": {"enrgy": "E0"}}, "there is no label 'enrgy'; did you mean"),
        ({"names": {"charge_density": "energy"}}, "'E_eV' and 'charge_density' would both be"),
        ({"names": {"E_eV": "forces"}}, "'eV' is no unit of 'forces'"),
    ],
)
def test_what_is_asked_for_is_there(request_, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(KEYS, **request_)


def test_unit_of_an_archive_has_to_be_stated() -> None:
    with pytest.raises(ValueError, match="the unit of 'E' isn't known; pass --property E=UNIT"):
        choose({"E": [0], "F_eV_A": [0]})


@pytest.mark.parametrize(
    "key", ["Energy", "ENERGY", "REF_energy", "TotEnergy", "enrgy", "dft_energy"]
)
def test_near_names_are_asked_about(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key!r} of frame 1 .*did you mean 'energy'.*--rename"):
        choose({"energy": [0], key: [0, 1], "forces": [0, 1]}, ase_label)
    assert [label.key for label in choose({"energy": [0, 1], key: [1]}, ase_label)] == ["energy"]


@pytest.mark.parametrize("key", ["gradient", "REF_gradients", "dft_grad"])
def test_a_gradient_is_turned(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key!r} of frame 0 has the forces with the other sign"):
        choose({"energy": [0], key: [0]}, ase_label)
    labels = choose({"energy": [0], key: [0]}, ase_label, names={key: "forces"})
    assert labels[1][:4] == (key, "forces", "eV/Ang", -1.0)
    assert [one.key for one in choose({"forces": [0], key: [0]}, ase_label)] == ["forces"]


def test_a_gradient_of_an_archive_keeps_its_unit() -> None:
    keys = {"E_eV": [0], "grad_mHa_bohr": [0]}
    with pytest.raises(ValueError, match="'grad_mHa_bohr' of frame 0 has the forces with the"):
        choose(keys)
    (_, label) = choose(keys, names={"grad_mHa_bohr": "forces"})
    assert label[1:4] == ("forces", "Ha/Bohr", pytest.approx(-1e-3))


@pytest.mark.parametrize("key", ["energy_per_atom", "EnergyPerAtom", "energy/atom"])
def test_an_energy_per_atom_is_no_energy(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key!r} of frame 0 is an energy per atom"):
        choose({key: [0]}, ase_label)


def test_renaming_takes_a_label_in_the_unit_of_its_new_name() -> None:
    labels = choose({"energy": [0], "force": [0]}, ase_label, names={"force": "forces"})
    assert labels[1][:3] == ("force", "forces", "eV/Ang")


@pytest.mark.parametrize(
    ("key", "reader", "property_"),
    [
        ("forces", ase_label, "forces"),
        ("F_eV_A", label_of, "forces"),
        ("E_Ha", label_of, "energy"),
        ("charges", ase_label, "charges"),
        ("mu_Debye", label_of, "dipole_moment"),
    ],
)
def test_a_label_under_a_new_name_stays_what_it_is(key: str, reader, property_: str) -> None:
    """Its shape is known, and whether it belongs to atoms: nobody has to say `--per-atom`."""
    (label,) = choose({key: [0]}, reader, names={key: "of_dft"}, properties={key: None})
    assert label.name == "of_dft" and label.unit == reader(key).unit
    assert label.row is not None and label.row.name == property_


def test_a_virial_may_be_called_a_stress_or_stay_a_virial() -> None:
    assert choose({"virial": [0]}, ase_label, names={"virial": "stress"}) == choose(
        {"virial": [0]}, ase_label
    )
    (label,) = choose({"virial": [0]}, ase_label, names={"virial": "W"})
    assert (label.name, label.unit, label.virial) == ("W", "eV", False)
    assert label.row is not None and label.row.shapes == ((3, 3),)


def test_two_keys_of_one_property_share_a_unit() -> None:
    with pytest.raises(ValueError, match="'E_eV' and 'E_Ha' are both 'energy', in eV and Ha"):
        choose({"E_eV": [0], "E_Ha": [0]})


def test_a_virial_becomes_a_stress() -> None:
    (label,) = choose({"virial": [0]}, ase_label)
    assert (label.name, label.unit, label.virial) == ("stress", "eV/Ang/Ang/Ang", True)
    assert [
        label.key
        for label in choose({"stress": [0], "virial": [1]}, ase_label, properties={"stress": None})
    ] == ["stress", "virial"]
