"""Pole candidates by subband ESPRIT (Roy & Kailath 1989), with a signal-to-noise test of each."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft as fast_fourier

LOWEST_HZ = 15.0
_MAX_DECAY_PER_S = 1600.0  # T60 of 4.3 ms: anything faster belongs to the contact
_MAX_DAMPING = 2.0  # decay over frequency: a pole that decays by 17 dB per cycle is no vibration
_ROWS = 56  # of the Hankel matrix
MAX_SHARE_OF_RATE = 0.46  # of the sample rate
_MIN_PEAK = 25.0  # power over the lower quartile of a subband's spectrum; white noise reaches 20
_SHORT_S = 0.1
_SAME = 0.01  # of a subband's energy: where less has changed, the same poles would be found again
_NOISE_PERCENTILE = 25  # of the spectrum beside a mode


@dataclass(frozen=True)
class Layer:
    """Subbands about ``core_hz`` wide between two frequencies, analysed over the first ``span_s``."""

    low_hz: float
    high_hz: float
    core_hz: float
    span_s: float


FINE = (Layer(0.0, 1200.0, 160.0, 0.6), Layer(1200.0, 6000.0, 400.0, 0.4), Layer(6000.0, 1e9, 800.0, 0.25))
WIDE = (Layer(0.0, 2400.0, 1200.0, 0.08), Layer(2400.0, 1e9, 2400.0, 0.06))


def slowest_decay(duration_s: float) -> float:
    """Least decay of a pole, per second: negligible over a recording of this length."""
    return 0.001 / duration_s


def fastest_decay(frequency_hz: np.ndarray) -> np.ndarray:
    """Largest decay of a pole, per second, at each frequency."""
    result: np.ndarray = np.minimum(_MAX_DECAY_PER_S, _MAX_DAMPING * frequency_hz)
    return result


def find_poles(x: np.ndarray, rate: int, layers: Sequence[Layer], searched: np.ndarray | None = None) -> np.ndarray:
    """Candidate poles of all subbands, [K, 2]: frequency in Hz, decay per second.

    Subbands in which x is what ``searched`` was, a signal in which these layers were searched already, are left out.
    """
    size = fast_fourier.next_fast_len(2 * x.size)
    spectrum = fast_fourier.fft(x, size)
    changed = spectrum if searched is None else spectrum - fast_fourier.fft(searched, size)
    candidates = [np.zeros((0, 2))]
    for layer in layers:
        top = min(layer.high_hz, MAX_SHARE_OF_RATE * rate)
        count = max(1, math.ceil((top - layer.low_hz) / layer.core_hz)) if top > layer.low_hz else 0
        for k in range(count):
            low = layer.low_hz + (top - layer.low_hz) * k / count
            high = layer.low_hz + (top - layer.low_hz) * (k + 1) / count
            own = slice(round(low * size / rate), round(high * size / rate) + 1)
            if _energy(changed[own]) >= _SAME * _energy(spectrum[own]):
                candidates.append(_poles_in_band(spectrum, x.size, rate, low, high, layer.span_s))
    return np.concatenate(candidates)


def _energy(spectrum: np.ndarray) -> float:
    return float(np.vdot(spectrum, spectrum).real)


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
    if span_s > _SHORT_S and power.max() < _MIN_PEAK * quartile:
        return np.zeros((0, 2))  # as flat as noise; fast modes, sought in short spans, are flat too
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
    """Normalised inner products of damped exponentials, of poles [K, 2] and [L, 2]: [K, L], 1 for equal ones.

    Those of infinitely long ones, with the recording's finite length as an additional decay.
    """
    d, e = one[:, None, 1] + 1.0 / duration_s, other[None, :, 1] + 1.0 / duration_s
    difference = 2.0 * np.pi * (one[:, None, 0] - other[None, :, 0])
    result: np.ndarray = 2.0 * np.sqrt(d * e) / np.hypot(d + e, difference)
    return result


def overlap(poles: np.ndarray) -> np.ndarray:
    """Share of the degrees of freedom of the noise near each pole that its neighbouring poles use up, [K].

    A burst of noise can be fitted by half as many modes as it has degrees of freedom, so closely spaced modes need a
    higher signal-to-noise ratio.
    """
    far_hz = np.maximum(16.0 * poles[:, 1] / math.pi, 40.0)
    near = np.abs(poles[:, None, 0] - poles[None, :, 0]) < far_hz[:, None]
    result: np.ndarray = (near.sum(axis=1) - 1) * 2.0 * poles[:, 1] / far_hz
    return result


def weigh_poles(
    remainder: np.ndarray, rate: int, poles: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Energy of each pole [K, 2], and its signal-to-noise ratio in power, both [K].

    The ratio is that of the peak to the lower quartile beside it in the spectrum of the remainder weighted by the
    pole's own decay (a matched filter). ``level`` [K] is the amplitude of modes already subtracted from it, NaN
    for candidates, whose amplitude is that of the peak.
    """
    energy, snr = np.zeros(len(poles)), np.zeros(len(poles))
    octave = np.round(np.log2(np.maximum(poles[:, 1], max(1.0, 3.0 * rate / remainder.size))))
    remainder32 = remainder.astype(np.float32)
    for step in np.unique(octave):
        in_octave = octave == step
        decay = 2.0**step
        length = min(remainder.size, round(9.0 / decay * rate))  # the weight is negligible beyond
        size = fast_fourier.next_fast_len(max(length, 4096), real=True)
        bin_hz = rate / size
        spectrum = fast_fourier.rfft(remainder32[:length] * _decay_weight(decay / rate, length), size)
        power = spectrum.real**2 + spectrum.imag**2
        width = max(decay / math.pi, rate / remainder.size) / bin_hz
        near = max(1, round(0.5 * width))
        far = round(max(16.0 * width, 40.0 / bin_hz))
        middle = np.round(poles[in_octave, 0] / bin_hz).astype(int)
        right = _noise_levels(power, middle[:, None] + np.arange(near + 1, far + 1))
        left = _noise_levels(power, middle[:, None] - np.arange(near + 1, far + 1))
        noise = np.where(middle > 8.0 * width, np.maximum(left, right), right)  # too few bins to the left near 0 Hz
        both = poles[in_octave, 1] + decay
        unit_peak = 0.5 * rate / both * -np.expm1(-both * length / rate)
        around = np.clip(middle[:, None] + np.arange(-near, near + 1), 0, power.size - 1)
        peak = np.sqrt(power[around].max(axis=1)) / unit_peak
        amplitude = np.where(np.isnan(level[in_octave]), peak, level[in_octave])
        snr[in_octave] = (amplitude * unit_peak) ** 2 / np.maximum(noise, 1e-300)
        energy[in_octave] = (
            amplitude**2 / (4.0 * poles[in_octave, 1]) * -np.expm1(-2.0 * poles[in_octave, 1] * remainder.size / rate)
        )
    return energy, snr


@functools.lru_cache(maxsize=32)
def _decay_weight(decay_per_sample: float, length: int) -> np.ndarray:
    """e^(-decay n), float32 [length], cached since few decays occur."""
    return np.exp(np.arange(length, dtype=np.float32) * np.float32(-decay_per_sample))


def _noise_levels(power: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Lower quartile of the power in each row of bins [K, B], ignoring bins outside; 0 for fewer than 8."""
    inside = (bins >= 0) & (bins < power.size)
    values = np.sort(np.where(inside, power[np.clip(bins, 0, power.size - 1)], np.float32(np.inf)), axis=1)
    count = inside.sum(axis=1)
    quartile = values[np.arange(len(bins)), np.minimum(count * _NOISE_PERCENTILE // 100, bins.shape[1] - 1)]
    result: np.ndarray = np.where(count < 8, 0.0, quartile)
    return result
