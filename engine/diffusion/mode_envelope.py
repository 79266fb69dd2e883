"""Keep the envelope of each sampled mode exponential: limit deviations to the level of the expected noise."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.core.units import SAMPLE_RATE_HZ
from engine.physics.model import Residual
from engine.physics.noise import envelope_gain, expected_power

_WIDTH_RANGE_HZ = (15.0, 60.0)
_ROUNDS = 2
_MOST_OVER_NOISE = 1.5  # of the noise's expected amplitude in the band
_MIN_SHARE = 0.05  # of the mode's own amplitude: smaller deviations are kept
_PAD_S = 0.1
_FEWEST_BINS = 4  # on either side of a mode


def limit_deviations(left: np.ndarray, poles: np.ndarray, amplitudes: np.ndarray, residual: Residual) -> np.ndarray:
    """The remainder [N] of a sampled sound without its modes [K, 2], limited in the band of each mode.

    The remainder of a fit by one decaying sinusoid holds deviations from the exponential decay, such as a mode that
    fades early, which change its measured decay. Where the envelope in a mode's band exceeds 1.5 times that of the
    noise expected there plus a twentieth of the mode, it is lowered to this. The rest is unchanged. Where bands
    overlap, the mode that comes first is limited first.
    """
    size = fast_fourier.next_fast_len(left.size + round(_PAD_S * SAMPLE_RATE_HZ), real=True)
    spectrum = fast_fourier.rfft(left, size)
    bin_hz = SAMPLE_RATE_HZ / size
    middle = np.rint(poles[:, 0] / bin_hz).astype(int)
    half = np.rint(np.clip(poles[:, 1], *_WIDTH_RANGE_HZ) / bin_hz).astype(int)
    half = np.minimum(half, np.minimum(middle - 1, spectrum.size - middle - 1))
    inside = np.flatnonzero(half >= _FEWEST_BINS)
    if not inside.size:
        return left
    middle, half = middle[inside], half[inside]
    count = 2 * int(fast_fourier.next_fast_len(round(_WIDTH_RANGE_HZ[1] / bin_hz)))  # so that no mode depends on others
    offset = np.arange(count) - count // 2
    taper = 0.5 + 0.5 * np.cos(np.pi * np.clip(offset / half[:, None], -1.0, 1.0))
    bins = np.clip(middle[:, None] + offset, 0, spectrum.size - 1)
    most = _limit_envelopes(poles[inside], amplitudes[inside], residual, half * bin_hz, np.arange(count) * size / count)
    scale = 2.0 * count / size
    for chosen in order_by_overlap(middle, half):
        own, within = bins[chosen], np.abs(offset) < half[chosen, None]
        for _ in range(_ROUNDS):
            band = np.fft.ifftshift(spectrum[own] * taper[chosen], axes=1)
            envelope = fast_fourier.ifft(band, axis=1) * scale
            excess = envelope * np.maximum(1.0 - most[chosen] / np.maximum(np.abs(envelope), 1e-20), 0.0)
            if not excess.any():
                break
            change = np.fft.fftshift(fast_fourier.fft(excess, axis=1), axes=1) / scale
            spectrum[own[within]] -= change[within]
    result: np.ndarray = fast_fourier.irfft(spectrum, size)[: left.size]
    return result


def _limit_envelopes(
    poles: np.ndarray, amplitudes: np.ndarray, residual: Residual, half_hz: np.ndarray, sample: np.ndarray
) -> np.ndarray:
    """The largest envelope of a deviation at some samples from the onset [T], in bands of ``half_hz`` [K]: [K, T]."""
    time_s = sample / SAMPLE_RATE_HZ
    density = expected_power(residual, poles[:, 0], time_s) * envelope_gain(time_s, residual.envelope_db) ** 2
    noise = np.sqrt(2.0 * density * 0.75 * half_hz[:, None])
    own = np.abs(amplitudes)[:, None] * np.exp(-np.outer(poles[:, 1], time_s))
    result: np.ndarray = _MOST_OVER_NOISE * noise + _MIN_SHARE * own
    return result


def order_by_overlap(middle: np.ndarray, half: np.ndarray) -> list[np.ndarray]:
    """Indices of bands in groups without overlap, each after those of lower index that it overlaps.

    So all of a group can be changed at once, and the result is that of one after another.
    """
    touching = np.tril(np.abs(middle[:, None] - middle) < half[:, None] + half, -1)
    rank = np.zeros(len(middle), dtype=int)
    for k in np.flatnonzero(touching.any(axis=1)):
        rank[k] = rank[touching[k]].max() + 1
    return [np.flatnonzero(rank == value) for value in range(int(rank.max(initial=-1)) + 1)]
