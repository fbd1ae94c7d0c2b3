"""Boxes of an archive: matrices, lengths, or lengths and angles, for each frame or for all."""

import re
from difflib import get_close_matches

import numpy as np
from ase.geometry import cellpar_to_cell

__all__ = ["BOX_SIZES", "boxes", "means_a_box"]

#: How many numbers a box may be.
BOX_SIZES = (1, 3, 6, 9)

_WORDS = {"cell", "cells", "lattice", "lattices", "box", "boxes", "pbc", "periodic", "periodicity"}

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


def means_a_box(key: str) -> bool:
    """Whether a key looks like that of a box: `unit_cell`, `Box`, `boxlength`, `celll`."""
    words = set(re.findall(r"[a-z]+", key.lower()))
    near = bool(get_close_matches(key.lower(), _WORDS, 1, 0.85))
    return near or not words.isdisjoint(_WORDS) or any(word.startswith("box") for word in words)
