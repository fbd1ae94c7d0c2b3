"""Every key says what it is, and no module spells a key of fields itself."""

import re
from pathlib import Path

from schnetpack_molfield import properties

SOURCE = Path(properties.__file__).read_text()
KEYS = dict(re.findall(r'^(\w+): Final\[str\] = "(\w+)"$', SOURCE, flags=re.MULTILINE))


def test_every_key_has_shape_and_writer() -> None:
    described = re.findall(r"^#: \(.*\), .*; .+\n(\w+): Final", SOURCE, flags=re.MULTILINE)
    bare = re.findall(r"^#: \(.*\), \w+; .+\n(\w+): Final", SOURCE, flags=re.MULTILINE)
    assert sorted({*described, *bare}) == sorted(KEYS)
    assert len(set(KEYS.values())) == len(KEYS)


def test_no_module_spells_a_key_of_fields() -> None:
    own = {key for key in KEYS.values() if key.startswith("field_")} | {properties.kl_divergence}
    spelled = {
        f"{path.name}: {key}"
        for path in Path(properties.__file__).parent.rglob("*.py")
        for key in own
        if path.name != "properties.py" and f'"{key}"' in path.read_text()
    }
    assert not spelled
