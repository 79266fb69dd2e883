"""Fingerprints of a clip's frames, which survive scaling, grading and encoding."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from engine.media.frames import iter_frames

ROWS, COLUMNS = 9, 16
SIZE = ROWS * COLUMNS
_READ_HEIGHT = 36
_FLAT_LEVELS = 1.5
"""A picture that varies less, of 255, such as black, has no features."""


def fingerprint_frames(
    path: str | os.PathLike[str], rate: Fraction, count: int, report: Callable[[float], None] = lambda _: None
) -> np.ndarray:
    """Fingerprints [count, SIZE] float32 of the frames shown in the middle of each 1/rate s from the clip's start.

    A fingerprint is the picture's brightness in 9 rows of 16 areas, less its mean, at unit length, so that the product
    of two is their correlation; zero for a flat picture. ``report`` is told the share that is read. Raises BadInput.
    """
    prints = np.zeros((count, SIZE), np.float32)
    position, last = 0, np.zeros(SIZE, np.float32)
    for time_s, picture in iter_frames(path, _READ_HEIGHT):
        shown = _fingerprint(picture)
        until = min(
            count, max(0, int(np.ceil(time_s * float(rate) - 0.5)))
        )  # slots whose middle lies before this frame
        prints[position:until] = last
        position, last = max(position, until), shown
        if position % 64 == 0 and count:
            report(position / count)
        if position >= count:
            break
    prints[position:] = last
    return prints


def _fingerprint(picture: np.ndarray) -> np.ndarray:
    """One picture's, uint8 [H, W]."""
    rows = np.linspace(0, picture.shape[0], ROWS, endpoint=False).astype(int)
    columns = np.linspace(0, picture.shape[1], COLUMNS, endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float32), rows, axis=0), columns, axis=1)
    sizes = np.outer(np.diff([*rows, picture.shape[0]]), np.diff([*columns, picture.shape[1]]))
    areas = (sums / np.maximum(sizes, 1)).ravel()
    areas -= areas.mean()
    if areas.std() < _FLAT_LEVELS:
        return np.zeros(SIZE, np.float32)
    return (areas / np.linalg.norm(areas)).astype(np.float32)
