"""Boxes of an archive: matrices, lengths, or lengths and angles, for each frame or for all."""

import numpy as np
from ase.geometry import cellpar_to_cell

__all__ = ["boxes"]

#: Shapes of one box.
_SHAPES = ((3, 3), (9,), (6,), (3,), ())


def boxes(array: np.ndarray, n_frames: int, key: str) -> np.ndarray:
    """Cell vectors as rows, (n_frames, 3, 3).

    Args:
        array: matrices (3, 3) or (9,), six lengths and angles, three lengths, or the edge of a
            cube: one for each frame, or one for all.
        n_frames: number of frames.
        key: for messages.

    Raises:
        ValueError: for any other shape, or three numbers for three frames, which may be either.
    """
    array = array.astype(float)
    each = array.shape[:1] == (n_frames,) and array.shape[1:] in _SHAPES
    every = array.shape in _SHAPES
    if each and every and n_frames > 1:
        raise ValueError(
            f"{key!r} has shape {array.shape} for {n_frames} frames, which may be one box for all "
            "or one for each; give it as (n_frames, 3, 3)"
        )
    if not each and not every:
        raise ValueError(f"{key!r} has shape {array.shape}, expected ({n_frames}, 3, 3) or (3, 3)")
    of_frames = array if each else np.broadcast_to(array, (n_frames, *array.shape))
    return np.stack([_box(one) for one in of_frames])


def _box(one: np.ndarray) -> np.ndarray:
    if one.size == 9:
        return one.reshape(3, 3)
    if one.shape == (6,):
        return cellpar_to_cell(one)
    return np.diag(np.broadcast_to(one, 3))
