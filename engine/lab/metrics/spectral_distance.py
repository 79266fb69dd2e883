"""Distance of a resynthesis from a recording: smoothed log spectra at three resolutions, and band envelopes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import fft as fast_fourier

from engine.core.dsp import band_levels_db, erb_edges, erb_to_hz, hz_to_erb, power_spectrogram
from engine.core.units import SAMPLE_RATE_HZ, db_to_power, power_to_db

WINDOWS = (512, 2048, 8192)
BANDS = (24, 32, 48)
"""ERB bands for each window: none narrower than about two bins of it."""

NAMES = (*(f"spectrum_{window}" for window in WINDOWS), "envelope")
ACTIVE_DB = 60.0
SMOOTH_FRAMES = 5
LOWEST_HZ = 50.0
ENVELOPE_EDGES_HZ = (0.0, 177.0, 354.0, 707.0, 1414.0, 2828.0, 5657.0, 11314.0, 22628.0)
ENVELOPE_S = 0.005
_SILENCE_DB = -200.0


@dataclass(frozen=True)
class Levels:
    """Levels in dB of one sound, an array [frames, bands] for each of ``NAMES``, and the bands' lower edges in Hz."""

    levels_db: tuple[np.ndarray, ...]
    edges_hz: tuple[np.ndarray, ...]


def measure_levels(sound: np.ndarray, length: int) -> Levels:
    """Levels of a mono sound at 48 kHz, cut or zero-padded to ``length`` samples.

    Spectra: Hann windows of 512, 2048 and 8192 samples, hop a quarter of it, power summed into ERB bands and averaged
    over five frames (two windows in all). Envelope: octave bands, the square of the analytic signal averaged over
    5 ms, every 2.5 ms.
    """
    x = np.zeros(length)
    part = np.asarray(sound, dtype=np.float64)[:length]
    x[: part.size] = part
    levels, edges = [], []
    for window, bands in zip(WINDOWS, BANDS, strict=True):
        bounds = erb_edges(LOWEST_HZ, SAMPLE_RATE_HZ / 2.0, bands)
        levels.append(_decibels(_spectrum_powers(x, window, bounds)))
        edges.append(bounds[:-1])
    levels.append(_decibels(_envelope_powers(x)))
    edges.append(np.asarray(ENVELOPE_EDGES_HZ[:-1]))
    return Levels(tuple(levels), tuple(edges))


def _spectrum_powers(x: np.ndarray, window: int, edges: np.ndarray) -> np.ndarray:
    power = power_spectrogram(x, window, window // 4)
    # bins at a band's edges count in part
    bins = edges * window / SAMPLE_RATE_HZ + 0.5
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1, dtype=np.float64)], axis=1)
    whole = np.minimum(np.floor(bins).astype(int), power.shape[1] - 1)
    cumulative = total[:, whole] + (bins - whole) * power[:, whole]
    bands = np.maximum(np.diff(cumulative, axis=1), 0.0) / (0.375 * window**2)
    return _smooth(bands, SMOOTH_FRAMES)


def _envelope_powers(x: np.ndarray) -> np.ndarray:
    size = fast_fourier.next_fast_len(x.size + round(0.1 * SAMPLE_RATE_HZ), real=True)
    spectrum = fast_fourier.rfft(x, size)
    frequency = np.arange(spectrum.size) * SAMPLE_RATE_HZ / size
    reach, hop = round(ENVELOPE_S * SAMPLE_RATE_HZ), round(0.5 * ENVELOPE_S * SAMPLE_RATE_HZ)
    rows = []
    for low, high in pairwise(ENVELOPE_EDGES_HZ):
        inside = np.where((frequency >= low) & (frequency < high), spectrum, 0.0)
        analytic = fast_fourier.ifft(2.0 * inside, size)
        energy = np.concatenate([[0.0], np.cumsum(0.5 * (analytic.real**2 + analytic.imag**2))])
        starts = np.arange(0, max(1, x.size - reach + 1), hop)
        rows.append((energy[np.minimum(starts + reach, size)] - energy[starts]) / reach)
    return np.maximum(np.stack(rows, axis=1), 0.0)


def _smooth(power: np.ndarray, frames: int) -> np.ndarray:
    """Moving average over ``frames`` frames, fewer at the ends."""
    total = np.concatenate([np.zeros((1, power.shape[1])), np.cumsum(power, axis=0)])
    middle = np.arange(len(power))
    first, last = np.maximum(middle - frames // 2, 0), np.minimum(middle + frames // 2 + 1, len(power))
    result: np.ndarray = np.maximum(total[last] - total[first], 0.0) / (last - first)[:, None]
    return result


def _decibels(power: np.ndarray) -> np.ndarray:
    result: np.ndarray = power_to_db(power + db_to_power(_SILENCE_DB))
    return result


def measure_distances(target: Levels, estimate: Levels, fmax_hz: float, gain_db: float = 0.0) -> np.ndarray:
    """Distances in dB of a resynthesis raised by ``gain_db`` from a recording, one for each of ``NAMES``, [4].

    Each is the sum over all frames and bands under ``fmax_hz`` of the absolute level difference, both floored at 60 dB
    under the recording's peak, divided by the number of frames and bands in which the recording is above that floor:
    sound where the recording is silent counts as well.
    """
    result = []
    for target_db, estimate_db, edges in zip(target.levels_db, estimate.levels_db, target.edges_hz, strict=True):
        known = edges < fmax_hz
        target_db, estimate_db = target_db[:, known], estimate_db[:, known] + gain_db
        floor = target_db.max() - ACTIVE_DB
        difference = np.abs(np.maximum(target_db, floor) - np.maximum(estimate_db, floor)).sum()
        result.append(difference / max(1, int((target_db > floor).sum())))
    return np.array(result)


def best_gain_db(target: Levels, estimate: Levels, fmax_hz: float) -> float:
    """The gain in dB, to 0.5, at which the mean of the four distances is least, within 24 dB of equal peaks."""
    middle = target.levels_db[1].max() - estimate.levels_db[1].max()
    gains = middle + np.arange(-24.0, 24.1, 3.0)
    for step in (1.0, 0.5):
        best = gains[int(np.argmin([measure_distances(target, estimate, fmax_hz, g).mean() for g in gains]))]
        gains = best + step * np.arange(-2.0, 2.1)
    return float(gains[int(np.argmin([measure_distances(target, estimate, fmax_hz, g).mean() for g in gains]))])


def measure_band_distance(hit: np.ndarray, estimate: np.ndarray, fmax_hz: float) -> float:
    """Mean difference in dB of 64 ERB bands smoothed over 20 ms, where the recording is within 60 dB of its peak.

    The ``fit`` of an analysis is similar but not limited to ``fmax_hz``.
    """
    target, estimate = (band_levels_db(y, SAMPLE_RATE_HZ) for y in (hit, estimate[: hit.size]))
    centres = erb_to_hz(np.linspace(float(hz_to_erb(40.0)), float(hz_to_erb(20_000.0)), 66)[1:-1])
    floor = target.max() - ACTIVE_DB
    active = (target > floor) & (centres < fmax_hz)[None, :]
    return float(np.abs(target - np.maximum(estimate, floor))[active].mean())
