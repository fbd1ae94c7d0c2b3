import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from schnetpack_molfield.overrides import command_line

VALUES = [
    "/data/split.npz", "/my data/split.npz", "/lr=1e-3,seed=0/split.npz", "/it's/a'b.npz",
    "/a${b}/$c.npz", "/back\\slash/x.npz", "/[1]{2}(3)/x:y.npz", '/say "hi"/x.npz', "/ends\\",
    "/ü/x.npz", "~/x#y.npz", "12",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_hydra_reads_what_the_shell_passes_on(value: str) -> None:
    line = command_line({"data.split_file": value, "data.num_train": "3"})
    words = shlex.split(line)
    assert len(words) == 2
    override = OverridesParser.create().parse_override(words[0])
    config = OmegaConf.create({"value": override.value()})
    assert str(config.value) == value


def test_plain_values_stay_plain() -> None:
    assert command_line({"a.b": "/x/y_1.npz"}) == "a.b=/x/y_1.npz"
