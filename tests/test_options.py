"""Options are written once, in signatures and docstrings; configurations follow them."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[1]
CONFIGS = [
    path
    for path in (ROOT / "configs/model/representation").rglob("*.yaml")
    if "schnetpack_molfield" in str(OmegaConf.load(path).get("_target_"))
]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configurations_have_the_defaults_of_the_code(path: Path) -> None:
    """But for options without a default in the code, and for parts that are configured."""
    config = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    parameters = inspect.signature(get_class(config.pop("_target_"))).parameters
    config.pop("defaults", None)
    takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert takes_more or set(config) <= set(parameters)
    for name, value in config.items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        default = list(default) if isinstance(default, tuple) else default
        own = isinstance(value, dict) or "${" in str(value) or default is inspect.Parameter.empty
        assert own or value == default, f"{name}: {value} here, {default} in the code"


def test_every_option_of_the_representation_is_in_its_configuration() -> None:
    config = OmegaConf.load(ROOT / "configs/model/representation/molfield.yaml")
    parameters = inspect.signature(get_class(config["_target_"])).parameters.values()
    known = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    assert known - set(config) == {"radial_basis", "max_z", "nuclear_embedding"}
