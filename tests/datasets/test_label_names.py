"""Names of labels that are written out are SchNetPack's."""

from schnetpack import properties
from schnetpack.datasets import QM9

from schnetpack_molfield.datasets import label_names


def test_names_are_those_of_schnetpack() -> None:
    for name in label_names.__all__:
        if name != "OfQM9":
            assert getattr(label_names, name) == getattr(properties, name)
    of_qm9 = [name for name in vars(label_names.OfQM9) if not name.startswith("_")]
    assert len(of_qm9) == 15
    for name in of_qm9:
        assert getattr(label_names.OfQM9, name) == getattr(QM9, name)
