"""Simple onset detectors that a network has to beat: drops of optical flow, its peaks (AV-Align), an even grid."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.onsets.track import Onset

FLOW_BLOCK = 16
FLOW_SEPARATION_S = 0.1


def measure_flow(frames: Iterable[tuple[float, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of frames, the mean speed of blocks since the frame before, and the mean loss of it, per frame.

    Block-wise optical flow (Lucas and Kanade, one step) of frames at half size.
    """
    times: list[float] = []
    speeds: list[float] = []
    drops: list[float] = []
    last: np.ndarray | None = None
    flow: np.ndarray | None = None
    for time_s, frame in frames:
        picture = frame[::2, ::2].astype(np.float32)
        if last is not None:
            now = _measure_speed(last, picture)
            times.append(time_s)
            speeds.append(float(now.mean()))
            drops.append(float(np.maximum(flow - now, 0.0).mean()) if flow is not None else 0.0)
            flow = now
        last = picture
    return np.asarray(times), np.asarray(speeds), np.asarray(drops)


def find_drops(times_s: np.ndarray, drops: np.ndarray) -> list[Onset]:
    """Peaks of the drop of flow between frames, FLOW_SEPARATION_S apart."""
    frame_s = max(1e-3, float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0)
    return _find_peaks(times_s, drops, max(1, round(FLOW_SEPARATION_S / frame_s)))


def find_flow_peaks(times_s: np.ndarray, speeds: np.ndarray) -> list[Onset]:
    """AV-Align's video peaks: every local maximum of the mean magnitude of optical flow (Yariv et al., AAAI 2024)."""
    return _find_peaks(times_s, speeds, 1)


def _find_peaks(times_s: np.ndarray, values: np.ndarray, reach: int) -> list[Onset]:
    top = float(values.max()) if len(values) else 0.0
    return [
        Onset(float(times_s[k]), float(values[k] / top))
        for k in range(len(values))
        if top > 0.0 and values[k] > 0.0 and values[k] == values[max(0, k - reach) : k + reach + 1].max()
    ]


def _measure_speed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Speed of each block in pixels a frame."""
    down, right = np.gradient((a + b) / 2)
    change = b - a

    def blocks(values: np.ndarray) -> np.ndarray:
        size = FLOW_BLOCK // 2
        rows, columns = values.shape[0] // size, values.shape[1] // size
        return values[: rows * size, : columns * size].reshape(rows, size, columns, size).sum(axis=(1, 3))

    xx, yy, xy = blocks(right * right) + 100.0, blocks(down * down) + 100.0, blocks(right * down)
    xt, yt = blocks(right * change), blocks(down * change)
    determinant = xx * yy - xy * xy
    return np.hypot((xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant)


def place_grid(duration_s: float, spacing_s: float) -> list[float]:
    """Onsets at even spacing, whatever the clip shows."""
    return list(np.arange(spacing_s / 2, duration_s, spacing_s))
