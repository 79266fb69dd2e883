"""Optical flow between two small frames by exhaustive block matching."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

REACH = 5
"""Largest displacement tried, in rows or columns of the small frame."""

SIDE = 2 * REACH + 1
MAX_DIFFERENCE = 40.0
"""Gray levels at which a pixel's difference is clipped, so that one bright edge does not decide alone."""

SHIFT_COST = 0.25
"""Penalty in gray levels for each row or column of displacement: of equal matches the shortest wins."""


class Flow(NamedTuple):
    """Displacement of every pixel, each field [rows, columns].

    ``dx`` and ``dy`` are the best displacement in columns and rows; ``zero_cost``, ``best_cost`` and ``expected_cost``
    are mean differences in gray levels: without displacement, at the best one (penalty included), and at the expected
    one (within one row and column).
    """

    dx: np.ndarray
    dy: np.ndarray
    zero_cost: np.ndarray
    best_cost: np.ndarray
    expected_cost: np.ndarray


def estimate_flow(frame: np.ndarray, other: np.ndarray, expected: tuple[np.ndarray, np.ndarray] | None = None) -> Flow:
    """Flow between two small gray frames, float32 [rows, columns]: frame[y, x] matches other[y + dy, x + dx].

    Blocks of 3 x 3 pixels are matched. The search is exhaustive, since thin fast objects vanish from the coarse levels
    of a pyramid. ``expected`` is a displacement (dx, dy) for every pixel, by default zero.
    """
    cost = _match_blocks(frame, other)
    zero_cost = cost[REACH * SIDE + REACH].copy()
    expected_cost = zero_cost if expected is None else _cost_near(cost, *expected)
    reach = np.arange(-REACH, REACH + 1, dtype=np.float32)
    cost += (SHIFT_COST * np.hypot(reach[:, None], reach)).reshape(-1, 1)
    best = cost.argmin(axis=0)
    dy, dx = np.divmod(best, SIDE)
    fields = (dx - REACH, dy - REACH, zero_cost, cost[best, np.arange(best.size)], expected_cost)
    return Flow(*(field.astype(np.float32).reshape(frame.shape) for field in fields))


def _match_blocks(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean absolute differences [displacements, pixels], displacements row by row."""
    rows, columns = frame.shape
    framed = np.pad(frame, 1, mode="edge")
    padded = np.pad(other, REACH + 1, mode="edge")
    cost = np.empty((SIDE * SIDE, rows * columns), np.float32)
    # One row of displacements at a time stays in the processor's cache.
    for row in range(SIDE):
        strips = np.lib.stride_tricks.sliding_window_view(padded[row : row + rows + 2], columns + 2, axis=1)
        difference = np.abs(strips.transpose(1, 0, 2) - framed)
        np.minimum(difference, MAX_DIFFERENCE, out=difference)
        cost[row * SIDE : (row + 1) * SIDE] = _box_filter(difference).reshape(SIDE, -1)
    return cost


def _box_filter(values: np.ndarray) -> np.ndarray:
    """Mean of three by three neighbours over the last two axes; one row and column less on every side."""
    rows = values[:, :-2] + values[:, 1:-1]
    rows += values[:, 2:]
    total = rows[..., :-2] + rows[..., 1:-1]
    total += rows[..., 2:]
    total *= np.float32(1 / 9)
    return total


def _cost_near(cost: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Least difference of the displacements within one row and column of a given one."""
    pixels = np.arange(cost.shape[1])
    column, row = (np.clip(np.rint(v).astype(int).ravel(), 1 - REACH, REACH - 1) + REACH for v in (dx, dy))
    least = np.full(pixels.size, np.inf, np.float32)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            np.minimum(least, cost[(row + y) * SIDE + column + x, pixels], out=least)
    return least
