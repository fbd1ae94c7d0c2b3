"""Precisions a training can have."""

import pytest
from schnetpack.transform import CastTo32, CastTo64

from schnetpack_molfield.transform import cast_to


@pytest.mark.parametrize(
    ("precision", "kind"), [(32, CastTo32), ("32-true", CastTo32), (64, CastTo64), ("64", CastTo64)]
)
def test_single_and_double(precision, kind):
    assert isinstance(cast_to(precision), kind)


@pytest.mark.parametrize("precision", [16, "16-mixed", "bf16-mixed", "bf16", 8, "half", None])
def test_half_precision_is_refused(precision):
    with pytest.raises(ValueError, match=f"globals.precision must be 32 or 64, got {precision}"):
        cast_to(precision)
