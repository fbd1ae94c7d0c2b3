"""Every name that a package's stub promises can be imported from it."""

from importlib import import_module
from pathlib import Path

import pytest

import schnetpack_molfield

FOLDER = Path(schnetpack_molfield.__file__).parent
PACKAGES = [
    ".".join(stub.parent.relative_to(FOLDER.parent).parts) for stub in FOLDER.rglob("*.pyi")
]


@pytest.mark.parametrize("name", PACKAGES)
def test_names_of_a_package(name: str) -> None:
    package = import_module(name)
    assert package.__all__ and set(package.__all__) <= set(dir(package))
    for exported in package.__all__:
        home = getattr(getattr(package, exported), "__module__", name)
        assert not home or home.startswith("schnetpack_molfield")


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="MolFeild"):
        schnetpack_molfield.MolFeild  # noqa: B018
