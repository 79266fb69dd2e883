"""Background of a recording: stretches in which nothing sounds and nothing dies away."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import fft as fast_fourier

from engine.core.dsp import erb_edges
from engine.core.units import power_to_db

HALF_S = 0.1
NEAR_BACKGROUND_DB = 8.0
"""What is less than this over the background, and not in the model, is taken for background."""

_BANDS, _LOWEST_HZ = 12, 40.0
_MOST_FALL_DB, _MOST_BAND_FALL_DB = 1.0, 4.0  # from the first half to the second: mean of the bands, and of any band
_END_SHARE, _SHORTEST_END = 3, 16  # a third, of 16 frames or more
_STEADY_DB, _UNEXPLAINED, _DEVIATIONS = 1.5, 0.25, 3.0
_LINE_BINS, _TONAL = 5, 0.8
_SILENT = 1e-13  # mean square of silence that was never recorded
_MOST_STRETCHES, _ALIKE_DB = 16, 4.0


def find_steady(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The steady stretches of 0.2 s of a recording [N], [K, M]: in none a band falls as what rings or dies away does.

    Digital silence was never recorded and does not count.
    """
    half = round(HALF_S * sample_rate_hz)
    stretches = samples[: samples.size // (2 * half) * 2 * half].reshape(-1, 2 * half)
    halves = stretches.reshape(-1, 2, half)
    recorded = (np.square(halves, dtype=np.float64).mean(axis=2) > _SILENT).all(axis=1)
    level_db = _band_levels_db(halves, sample_rate_hz)
    fall_db = level_db[:, 0] - level_db[:, 1]
    steady = (np.abs(fall_db.mean(axis=1)) < _MOST_FALL_DB) & (fall_db.max(axis=1) < _MOST_BAND_FALL_DB)
    result: np.ndarray = stretches[steady & recorded]
    return result


def choose_quiet(stretches: Sequence[np.ndarray] | np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The quietest of the stretches [K, M] and those about as quiet, at most 16; by the mean of their bands' dB."""
    every = np.asarray(stretches)
    if not len(every):
        return every
    level_db = _band_levels_db(every, sample_rate_hz).mean(axis=1)
    order = np.argsort(level_db, kind="stable")[:_MOST_STRETCHES]
    result: np.ndarray = every[order[level_db[order] < level_db.min() + _ALIKE_DB]]
    return result


def measure_background(
    hit: np.ndarray, sample_rate_hz: int, edges_hz: np.ndarray, measured: np.ndarray, model: np.ndarray
) -> np.ndarray:
    """Background of each band at the end of a hit [N], [B], from powers of hit and model over time, [T, B]; or 0.

    It is the level of the last third, where that falls by no more than noise does by chance, is 6 dB over the model
    and is no tone: what the model explains, and what rings, is the sound itself.
    """
    end = slice(len(measured) - len(measured) // _END_SHARE, None)
    if len(measured[end]) < _SHORTEST_END:
        return np.zeros(measured.shape[1])
    early, late = (part.mean(axis=0) for part in np.array_split(measured[end], 2))
    freedom = np.maximum(1.0, np.diff(edges_hz) * hit.size / sample_rate_hz / _END_SHARE / 2)
    most_db = np.maximum(_DEVIATIONS * 4.343 * np.sqrt(2.0 / freedom), _STEADY_DB)
    fall_db = power_to_db((early + _SILENT) / (late + _SILENT))
    level = 0.5 * (early + late)
    unexplained = model[end].mean(axis=0) < _UNEXPLAINED * level
    tonal = _find_tones(hit[hit.size - hit.size // _END_SHARE :], sample_rate_hz, edges_hz)
    result: np.ndarray = np.where((fall_db < most_db) & unexplained & ~tonal, level, 0.0)
    return result


def _find_tones(samples: np.ndarray, rate: int, edges_hz: np.ndarray) -> np.ndarray:
    """Mask of the bands, [B], in which one spectral line of samples [N] holds four fifths of the power."""
    size = fast_fourier.next_fast_len(samples.size, real=True)
    power = np.square(np.abs(fast_fourier.rfft(samples * np.hanning(samples.size), size)))
    line = np.convolve(power, np.ones(_LINE_BINS), mode="same")
    places = np.round(edges_hz * size / rate).astype(int)
    return np.array(
        [
            high - low > 2 * _LINE_BINS and line[low:high].max() > _TONAL * power[low:high].sum()
            for low, high in pairwise(places.tolist())
        ]
    )


def _band_levels_db(frames: np.ndarray, rate: int) -> np.ndarray:
    """Level of each frame [..., N] in ERB bands, [..., bands]."""
    spectrum = fast_fourier.rfft(frames * np.hanning(frames.shape[-1]), axis=-1)
    bins = erb_edges(_LOWEST_HZ, 0.4 * rate, _BANDS) * frames.shape[-1] / rate
    edges = np.unique(np.round(bins).astype(int))
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(power_to_db(np.add.reduceat(power[..., : edges[-1]], edges[:-1], axis=-1) + 1e-20))
