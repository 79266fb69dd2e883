"""Fine envelope: deviation of the noise from the multi-exponential model, common to all bands."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import fft as fast_fourier
from scipy.special import digamma, polygamma

from engine.core.units import db_to_power, power_to_db
from engine.physics.analysis.damped_sinusoids import synthesize_found
from engine.physics.model import ENVELOPE_RANGE_DB, ENVELOPE_STEP_S, LONGEST_ENVELOPE, Modes, Residual
from engine.physics.noise import band_shares, rise_gain

_NARROWEST_HZ = 200.0  # frequency resolution of a frame of two steps
_FIT_ERROR_DB = 5.0  # standard deviation of the exponential model in a band, beside that of its noise
_QUIET_FRAMES = 4
_ABOVE_QUIET = 0.5  # else background noise would be taken for the hit's
_ABOVE_MODES = 0.5
_RANGE = 1e-8
_DB = 10.0 / np.log(10.0)
_FADE_STEPS = 4
_MIN_DB = 0.5


def fit_envelope(hit: np.ndarray, modes: Modes, residual: Residual, sample_rate_hz: int) -> tuple[float, ...]:
    """Fine envelope of a hit's noise: level in dB relative to the residual's exponential decays, every ENVELOPE_STEP_S.

    ``hit`` [N] mono, sample 0 = onset. In frames of two steps, each band's power minus that of the modes is divided by
    its expectation. The mean over bands where noise exceeds modes and background is weighted by the inverse variance of
    the logarithm of a chi-square variable, then shrunk towards 0 (James and Stein, 1961). Empty where all values are
    under 0.5 dB.
    """
    step = round(ENVELOPE_STEP_S * sample_rate_hz)
    count = min(LONGEST_ENVELOPE, hit.size // step)
    if count < 2 or not residual.power_db:
        return ()
    bands_hz = np.asarray(residual.edges_hz)
    edges, merge = _merge_bands(bands_hz)
    start = hit[: 2 * LONGEST_ENVELOPE * step]
    tonal = synthesize_found(modes, start.size, sample_rate_hz)
    tonal *= rise_gain(np.arange(start.size) / sample_rate_hz, residual.rise_s)
    signals = (start, tonal, start - tonal)
    total, of_modes, of_noise = (merge @ _frame_powers(x, step, sample_rate_hz, bands_hz) for x in signals)
    of_noise, of_modes = np.minimum(of_noise, total)[:, :count], of_modes[:, :count]
    expected = merge @ _expect_powers(residual, count, step, sample_rate_hz)
    valid = (expected > _ABOVE_MODES * of_modes) & (expected > _RANGE * total.max())
    valid &= expected > _ABOVE_QUIET * _min_level(total)[:, None]
    freedom = np.maximum(2.0, 2.0 * np.diff(edges) * ENVELOPE_STEP_S)
    bias_db = _DB * (digamma(freedom / 2.0) - np.log(freedom / 2.0))
    weight = valid / (_DB**2 * polygamma(1, freedom / 2.0) + _FIT_ERROR_DB**2)[:, None]
    excess_db = power_to_db((of_noise + 1e-20) / (expected + 1e-20)) - bias_db[:, None]
    weight_sum = weight.sum(axis=0)
    level_db = (weight * excess_db).sum(axis=0) / np.maximum(weight_sum, 1e-12)
    level_db *= np.maximum(0.0, 1.0 - 1.0 / np.maximum(weight_sum * level_db**2, 1e-12))
    level_db = np.clip(np.where(weight_sum > 0.0, level_db, 0.0), *ENVELOPE_RANGE_DB)
    level_db *= np.minimum(1.0, (count - np.arange(count)) / _FADE_STEPS)
    if float(np.abs(level_db).max()) < _MIN_DB:
        return ()
    return tuple(float(v) for v in np.round(level_db, 2))


def stretch_envelope(envelope_db: tuple[float, ...], ratio: float) -> tuple[float, ...]:
    """The envelope stretched in time by ``ratio``, resampled at the same steps."""
    if not envelope_db:
        return ()
    count = min(LONGEST_ENVELOPE, max(2, round(len(envelope_db) * ratio)))
    return tuple(np.interp(np.arange(count) / ratio, np.arange(len(envelope_db)), envelope_db, right=0.0).tolist())


def _merge_bands(edges_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges of bands merged to at least _NARROWEST_HZ, and the 0/1 matrix that sums bands, [merged, bands]."""
    kept = [float(edges_hz[0])]
    for edge in edges_hz[1:]:
        if edge - kept[-1] >= _NARROWEST_HZ:
            kept.append(float(edge))
    if len(kept) < 2:
        kept.append(float(edges_hz[-1]))
    wide = np.asarray(kept)
    middle = 0.5 * (edges_hz[1:] + edges_hz[:-1])
    index = np.searchsorted(wide, middle) - 1
    return wide, (index[None, :] == np.arange(len(wide) - 1)[:, None]).astype(float)


def _frame_powers(x: np.ndarray, step: int, rate: int, edges_hz: np.ndarray) -> np.ndarray:
    """Mean square of every band in Hann frames of two steps, centred on every step from sample 0 on, [B, T]."""
    window, padded = np.hanning(2 * step), np.pad(x, (step, step))
    window /= math.sqrt(step * np.square(window).sum())
    spectrum = fast_fourier.rfft(np.lib.stride_tricks.sliding_window_view(padded, 2 * step)[::step] * window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    result: np.ndarray = _shares(tuple(edges_hz.tolist()), power.shape[1], rate / (2 * step)) @ power.T
    return result


@functools.lru_cache(maxsize=4)
def _shares(edges_hz: tuple[float, ...], bins: int, bin_hz: float) -> np.ndarray:
    return band_shares(np.asarray(edges_hz), np.arange(bins) * bin_hz)


def _expect_powers(residual: Residual, count: int, step: int, rate: int) -> np.ndarray:
    """Expectation of ``_frame_powers`` under the exponential decays, [B, count]."""
    offsets = np.arange(-step, step, 8)  # in samples; the decays are smooth enough
    shares = np.square(np.hanning(2 * step))[offsets + step]
    shares /= shares.sum()
    time_s = (np.arange(count)[:, None] * step + offsets[None, :]) / rate
    gain = np.where(time_s >= 0.0, rise_gain(np.maximum(time_s, 0.0), residual.rise_s) ** 2, 0.0) * shares
    level = np.zeros((len(residual.power_db), count))
    for _, component in residual.components:
        decay = 2.0 * np.asarray(component.decay_per_s)
        fall = np.exp(np.outer(decay, -offsets / rate)) @ gain.T  # within a frame; the frame's own follows
        fall *= np.exp(np.outer(decay, -np.arange(count) * (step / rate)))
        level += db_to_power(np.asarray(component.power_db)[:, None]) * fall
    return level


def _min_level(power: np.ndarray) -> np.ndarray:
    """Minimum over time of each band's level averaged over _QUIET_FRAMES frames, without the partial last one, [B]."""
    inner = power[:, :-1] if power.shape[1] > _QUIET_FRAMES + 1 else power
    span = min(_QUIET_FRAMES, inner.shape[1])
    result: np.ndarray = np.lib.stride_tricks.sliding_window_view(inner, span, axis=1).mean(axis=2).min(axis=1)
    return result
