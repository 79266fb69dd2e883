"""Background of a recording: stretches in which nothing sounds and nothing dies away."""

from __future__ import annotations

from collections.abc import Sequence

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


def measure_background(measured: np.ndarray, model: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Background of each band at the end of a hit, [B], from powers of recording and model over time, [T, B]; or 0.

    It is the level of the last third where that does not fall, by more than the levels of noise of ``freedom`` [B]
    degrees of freedom a frame do, and is 6 dB over the model: what the model explains is the sound itself.
    """
    end = slice(len(measured) - len(measured) // _END_SHARE, None)
    if len(measured[end]) < _SHORTEST_END:
        return np.zeros(measured.shape[1])
    early, late = (part.mean(axis=0) for part in np.array_split(measured[end], 2))
    most_db = np.maximum(
        _STEADY_DB, _DEVIATIONS * 4.343 * np.sqrt(2.0 / np.maximum(1.0, freedom * len(measured[end]) / 2))
    )
    fall_db = power_to_db((early + _SILENT) / (late + _SILENT))
    level = 0.5 * (early + late)
    result: np.ndarray = np.where((fall_db < most_db) & (model[end].mean(axis=0) < _UNEXPLAINED * level), level, 0.0)
    return result


def _band_levels_db(frames: np.ndarray, rate: int) -> np.ndarray:
    """Level of each frame [..., N] in ERB bands, [..., bands]."""
    spectrum = fast_fourier.rfft(frames * np.hanning(frames.shape[-1]), axis=-1)
    bins = erb_edges(_LOWEST_HZ, 0.4 * rate, _BANDS) * frames.shape[-1] / rate
    edges = np.unique(np.round(bins).astype(int))
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(power_to_db(np.add.reduceat(power[..., : edges[-1]], edges[:-1], axis=-1) + 1e-20))
