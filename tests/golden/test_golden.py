"""Models say what they said when the numbers were recorded, see `cases.py`."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

spec = importlib.util.spec_from_file_location("golden_cases", Path(__file__).with_name("cases.py"))
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)

#: Relative to the largest number of an output: another torch or processor sums in another order.
TOLERANCE = {"float32": 2e-5, "float64": 1e-9}


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return dict(np.load(cases.NUMBERS))


@pytest.mark.parametrize("precision", cases.DTYPES)
@pytest.mark.parametrize("case", cases.CASES)
def test_numbers_are_those_that_were_recorded(case, precision, recorded) -> None:
    outputs = cases.outputs_of(case, cases.DTYPES[precision])
    prefix = f"{case}/{precision}/"
    assert {prefix + key for key in outputs} == {key for key in recorded if key.startswith(prefix)}
    for key, value in outputs.items():
        expected = recorded[prefix + key]
        atol = TOLERANCE[precision] * np.abs(expected).max()
        np.testing.assert_allclose(value, expected, rtol=0, atol=atol, err_msg=key)


def test_files_are_small() -> None:
    assert all(path.stat().st_size < 100_000 for path in Path(__file__).parent.iterdir())
