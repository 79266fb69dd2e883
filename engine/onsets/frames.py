"""What the onset network looks at: small gray frames at the clip's own rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

PIXELS = 64 * 112
"""About so many means of pixels a frame, whatever its shape."""

MOST_RATE_HZ = 60
"""Faster clips are thinned."""

LEAST_SIDE = 16


def choose_rows(width: int, height: int) -> int:
    """Rows of the small frame of a picture: PIXELS in all, its aspect kept."""
    return max(LEAST_SIDE, round(math.sqrt(PIXELS * height / max(1, width))))


def choose_stride(frame_rate: Fraction | float) -> int:
    """Of how many frames one is looked at, so that no more than MOST_RATE_HZ a second are."""
    return max(1, math.ceil(float(frame_rate) / MOST_RATE_HZ - 0.02))


def prepare_frames(
    frames: Iterable[tuple[float, np.ndarray]], frame_rate: Fraction | float
) -> Iterator[tuple[float, np.ndarray]]:
    """Frames thinned and shrunk: gray uint8 [H, W] of any size in order of time to uint8 of about PIXELS."""
    stride = choose_stride(frame_rate)
    for index, (time_s, frame) in enumerate(frames):
        if index % stride == 0:
            yield time_s, shrink(frame)


def shrink(frame: np.ndarray) -> np.ndarray:
    """A gray frame as means of its pixels, about PIXELS of them; smaller ones are repeated where a side is tiny."""
    rows = choose_rows(frame.shape[1], frame.shape[0])
    if frame.shape[0] <= rows + 1 and min(frame.shape) >= LEAST_SIDE:
        return frame
    columns = max(LEAST_SIDE, round(frame.shape[1] * rows / frame.shape[0]))
    return np.rint(_average(_average(frame.astype(np.float32), rows).T, columns).T).astype(np.uint8)


def _average(values: np.ndarray, count: int) -> np.ndarray:
    """The first axis in ``count`` parts of equal length, each the mean of what it covers."""
    edges = np.linspace(0.0, values.shape[0], count + 1)
    sums = np.concatenate((np.zeros((1, values.shape[1]), np.float64), np.cumsum(values, axis=0, dtype=np.float64)))
    whole = np.minimum(edges.astype(int), values.shape[0] - 1)
    upto = sums[whole] + (edges - whole)[:, None] * values[whole]
    return (np.diff(upto, axis=0) / np.diff(edges)[:, None]).astype(np.float32)
