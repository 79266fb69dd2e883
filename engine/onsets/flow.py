"""Where each spot of a small picture goes between two frames: every shift within reach is tried."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

REACH = 5
"""Farthest shift tried, in rows or columns of the small picture."""

SIDE = 2 * REACH + 1
MOST_DIFFERENCE = 40.0
"""Gray levels beyond which a difference counts no more, so that one bright edge does not decide alone."""

SHIFT_COST = 0.25
"""Gray levels that each row or column of a shift must explain: of equal matches the shortest wins."""


class Flow(NamedTuple):
    """What the spots of a picture did, each field [rows, columns].

    ``right`` and ``down`` are the best shift in columns and rows; ``still``, ``shifted`` and ``kept`` are mean
    differences in gray levels: unmoved, at the best shift, and at the expected shift (within one row and column).
    """

    right: np.ndarray
    down: np.ndarray
    still: np.ndarray
    shifted: np.ndarray
    kept: np.ndarray


def measure_flow(picture: np.ndarray, other: np.ndarray, expected: tuple[np.ndarray, np.ndarray] | None = None) -> Flow:
    """Flow between two small gray pictures, float32 [rows, columns]: picture[y, x] is other[y + down, x + right].

    Three by three pixels are matched at a time. The search is full, since thin fast things vanish from the coarse
    levels of a pyramid. ``expected`` is a shift (right, down) for every spot, by default none.
    """
    cost = _compare_shifts(picture, other)
    still = cost[REACH * SIDE + REACH].copy()
    kept = still if expected is None else _compare_expected(cost, *expected)
    reach = np.arange(-REACH, REACH + 1, dtype=np.float32)
    cost += (SHIFT_COST * np.hypot(reach[:, None], reach)).reshape(-1, 1)
    best = cost.argmin(axis=0)
    down, right = np.divmod(best, SIDE)
    fields = (right - REACH, down - REACH, still, cost[best, np.arange(best.size)], kept)
    return Flow(*(field.astype(np.float32).reshape(picture.shape) for field in fields))


def _compare_shifts(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean absolute differences [shifts, spots], shifts row by row."""
    rows, columns = picture.shape
    framed = np.pad(picture, 1, mode="edge")
    padded = np.pad(other, REACH + 1, mode="edge")
    cost = np.empty((SIDE * SIDE, rows * columns), np.float32)
    # One row of shifts at a time stays in the processor's cache.
    for row in range(SIDE):
        strips = np.lib.stride_tricks.sliding_window_view(padded[row : row + rows + 2], columns + 2, axis=1)
        difference = np.abs(strips.transpose(1, 0, 2) - framed)
        np.minimum(difference, MOST_DIFFERENCE, out=difference)
        cost[row * SIDE : (row + 1) * SIDE] = _average_neighbours(difference).reshape(SIDE, -1)
    return cost


def _average_neighbours(values: np.ndarray) -> np.ndarray:
    """Mean of three by three neighbours over the last two axes; one row and column less on every side."""
    rows = values[:, :-2] + values[:, 1:-1]
    rows += values[:, 2:]
    total = rows[..., :-2] + rows[..., 1:-1]
    total += rows[..., 2:]
    total *= np.float32(1 / 9)
    return total


def _compare_expected(cost: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Least difference of the shifts within one row and column of the expected one."""
    spots = np.arange(cost.shape[1])
    across, along = (np.clip(np.rint(v).astype(int).ravel(), 1 - REACH, REACH - 1) + REACH for v in (right, down))
    least = np.full(spots.size, np.inf, np.float32)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            np.minimum(least, cost[(along + y) * SIDE + across + x, spots], out=least)
    return least
