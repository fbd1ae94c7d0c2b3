"""The precision of a training, checked before anything else is done."""

from schnetpack.transform import CastTo32, CastTo64, Transform

__all__ = ["cast_to"]


def cast_to(precision: int | str) -> Transform:
    """The transform that casts to single or double precision.

    Args:
        precision: 32 or 64, or Lightning's names for them (`32-true`, `64-true`).

    Raises:
        ValueError: for another precision, such as 16.
    """
    bits = str(precision).removesuffix("-true")
    if bits not in ("32", "64"):
        raise ValueError(
            f"globals.precision must be 32 or 64, got {precision}: forces are derivatives, which "
            "half precision can't hold"
        )
    return CastTo32() if bits == "32" else CastTo64()
