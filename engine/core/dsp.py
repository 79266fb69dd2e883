"""Resampling, ERB bands, spectrograms and band levels."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from scipy import fft as fast_fourier

from engine.core.units import db_to_power, power_to_db

_LARGEST_FILTERS = 4_000_000  # coefficients: 16 MB


def resample(samples: np.ndarray, from_rate_hz: int, to_rate_hz: int) -> np.ndarray:
    """Band-limited resampling of [N] or [N, C] along time; returns float32, round(N * to / from) long."""
    x = np.asarray(samples, dtype=np.float32)
    if from_rate_hz == to_rate_hz or x.shape[0] == 0:
        return x.copy()
    length = round(x.shape[0] * to_rate_hz / from_rate_hz)
    size = from_rate_hz * to_rate_hz // math.gcd(from_rate_hz, to_rate_hz) ** 2
    resample_block = _resample_polyphase if size <= _LARGEST_FILTERS else _resample_soxr
    y = resample_block(x, from_rate_hz, to_rate_hz)[:length]
    if y.shape[0] < length:
        y = np.concatenate([y, np.zeros((length - y.shape[0], *y.shape[1:]), dtype=np.float32)])
    return np.ascontiguousarray(y, dtype=np.float32)


def _resample_polyphase(x: np.ndarray, from_rate_hz: int, to_rate_hz: int) -> np.ndarray:
    wave = torch.from_numpy(np.ascontiguousarray(x.T))
    result: np.ndarray = _make_filters(from_rate_hz, to_rate_hz)(wave).numpy().T
    return result


@functools.lru_cache(maxsize=4)
def _make_filters(from_rate_hz: int, to_rate_hz: int) -> torch.nn.Module:
    """Polyphase filters of a pair of rates, cached since designing them takes longer than a short block."""
    import torchaudio  # only here: it is slow to load

    return torchaudio.transforms.Resample(from_rate_hz, to_rate_hz, lowpass_filter_width=32)


def _resample_soxr(x: np.ndarray, from_rate_hz: int, to_rate_hz: int) -> np.ndarray:
    """For rates with a small common divisor, whose polyphase filters would be too large."""
    import soxr

    resampled: np.ndarray = soxr.resample(x, from_rate_hz, to_rate_hz, quality="VHQ")
    return resampled


def hz_to_erb(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Number on the ERB-rate scale (Glasberg and Moore 1990)."""
    return np.asarray(21.4 * np.log10(1.0 + 0.00437 * np.asarray(frequency_hz, dtype=np.float64)))


def erb_to_hz(erb: np.ndarray | float) -> np.ndarray:
    """Frequency of a number on the ERB-rate scale."""
    return np.asarray((10.0 ** (np.asarray(erb, dtype=np.float64) / 21.4) - 1.0) / 0.00437)


def erb_edges(low_hz: float, high_hz: float, bands: int) -> np.ndarray:
    """Edges of bands equally wide on the ERB-rate scale, [bands + 1] in Hz."""
    edges = erb_to_hz(np.linspace(float(hz_to_erb(low_hz)), float(hz_to_erb(high_hz)), bands + 1))
    edges[0], edges[-1] = low_hz, high_hz
    return edges


def power_spectrogram(samples: np.ndarray, window: int = 1024, hop: int = 256) -> np.ndarray:
    """Power of a Hann-windowed transform, [frames, window // 2 + 1]; frame k is centred on sample k * hop."""
    x = np.pad(np.asarray(samples, dtype=np.float32), (window // 2, window))
    frames = np.lib.stride_tricks.sliding_window_view(x, window)[: len(samples) + 1 : hop]
    spectrum = fast_fourier.rfft(frames * np.hanning(window + 1)[:-1].astype(np.float32), axis=1)
    power: np.ndarray = spectrum.real**2 + spectrum.imag**2
    return power


def _triangle_edges(sample_rate_hz: int, bands: int) -> np.ndarray:
    """Feet and peaks of overlapping triangles on the ERB-rate scale, [bands + 2]."""
    top = min(20_000.0, 0.49 * sample_rate_hz)
    return np.linspace(float(hz_to_erb(40.0)), float(hz_to_erb(top)), bands + 2)


def band_edges_hz(sample_rate_hz: int, bands: int = 64) -> np.ndarray:
    """Where the overlapping bands of ``band_levels_db`` meet, [bands + 1] in Hz."""
    places = _triangle_edges(sample_rate_hz, bands)
    return erb_to_hz(0.5 * (places[1:] + places[:-1]))


def band_levels_db(
    samples: np.ndarray, sample_rate_hz: int, bands: int = 64, smooth_s: float = 0.02, floor_db: float = -100.0
) -> np.ndarray:
    """Levels of ERB bands over time, power smoothed over ``smooth_s``: float64 [frames, bands] in dB re full scale.

    Frames are 5 ms apart; a full-scale sine reads about 0 dB.
    """
    window = int(2 ** round(np.log2(0.021 * sample_rate_hz)))
    hop = max(1, round(0.005 * sample_rate_hz))
    power = power_spectrogram(samples, window, hop) / (window / 4.0) ** 2 / 1.5
    frequency = np.arange(power.shape[1]) * sample_rate_hz / window
    centres, edges = hz_to_erb(frequency), _triangle_edges(sample_rate_hz, bands)
    weights = np.minimum(
        (centres[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2]),
        (edges[None, 2:] - centres[:, None]) / (edges[2:] - edges[1:-1]),
    )
    level = power @ np.maximum(weights, 0.0)
    reach = max(1, round(smooth_s * sample_rate_hz / hop))
    if reach > 1:
        padded = np.pad(np.cumsum(np.pad(level, ((reach, reach), (0, 0))), axis=0), ((1, 0), (0, 0)))
        level = ((padded[reach:] - padded[:-reach]) / reach)[reach // 2 + 1 : reach // 2 + 1 + level.shape[0]]
    return np.asarray(power_to_db(level + db_to_power(floor_db)))
