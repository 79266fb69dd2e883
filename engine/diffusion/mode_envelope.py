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


def limit_deviations(left: np.ndarray, poles: np.ndarray, amplitudes: np.ndarray, residual: Residual) -> np.ndarray:
    """The remainder [N] of a sampled sound without its modes [K, 2], limited in the band of each mode.

    The remainder of a fit by one decaying sinusoid holds deviations from the exponential decay, such as a mode that
    fades early, which change its measured decay. Where the envelope in a mode's band exceeds 1.5 times that of the
    noise expected there plus a twentieth of the mode, it is lowered to this. The rest is unchanged.
    """
    size = fast_fourier.next_fast_len(left.size + round(_PAD_S * SAMPLE_RATE_HZ), real=True)
    spectrum = fast_fourier.rfft(left, size)
    bin_hz = SAMPLE_RATE_HZ / size
    for (hz, decay), amplitude in zip(poles, amplitudes, strict=True):
        middle = round(hz / bin_hz)
        half = min(round(np.clip(decay, *_WIDTH_RANGE_HZ) / bin_hz), middle - 1, spectrum.size - middle - 1)
        if half < 4:
            continue
        band = slice(middle - half, middle + half)
        taper = 0.5 + 0.5 * np.cos(np.pi * np.arange(-half, half) / half)
        time_s = np.arange(2 * half) * size / (2 * half) / SAMPLE_RATE_HZ
        density = expected_power(residual, np.array([hz]), time_s)[0] * envelope_gain(time_s, residual.envelope_db) ** 2
        noise = np.sqrt(2.0 * density * 0.75 * half * bin_hz)
        most = _MOST_OVER_NOISE * noise + _MIN_SHARE * abs(amplitude) * np.exp(-decay * time_s)
        scale = 2.0 / size
        for _ in range(_ROUNDS):
            envelope = fast_fourier.ifft(np.fft.ifftshift(spectrum[band] * taper)) * (2 * half) * scale
            excess = envelope * np.maximum(1.0 - most / np.maximum(np.abs(envelope), 1e-20), 0.0)
            if not excess.any():
                break
            spectrum[band] -= np.fft.fftshift(fast_fourier.fft(excess)) / (2 * half) / scale
    result: np.ndarray = fast_fourier.irfft(spectrum, size)[: left.size]
    return result
