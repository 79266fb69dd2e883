"""What is heard of an edit, measured in the tracks before and after it, and whether an export is the track."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from scipy import signal

WINDOW_S = 0.4
"""Length in which a moved mode is looked for after its hit."""
NEAR = 0.06
"""Share of its frequency by which a mode may be heard beside where it was put, to be taken for it."""
PADDED = 4


def measure_move(without: np.ndarray, before: np.ndarray, after: np.ndarray, rate_hz: int) -> float:
    """By how many seconds a hit is heard later, from tracks [N, channels] without it, before it was moved, and after.

    What a track has over that without the hit is the hit alone; the two are shifted to where they agree most.
    """
    old, new = (_subtract(without, track).mean(axis=1) for track in (before, after))
    match = signal.correlate(new, old, mode="full", method="fft")
    return float(int(np.argmax(match)) - (len(old) - 1)) / rate_hz


def measure_mode(before: np.ndarray, after: np.ndarray, hit_s: float, expected_hz: float, rate_hz: int) -> float:
    """Frequency in Hz at which a mode is heard that was moved, in tracks [N, channels] that differ in it alone.

    The strongest of the difference's spectrum (Hann window, parabola through the peak) near the expected frequency.
    """
    first = round(hit_s * rate_hz)
    changed = _subtract(before, after)[first : first + round(WINDOW_S * rate_hz)].mean(axis=1)
    size = PADDED * len(changed)
    levels = np.log(np.abs(np.fft.rfft(changed * np.hanning(len(changed)), size)) + 1e-12)
    bins = np.asarray([expected_hz * (1.0 - NEAR), expected_hz * (1.0 + NEAR)]) * size / rate_hz
    low, high = max(1, round(bins[0])), min(len(levels) - 2, round(bins[1]))
    at = low + int(np.argmax(levels[low : high + 1]))
    left, middle, right = levels[at - 1 : at + 2]
    bend = left - 2.0 * middle + right
    return float((at + (0.5 * (left - right) / bend if bend < 0.0 else 0.0)) * rate_hz / size)


def is_picture_untouched(clip: Path, exported: Path) -> bool:
    """Whether a film holds the very packets of a clip's picture."""
    return read_picture(clip) == read_picture(exported)


def read_picture(path: Path) -> list[bytes]:
    """The packets of a film's picture."""
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(film.streams.video[0]) if packet.size]


def _subtract(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    length = max(len(before), len(after))
    padded = (np.pad(track.astype(np.float64), ((0, length - len(track)), (0, 0))) for track in (before, after))
    old, new = padded
    return np.asarray(new - old)
