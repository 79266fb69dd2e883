"""Level of a sound in bands over time: what the sync network hears besides the detected onsets."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, power_to_db

RATE_HZ = 100
"""Values a second of everything that the sync network compares."""
BANDS = 16
FLOOR_DB = -60.0
"""Levels are relative to the clip's loudest (99.5 %) and not under this."""

_HOP, _WINDOW = SAMPLE_RATE_HZ // RATE_HZ, 768
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 16_000.0


def measure_bands(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Levels in dB, float32 [N, BANDS], of a mono sound at SAMPLE_RATE_HZ in blocks; value k is centred at k / RATE_HZ.

    Windows of 16 ms, in BANDS bands of equal width in log frequency.
    """
    held = np.zeros(_WINDOW // 2, np.float32)
    parts = [np.zeros((0, BANDS), np.float32)]
    for block in blocks:
        held = np.concatenate((held, np.asarray(block, np.float32)))
        count = max(0, (len(held) - _WINDOW) // _HOP + 1)
        if count:
            parts.append(_measure(held, count))
            held = held[count * _HOP :]
    tail = np.concatenate((held, np.zeros(_WINDOW // 2, np.float32)))
    parts.append(_measure(tail, max(0, (len(tail) - _WINDOW) // _HOP + 1)))
    return np.concatenate(parts)


def _measure(samples: np.ndarray, count: int) -> np.ndarray:
    if not count:
        return np.zeros((0, BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[: count * _HOP : _HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2
    return np.asarray(power_to_db(power @ _make_filters().T + 1e-10), np.float32)


@functools.lru_cache(maxsize=1)
def _make_filters() -> np.ndarray:
    """Bands of power, [BANDS, bins]: each bin in the band that holds its frequency, at least one bin a band."""
    edges_hz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, BANDS + 1)
    bins_hz = np.fft.rfftfreq(_WINDOW, 1.0 / SAMPLE_RATE_HZ)
    filters = ((bins_hz >= edges_hz[:-1, None]) & (bins_hz < edges_hz[1:, None])).astype(np.float32)
    for band in np.flatnonzero(filters.sum(axis=1) == 0.0):
        centre_hz = np.sqrt(edges_hz[band] * edges_hz[band + 1])
        filters[band, max(1, int(np.argmin(np.abs(bins_hz - centre_hz))))] = 1.0
    return filters


def normalize_bands(levels_db: np.ndarray) -> np.ndarray:
    """Levels [N, BANDS] as 0 (FLOOR_DB and less) to 1 (the clip's loudest band), whatever the sound's gain."""
    if not len(levels_db):
        return levels_db
    loudest_db = float(np.percentile(levels_db.max(axis=1), 99.5))
    return np.clip(1.0 - (levels_db - loudest_db) / FLOOR_DB, 0.0, 1.2).astype(np.float32)
