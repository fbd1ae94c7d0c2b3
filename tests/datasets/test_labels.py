import pytest

from schnetpack_molfield.datasets.labels import Label, choose_labels, label_of


@pytest.mark.parametrize(
    ("key", "name", "unit"),
    [
        ("E_eV", "energy", "eV"),
        ("F_eV_A", "forces", "eV/Ang"),
        ("E_kcal_mol", "energy", "kcal/mol"),
        ("F_kcal_mol_A", "forces", "kcal/mol/Ang"),
        ("alpha_bohr3", "isotropic_polarizability", "a0 a0 a0"),
        ("r2_bohr2", "electronic_spatial_extent", "a0 a0"),
        ("cv_cal_molK", "heat_capacity", "cal/mol/K"),
        ("A_GHz", "rotational_constant_A", "GHz"),
        ("u298_Ha", "energy_U", "Ha"),
        ("E_mp2_Ha", "E_mp2", "Ha"),
    ],
)
def test_keys_state_name_and_unit(key: str, name: str, unit: str) -> None:
    assert label_of(key) == Label(key, name, unit)


def test_key_without_unit_is_no_label() -> None:
    assert label_of("charges_am1bcc") is None


AVAILABLE = {"E_eV": Label("E_eV", "energy", "eV"), "charges": None}


def test_all_known_labels_by_default() -> None:
    assert choose_labels(AVAILABLE, {}) == [Label("E_eV", "energy", "eV")]


def test_label_by_name_or_by_key_and_with_another_unit() -> None:
    assert choose_labels(AVAILABLE, {"energy": None}) == choose_labels(AVAILABLE, {"E_eV": None})
    assert choose_labels(AVAILABLE, {"energy": "kcal/mol"})[0].unit == "kcal/mol"
    assert choose_labels(AVAILABLE, {"charges": "e"}) == [Label("charges", "charges", "e")]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"enrgy": None}, "no property 'enrgy': did you mean 'energy'"),
        ({"charges": None}, "--property charges=UNIT"),
    ],
)
def test_unknown_name_or_unit(wanted: dict[str, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_labels(AVAILABLE, wanted)


def test_no_label_of_known_unit() -> None:
    with pytest.raises(ValueError, match="no label with a known unit"):
        choose_labels({"charges": None}, {})


def test_bare_structures_have_no_labels() -> None:
    assert choose_labels({}, {}) == []
