"""Where modes may lie: subband ESPRIT over the spectrum, and which of its finds stand out of the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft as fast_fourier

LOWEST_HZ = 15.0
FASTEST_PER_S = 3000.0
_HIGHEST = 0.46  # of the sample rate
_STANDS_OUT = 10.0**1.3
_STANDS_CLEAR = 10.0**2.7
_REACH, _COMPANY = 6.0, 2
_QUIET_SHARE = 25  # percent of the spectrum beside a mode that is taken for noise


@dataclass(frozen=True)
class Layer:
    """One tiling of the spectrum into subbands: cores of ``core_hz`` from low to high, looked at for ``span_s``."""

    low_hz: float
    high_hz: float
    core_hz: float
    span_s: float


FINE = (Layer(0.0, 1200.0, 160.0, 0.6), Layer(1200.0, 6000.0, 400.0, 0.4), Layer(6000.0, 1e9, 800.0, 0.25))
WIDE = (Layer(0.0, 2400.0, 1200.0, 0.08), Layer(2400.0, 1e9, 2400.0, 0.06))


def slowest_decay(duration_s: float) -> float:
    """The least decay, per second, that a recording of this length can tell from none: 2 dB over all of it."""
    return max(0.05, 0.25 / duration_s)


def find_poles(x: np.ndarray, rate: int, layers: Sequence[Layer]) -> np.ndarray:
    """Candidate poles of all subbands, [K, 2]: frequency in Hz, decay per second."""
    size = fast_fourier.next_fast_len(2 * x.size)
    spectrum = fast_fourier.fft(x, size)
    found = [np.zeros((0, 2))]
    for layer in layers:
        top = min(layer.high_hz, _HIGHEST * rate)
        count = max(1, math.ceil((top - layer.low_hz) / layer.core_hz)) if top > layer.low_hz else 0
        for k in range(count):
            low = layer.low_hz + (top - layer.low_hz) * k / count
            high = layer.low_hz + (top - layer.low_hz) * (k + 1) / count
            found.append(_poles_in_band(spectrum, x.size, rate, low, high, layer.span_s))
    return np.concatenate(found)


def _poles_in_band(
    spectrum: np.ndarray, length: int, rate: int, low_hz: float, high_hz: float, span_s: float
) -> np.ndarray:
    """ESPRIT on one subband, complex-demodulated and decimated to twice its core."""
    size = spectrum.size
    bin_hz = rate / size
    centre = round((low_hz + high_hz) / 2 / bin_hz)
    half = max(8, math.ceil((high_hz - low_hz) / bin_hz))
    offset = np.arange(-half, half)
    flat = 0.65 * half
    taper = np.clip((np.abs(offset) - flat) / (half - flat), 0.0, 1.0)
    band = spectrum[(centre + offset) % size] * (0.5 + 0.5 * np.cos(np.pi * taper))
    band_rate = 2 * half * bin_hz
    y = fast_fourier.ifft(np.fft.ifftshift(band))
    y = y[: min(y.size // 2, math.ceil(min(length / rate, span_s) * band_rate))]
    y = y[min(4, y.size // 8) :]
    if y.size < 12:
        return np.zeros((0, 2))
    rows = min(72, y.size // 2)
    hankel = np.lib.stride_tricks.sliding_window_view(y, rows)
    values, vectors = np.linalg.eigh(hankel.T @ hankel.conj())
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = float(np.median(values[rows // 3 :]))
    order = int(np.count_nonzero(values > max(8.0 * noise, 1e-11 * float(values[0]))))
    order = min(order, rows // 3, 20)
    if order == 0 or values[0] <= 1e-20:
        return np.zeros((0, 2))
    signal = vectors[:, :order]
    shift = np.linalg.lstsq(signal[:-1], signal[1:], rcond=None)[0]
    root = np.linalg.eigvals(shift)
    root = root[np.abs(root) > 1e-3]
    frequency = np.angle(root) / (2 * np.pi) * band_rate + centre * bin_hz
    decay = -np.log(np.abs(root)) * band_rate
    margin = 0.03 * (high_hz - low_hz)
    kept = (frequency > max(low_hz - margin, LOWEST_HZ)) & (frequency < high_hz + margin)
    kept &= (decay > -2.0 / span_s) & (decay < min(FASTEST_PER_S, 0.7 * band_rate))
    return np.stack([frequency[kept], np.maximum(decay[kept], slowest_decay(length / rate))], axis=1)


def merge_poles(poles: np.ndarray) -> np.ndarray:
    """Drop poles that two bands found twice: nearer than a fraction of their own width."""
    poles = poles[np.argsort(poles[:, 0])]
    kept: list[np.ndarray] = []
    for pole in poles:
        if kept and pole[0] - kept[-1][0] < max(0.4, 0.05 * (pole[1] + kept[-1][1]) / (2 * np.pi)):
            if pole[1] < kept[-1][1]:
                kept[-1] = pole
        else:
            kept.append(pole)
    return np.array(kept).reshape(-1, 2)


def stand_out(x: np.ndarray, rate: int, poles: np.ndarray, amplitudes: np.ndarray, left_over: np.ndarray) -> np.ndarray:
    """Which of the candidate poles in x are modes rather than noise: bool [K].

    ``left_over`` is x without all candidates, ``amplitudes`` theirs. Seen under its own decay, a mode must stand
    out of the spectrum of x beside it by 13 dB, or, where strong neighbours crowd, out of the left over by 27 dB.
    Noise weighted by e^(-decay t) has peaks too, but they rarely exceed the lowest quartile beside them by so much.
    """
    good = np.zeros(len(poles), dtype=bool)
    size = fast_fourier.next_fast_len(x.size, real=True)
    time = np.arange(x.size) / rate
    bin_hz = rate / size
    octave = np.round(np.log2(np.maximum(poles[:, 1], 1.0)))
    peaks = np.abs(amplitudes) / poles[:, 1]
    for step in np.unique(octave):
        decay = 2.0**step
        fade = np.exp(-decay * time)
        power = np.abs(fast_fourier.rfft(x * fade, size)) ** 2
        rest = np.abs(fast_fourier.rfft(left_over * fade, size)) ** 2
        width = max(decay / math.pi, rate / x.size) / bin_hz
        near = max(1, round(0.5 * width))
        far = round(max(16.0 * width, 40.0 / bin_hz))
        for i in np.flatnonzero(octave == step):
            middle = round(poles[i, 0] / bin_hz)
            below = slice(max(0, middle - far), max(0, middle - near))
            above = slice(middle + near + 1, middle + far + 1)
            peak = power[max(0, middle - near) : middle + near + 1].max(initial=0.0)
            good[i] = peak > _STANDS_OUT * max(_quiet_level(power[below]), _quiet_level(power[above]))
            total = poles[i, 1] + decay
            own = (0.5 * np.abs(amplitudes[i]) * rate / total * -np.expm1(-total * time[-1])) ** 2
            if good[i] or peak < 0.1 * own:
                continue
            apart = np.abs(poles[:, 0] - poles[i, 0]) < _REACH * max(poles[i, 1] / math.pi, 1.0)
            if np.count_nonzero(apart & (peaks > 0.1 * peaks[i])) <= _COMPANY:
                good[i] = own > _STANDS_CLEAR * max(_quiet_level(rest[below]), _quiet_level(rest[above]))
    return good


def _quiet_level(power: np.ndarray) -> float:
    if power.size < 8:
        return 0.0
    rank = power.size * _QUIET_SHARE // 100
    return float(np.partition(power, rank)[rank])
