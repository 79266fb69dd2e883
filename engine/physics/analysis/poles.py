"""Pole candidates by subband ESPRIT (Roy & Kailath 1989), with a signal-to-noise test of each."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft as fast_fourier

LOWEST_HZ = 15.0
_FASTEST_PER_S = 1600.0  # T60 of 4.3 ms: what is faster is the contact and no mode
_MOST_DAMPED = 5.0  # decay over frequency: what dies within a fifth of a cycle does not vibrate
_ROWS = 56  # of the Hankel matrix
_HIGHEST = 0.46  # of the sample rate
_LEAST_PEAK = 25.0  # over the lowest quartile of a subband's spectrum; white noise reaches 20
_SHORT_S = 0.1
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
    """The least decay, per second, that poles are given: as good as none over a recording of this length."""
    return 0.001 / duration_s


def fastest_decay(frequency_hz: np.ndarray) -> np.ndarray:
    """The most decay, per second, with which a mode of this frequency still vibrates."""
    result: np.ndarray = np.minimum(_FASTEST_PER_S, _MOST_DAMPED * frequency_hz)
    return result


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
    band = spectrum[(centre + offset) % size]
    power = band.real**2 + band.imag**2
    quartile = np.partition(power, power.size // 4)[power.size // 4]
    if span_s > _SHORT_S and power.max() < _LEAST_PEAK * quartile:
        return np.zeros((0, 2))  # as flat as noise; a short look is for fast modes, which are flat as well
    band = band * (0.5 + 0.5 * np.cos(np.pi * taper))
    band_rate = 2 * half * bin_hz
    y = fast_fourier.ifft(np.fft.ifftshift(band))
    y = y[: min(y.size // 2, math.ceil(min(length / rate, span_s) * band_rate))]
    y = y[min(4, y.size // 8) :]
    if y.size < 12:
        return np.zeros((0, 2))
    rows = min(_ROWS, y.size // 2)
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
    kept &= (decay > -2.0 / span_s) & (decay < np.minimum(fastest_decay(frequency), 0.7 * band_rate))
    return np.stack([frequency[kept], np.maximum(decay[kept], slowest_decay(length / rate))], axis=1)


def coherence(one: np.ndarray, other: np.ndarray, duration_s: float) -> np.ndarray:
    """Normalised inner products of damped exponentials, poles [K, 2] against [L, 2]: 1 is the same, [K, L].

    That of endless ones; the end of the recording counts as a decay of its own.
    """
    d, e = one[:, None, 1] + 1.0 / duration_s, other[None, :, 1] + 1.0 / duration_s
    apart = 2.0 * np.pi * (one[:, None, 0] - other[None, :, 0])
    result: np.ndarray = 2.0 * np.sqrt(d * e) / np.hypot(d + e, apart)
    return result


def overlap(poles: np.ndarray) -> np.ndarray:
    """How much of the noise beside each pole, as far as it can be told from it, its neighbours can take in, [K].

    A burst of noise is soon as well a sum of as many modes as it has freedoms, two for each; so modes that crowd must
    stand out by more.
    """
    far_hz = np.maximum(16.0 * poles[:, 1] / math.pi, 40.0)
    near = np.abs(poles[:, None, 0] - poles[None, :, 0]) < far_hz[:, None]
    result: np.ndarray = (near.sum(axis=1) - 1) * 2.0 * poles[:, 1] / far_hz
    return result


def weigh_poles(rest: np.ndarray, rate: int, poles: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The energy of each pole [K, 2] and how far it stands out of the noise, in power, both [K].

    Seen under its own decay, a mode is a peak of the spectrum of what is left of the sound; it is compared with the
    lowest quartile beside it. Noise weighted by e^(-decay t) has peaks too, but they rarely exceed that by much.
    ``level`` [K] is the amplitude of modes that are taken out of ``rest`` already, NaN for those that are not.
    """
    energy, contrast = np.zeros(len(poles)), np.zeros(len(poles))
    octave = np.round(np.log2(np.maximum(poles[:, 1], max(1.0, 3.0 * rate / rest.size))))
    single = rest.astype(np.float32)
    for step in np.unique(octave):
        mine = octave == step
        decay = 2.0**step
        length = min(rest.size, round(9.0 / decay * rate))  # nothing is left of the fade beyond
        size = fast_fourier.next_fast_len(max(length, 4096), real=True)
        bin_hz = rate / size
        spectrum = fast_fourier.rfft(single[:length] * _fade(decay / rate, length), size)
        power = spectrum.real**2 + spectrum.imag**2
        width = max(decay / math.pi, rate / rest.size) / bin_hz
        near = max(1, round(0.5 * width))
        far = round(max(16.0 * width, 40.0 / bin_hz))
        middle = np.round(poles[mine, 0] / bin_hz).astype(int)
        right = _quiet_levels(power, middle[:, None] + np.arange(near + 1, far + 1))
        left = _quiet_levels(power, middle[:, None] - np.arange(near + 1, far + 1))
        quiet = np.where(middle > 8.0 * width, np.maximum(left, right), right)  # too little to tell nearer to 0 Hz
        both = poles[mine, 1] + decay
        unit_peak = 0.5 * rate / both * -np.expm1(-both * length / rate)
        around = np.clip(middle[:, None] + np.arange(-near, near + 1), 0, power.size - 1)
        peak = np.sqrt(power[around].max(axis=1)) / unit_peak
        amplitude = np.where(np.isnan(level[mine]), peak, level[mine])
        contrast[mine] = (amplitude * unit_peak) ** 2 / np.maximum(quiet, 1e-300)
        energy[mine] = amplitude**2 / (4.0 * poles[mine, 1]) * -np.expm1(-2.0 * poles[mine, 1] * rest.size / rate)
    return energy, contrast


@functools.lru_cache(maxsize=32)
def _fade(decay_per_sample: float, length: int) -> np.ndarray:
    """e^(-decay n), float32 [length]; the same few are wanted over and over."""
    return np.exp(np.arange(length, dtype=np.float32) * np.float32(-decay_per_sample))


def _quiet_levels(power: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The lowest quartile of each row of bins [K, B], of those that are there; 0 where there are too few."""
    there = (bins >= 0) & (bins < power.size)
    values = np.sort(np.where(there, power[np.clip(bins, 0, power.size - 1)], np.float32(np.inf)), axis=1)
    count = there.sum(axis=1)
    quartile = values[np.arange(len(bins)), np.minimum(count * _QUIET_SHARE // 100, bins.shape[1] - 1)]
    result: np.ndarray = np.where(count < 8, 0.0, quartile)
    return result
