"""Input of the onset network: small gray frames at the clip's own rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

TARGET_PIXELS = 64 * 112
"""Approximate number of pixels of a small frame, whatever its aspect."""

MAX_RATE_HZ = 60
"""Faster clips are decimated."""

MIN_SIDE = 16


def choose_rows(width: int, height: int, pixels: int = TARGET_PIXELS) -> int:
    """Rows of the small frame of about ``pixels`` with the aspect of a ``width`` x ``height`` frame.

    The narrower side has MIN_SIDE pixels at least, and the other no more than ``pixels`` allow then.
    """
    return min(max(MIN_SIDE, round(math.sqrt(pixels * height / max(1, width)))), pixels // MIN_SIDE)


def choose_stride(frame_rate: Fraction | float) -> int:
    """Decimation factor that keeps the frame rate at or under MAX_RATE_HZ."""
    return max(1, math.ceil(float(frame_rate) / MAX_RATE_HZ - 0.02))


def prepare_frames(
    frames: Iterable[tuple[float, np.ndarray]], frame_rate: Fraction | float, pixels: int = TARGET_PIXELS
) -> Iterator[tuple[float, np.ndarray]]:
    """Decimate and downsample gray uint8 frames (time_s, [H, W]), in order of time, to about ``pixels`` each."""
    stride = choose_stride(frame_rate)
    for index, (time_s, frame) in enumerate(frames):
        if index % stride == 0:
            yield time_s, downsample(frame, pixels)


def downsample(frame: np.ndarray, pixels: int = TARGET_PIXELS) -> np.ndarray:
    """A gray frame by area averaging, about ``pixels`` in all; sides under MIN_SIDE are enlarged to it."""
    rows = choose_rows(frame.shape[1], frame.shape[0], pixels)
    if frame.shape[0] <= rows + 1 and min(frame.shape) >= MIN_SIDE and max(frame.shape) <= pixels // MIN_SIDE:
        return frame
    columns = min(max(MIN_SIDE, round(frame.shape[1] * rows / frame.shape[0])), pixels // MIN_SIDE)
    return np.rint(_average(_average(frame.astype(np.float32), rows).T, columns).T).astype(np.uint8)


def _average(values: np.ndarray, count: int) -> np.ndarray:
    """Area average of the first axis in ``count`` parts of equal length."""
    edges = np.linspace(0.0, values.shape[0], count + 1)
    sums = np.concatenate((np.zeros((1, values.shape[1]), np.float64), np.cumsum(values, axis=0, dtype=np.float64)))
    whole = np.minimum(edges.astype(int), values.shape[0] - 1)
    upto = sums[whole] + (edges - whole)[:, None] * values[whole]
    return (np.diff(upto, axis=0) / np.diff(edges)[:, None]).astype(np.float32)
