"""Hits seen: sudden reversals and stops of local motion, not mere motion energy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np

from engine.onsets.track import CURVE_RATE_HZ, Onset, OnsetTrack, draw_curve

BLOCK = 12
NOISE_LEVEL = 1.5
STOP_WEIGHT = 0.7
TOP_SHARE = 0.02
SEPARATION_S = 0.12
PARTIAL_EVERY = 50


def detect_in_picture(
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction,
    duration_s: float,
    on_found: Callable[[OnsetTrack], None] | None = None,
) -> OnsetTrack:
    """Onsets of a silent picture from gray frames [H, W] in order of time, three of them held at once.

    In a block that turns back, the frames before and after a strike resemble each other more than either
    resembles the one between; in a block that stops, motion before is not followed by motion after. What
    the whole picture does at once (camera, cut, exposure) is taken off as the median block.
    """
    held: deque[tuple[float, np.ndarray]] = deque(maxlen=3)
    times: list[float] = []
    values: list[float] = []
    before: np.ndarray | None = None
    trail: np.ndarray | None = None
    for time_s, frame in frames:
        held.append((time_s, frame.astype(np.float32)))
        if len(held) < 3:
            continue
        (_, a), (middle_s, b), (_, c) = held
        into = _measure_blocks(a, b) if before is None else before
        out, across = _measure_blocks(b, c), _measure_blocks(a, c)
        trail = into if trail is None else 0.6 * trail + 0.4 * into
        turn = np.maximum(into + out - 1.3 * across, 0.0)
        stop = np.maximum(np.minimum(into, 1.5 * trail) - 2.0 * out, 0.0)
        response = turn + STOP_WEIGHT * stop
        response = np.maximum(response - np.median(response) - 0.5 * np.median(into), 0.0)
        most = max(1, int(TOP_SHARE * response.size))
        times.append(middle_s)
        values.append(float(np.sort(response, axis=None)[-most:].mean()))
        before = out
        if on_found is not None and len(values) % PARTIAL_EVERY == 0:
            on_found(_track(times, values, frame_rate, middle_s))
    return _track(times, values, frame_rate, duration_s)


def _measure_blocks(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean absolute difference of two frames over blocks, less what noise makes."""
    rows, columns = max(1, a.shape[0] // BLOCK), max(1, a.shape[1] // BLOCK)
    height, width = min(a.shape[0], rows * BLOCK), min(a.shape[1], columns * BLOCK)
    difference = np.abs(a[:height, :width] - b[:height, :width])
    blocks = difference.reshape(rows, height // rows, columns, width // columns).mean(axis=(1, 3))
    return np.maximum(blocks - NOISE_LEVEL, 0.0)


def _track(times: list[float], values: list[float], frame_rate: Fraction, duration_s: float) -> OnsetTrack:
    count = int(np.ceil(duration_s * CURVE_RATE_HZ))
    response = np.asarray(values)
    if len(response) < 3 or float(response.max()) < 0.5:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    # The balanced threshold lies at a third of what this clip's clear strikes reach.
    clear = float(np.percentile(response, 98)) + 1e-9
    strength = np.clip(1.5 * response / clear, 0.0, None)
    strength = strength / (1.0 + strength) * 1.25
    strength = np.clip(strength, 0.0, 1.0)
    separation = max(1, int(SEPARATION_S * float(frame_rate)))
    candidates = []
    for k in range(len(strength)):
        first, last = max(0, k - separation), min(len(strength), k + separation + 1)
        if strength[k] > 0.05 and strength[k] == strength[first:last].max() and k == first + int(np.argmax(strength[first:last])):
            offset = 0.0
            if 0 < k < len(strength) - 1:
                left, here, right = response[k - 1 : k + 2]
                curvature = left - 2 * here + right
                offset = float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0
            time_s = max(0.0, times[k] + offset / float(frame_rate))
            candidates.append(Onset(min(time_s, duration_s), float(strength[k])))
    grid = np.arange(count) / CURVE_RATE_HZ
    return OnsetTrack(draw_curve(np.interp(grid, times, strength), candidates), tuple(candidates))
