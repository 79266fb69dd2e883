"""Hits seen: sudden stops of local motion, not mere motion energy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
from scipy.ndimage import uniform_filter

from engine.onsets.track import CURVE_RATE_HZ, Onset, OnsetTrack, draw_curve

PICTURE_HEIGHT = 180
"""Rows of the frames that the detector is made for."""

BLOCK = 12
NOISE_LEVEL = 1.5
REACH = 5
TOP_SHARE = 0.02
CONTACT_FRAMES = 0.85
"""The contact lies between the last frame that moved and the first that does not."""

SEPARATION_S = 0.2
PARTIAL_EVERY = 50


def detect_in_picture(
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction,
    duration_s: float,
    on_found: Callable[[OnsetTrack], None] | None = None,
) -> OnsetTrack:
    """Onsets of a silent picture from gray frames [H, W] in order of time, three of them held at once.

    Where a thing strikes, the motion of a neighbourhood of blocks is lost from one frame to the next. What
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
        out = _measure_blocks(b, c)
        trail = into if trail is None else 0.6 * trail + 0.4 * into
        response = np.maximum(np.minimum(into, 1.5 * trail) - out, 0.0)
        response = np.maximum(response - np.median(response), 0.0)
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
    blocks = np.maximum(blocks - NOISE_LEVEL, 0.0)
    # A thing that passes leaves a block for its neighbour: only motion lost to the whole neighbourhood is a stop.
    return uniform_filter(blocks, REACH, mode="constant")


def _track(times: list[float], values: list[float], frame_rate: Fraction, duration_s: float) -> OnsetTrack:
    count = int(np.ceil(duration_s * CURVE_RATE_HZ))
    response = np.asarray(values)
    if len(response) < 3 or float(response.max()) < 0.5:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    # The balanced threshold lies at two thirds of what this clip's clear strikes reach.
    clear = float(np.percentile(response, 98)) + 1e-9
    strength = np.clip(0.95 * response / clear, 0.0, None)
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
            time_s = max(0.0, times[k] + (CONTACT_FRAMES + offset) / float(frame_rate))
            candidates.append(Onset(min(time_s, duration_s), float(strength[k])))
    grid = np.arange(count) / CURVE_RATE_HZ
    return OnsetTrack(draw_curve(np.interp(grid, np.asarray(times) + CONTACT_FRAMES / float(frame_rate), strength), candidates), tuple(candidates))
