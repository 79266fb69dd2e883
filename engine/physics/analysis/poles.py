"""Pole candidates by subband ESPRIT (Roy & Kailath 1989), with a signal-to-noise test of each."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft as fast_fourier

LOWEST_HZ = 15.0
_MAX_DECAY_PER_S = 1600.0  # T60 of 4.3 ms: anything faster belongs to the contact
_MAX_DAMPING = 2.0  # decay over frequency: a pole that decays by 17 dB per cycle is no vibration
_ROWS = 48  # of the Hankel matrix
MAX_SHARE_OF_RATE = 0.46  # of the sample rate
_MIN_PEAK = 25.0  # power over the lower quartile of a subband's spectrum; white noise reaches 20
_SHORT_S = 0.1
_SAME = 0.01  # of a subband's energy: where less has changed, the same poles would be found again
_LEAST_KEPT = 0.97  # of a recording's length, where a little less has faster transforms
_LEAST_OWN = 1e-6  # share of the last row that the others have; with less they are nearly dependent
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


def choose_length(most: int) -> int:
    """Length at most 3 % under ``most``, if there is one, whose transforms are fast: 2^n times a small odd factor."""
    odd = sorted(3**a * 5**b for a in range(16) for b in range(10) if 3**a * 5**b <= most)
    lengths = [factor * 2 ** (most // factor).bit_length() // 2 for factor in odd]
    return next((length for length in lengths if length > _LEAST_KEPT * most), most)


def transform_padded(x: np.ndarray) -> np.ndarray:
    """The spectrum, from 0 Hz to half the rate, of a signal [N] padded to twice its length, complex [N + 1 or more].

    In single precision, whose error lies 130 dB under the signal.
    """
    result: np.ndarray = fast_fourier.rfft(x.astype(np.float32), 2 * fast_fourier.next_fast_len(x.size, real=True))
    return result


def find_poles(
    spectrum: np.ndarray, length: int, rate: int, layers: Sequence[Layer], searched: np.ndarray | None = None
) -> np.ndarray:
    """Candidate poles of all subbands, [K, 2]: frequency in Hz, decay per second.

    ``spectrum`` is that of a signal [``length``] by ``transform_padded``. Subbands in which it is what ``searched``
    was, the spectrum of a signal in which these layers were searched already, are left out.
    """
    size = 2 * (spectrum.size - 1)
    candidates = [np.zeros((0, 2))]
    for layer in layers:
        top = min(layer.high_hz, MAX_SHARE_OF_RATE * rate)
        count = max(1, math.ceil((top - layer.low_hz) / layer.core_hz)) if top > layer.low_hz else 0
        for k in range(count):
            low = layer.low_hz + (top - layer.low_hz) * k / count
            high = layer.low_hz + (top - layer.low_hz) * (k + 1) / count
            own = slice(round(low * size / rate), round(high * size / rate) + 1)
            changed = spectrum[own] if searched is None else spectrum[own] - searched[own]
            if _energy(changed) >= _SAME * _energy(spectrum[own]):
                candidates.append(_poles_in_band(spectrum, length, rate, low, high, layer.span_s))
    return np.concatenate(candidates)


def _energy(spectrum: np.ndarray) -> float:
    return float(np.vdot(spectrum, spectrum).real)


def _poles_in_band(
    spectrum: np.ndarray, length: int, rate: int, low_hz: float, high_hz: float, span_s: float
) -> np.ndarray:
    """ESPRIT on one subband, complex-demodulated and decimated to twice its core."""
    bin_hz = rate / (2 * (spectrum.size - 1))
    centre = round((low_hz + high_hz) / 2 / bin_hz)
    half = fast_fourier.next_fast_len(max(8, math.ceil((high_hz - low_hz) / bin_hz)))
    band = _read_bins(spectrum, centre - half, centre + half)
    if span_s > _SHORT_S and _is_flat(band):
        return np.zeros((0, 2))  # as noise is; fast modes, sought in short spans, are flat too
    band = band * _taper(half)
    band_rate = 2 * half * bin_hz
    y = fast_fourier.ifft(np.concatenate([band[half:], band[:half]]))
    y = y[: min(y.size // 2, math.ceil(min(length / rate, span_s) * band_rate))]
    y = y[min(4, y.size // 8) :]
    if y.size < 12:
        return np.zeros((0, 2))
    rows = min(_ROWS, y.size // 2)
    values, vectors = np.linalg.eigh(hankel_gram(y, rows), UPLO="U")
    values, vectors = values[::-1], vectors[:, ::-1]
    rest = values[rows // 3 :]  # in order, so that their median is in the middle
    noise = 0.5 * float(rest[(rest.size - 1) // 2] + rest[rest.size // 2])
    order = int(np.count_nonzero(values > max(8.0 * noise, 1e-11 * float(values[0]))))
    order = min(order, rows // 3, 20)
    if order == 0 or values[0] <= 1e-20:
        return np.zeros((0, 2))
    signal = vectors[:, :order]
    root = np.linalg.eigvals(solve_shift(signal))
    root = root[np.abs(root) > 1e-3]
    frequency = np.angle(root) / (2 * np.pi) * band_rate + centre * bin_hz
    decay = -np.log(np.abs(root)) * band_rate
    margin = 0.03 * (high_hz - low_hz)
    kept = (frequency > max(low_hz - margin, LOWEST_HZ)) & (frequency < high_hz + margin)
    kept &= (decay > -2.0 / span_s) & (decay < np.minimum(fastest_decay(frequency), 0.7 * band_rate))
    return np.stack([frequency[kept], np.maximum(decay[kept], slowest_decay(length / rate))], axis=1)


def _read_bins(spectrum: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Bins from ``start`` to ``stop`` of a real signal's spectrum, of which those under 0 Hz and over half the rate are
    mirrored and conjugated."""
    if start >= 0 and stop <= spectrum.size:
        return spectrum[start:stop]
    size = 2 * (spectrum.size - 1)
    bins = np.arange(start, stop) % size
    mirrored = bins >= spectrum.size
    values = spectrum[np.where(mirrored, size - bins, bins)]
    return np.where(mirrored, values.conj(), values)


def hankel_gram(y: np.ndarray, rows: int) -> np.ndarray:
    """Upper triangle of H H* of the Hankel matrix H [``rows``, N] of a signal y [N + rows - 1], complex [rows, rows].

    Each diagonal follows from its first element: one product enters the sum and one leaves it. Below the diagonal the
    values mean nothing.
    """
    count = y.size - rows + 1
    lagged = sliding_window_view(np.concatenate([y, np.zeros(rows)]), rows + 1).conj()
    skewed = np.empty((rows, rows + 1), dtype=complex)  # of each row what begins at the diagonal
    skewed[0] = y[:count] @ lagged[:count]
    skewed[1:] = y[count:, None] * lagged[count : count + rows - 1]
    skewed[1:] -= y[: rows - 1, None] * lagged[: rows - 1]
    np.cumsum(skewed, axis=0, out=skewed)
    return skewed.reshape(-1)[: rows * rows].reshape(rows, rows)  # a row shorter by one lies a place further right


def solve_shift(signal: np.ndarray) -> np.ndarray:
    """Least-squares solution X of signal[:-1] X = signal[1:] for orthonormal columns [M, K], complex [K, K].

    The Gram matrix of signal[:-1] is the identity less the outer product of the last row, whose inverse is known
    (Sherman and Morrison 1950).
    """
    last, projected = signal[-1], signal[:-1].conj().T @ signal[1:]
    own = 1.0 - float(np.vdot(last, last).real)
    if own < _LEAST_OWN:
        solution: np.ndarray = np.linalg.lstsq(signal[:-1], signal[1:], rcond=None)[0]
        return solution
    return projected + np.outer(last.conj(), last @ projected) / own


def _is_flat(band: np.ndarray) -> bool:
    """Whether no bin of a subband [M] stands out of its lower quartile."""
    power = band.real**2 + band.imag**2
    return bool(power.max() < _MIN_PEAK * np.partition(power, power.size // 4)[power.size // 4])


@functools.lru_cache(maxsize=16)
def _taper(half: int) -> np.ndarray:
    """Weights of a subband's bins [2 * half]: flat in the middle, raised-cosine flanks."""
    flat = 0.65 * half
    flank = np.clip((np.abs(np.arange(-half, half)) - flat) / (half - flat), 0.0, 1.0)
    result: np.ndarray = 0.5 + 0.5 * np.cos(np.pi * flank)
    return result


def coherence(one: np.ndarray, other: np.ndarray, duration_s: float) -> np.ndarray:
    """Normalised inner products of damped exponentials, of poles [K, 2] and [L, 2]: [K, L], 1 for equal ones.

    Those of infinitely long ones, with the recording's finite length as an additional decay.
    """
    d, e = one[:, None, 1] + 1.0 / duration_s, other[None, :, 1] + 1.0 / duration_s
    difference = 2.0 * np.pi * (one[:, None, 0] - other[None, :, 0])
    result: np.ndarray = np.sqrt(4.0 * d * e / (np.square(d + e) + np.square(difference)))
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
    octave = np.round(np.log2(np.maximum(poles[:, 1], max(1.0, 3.0 * rate / remainder.size)))).astype(int)
    peak, noise, length = np.zeros(len(poles)), np.zeros(len(poles)), np.zeros(len(poles))
    remainder32 = remainder.astype(np.float32)
    for step in sorted(set(octave.tolist())):
        members = np.flatnonzero(octave == step)
        decay = 2.0**step
        span = math.ceil(5.0 / decay * rate)  # the weight is 43 dB down there
        span = min(remainder.size, 2 ** (span - 1).bit_length())  # powers of two have the fastest transforms
        size = fast_fourier.next_fast_len(max(span, 4096), real=True)
        spectrum = fast_fourier.rfft(remainder32[:span] * _decay_weight(decay / rate, span), size)
        width = max(decay / math.pi, rate / remainder.size) * size / rate
        near, far = max(1, round(0.5 * width)), round(max(16.0 * width, 40.0 * size / rate))
        middle = np.round(poles[members, 0] * (size / rate)).astype(int)
        peak[members], left, right = _read_peaks(spectrum.real**2 + spectrum.imag**2, middle, near, far)
        noise[members] = np.where(middle > 8.0 * width, np.maximum(left, right), right)  # too few bins near 0 Hz
        length[members] = span
    both = poles[:, 1] + 2.0**octave
    unit_peak = 0.5 * rate / both * -np.expm1(-both * length / rate)
    amplitude = np.where(np.isnan(level), np.sqrt(peak) / unit_peak, level)
    snr = (amplitude * unit_peak) ** 2 / np.maximum(noise, 1e-300)
    energy = amplitude**2 / (4.0 * poles[:, 1]) * -np.expm1(-2.0 * poles[:, 1] * remainder.size / rate)
    return energy, snr


@functools.lru_cache(maxsize=32)
def _decay_weight(decay_per_sample: float, length: int) -> np.ndarray:
    """e^(-decay n), float32 [length], cached since few decays occur."""
    return np.exp(np.arange(length, dtype=np.float32) * np.float32(-decay_per_sample))


def _read_peaks(
    power: np.ndarray, middle: np.ndarray, near: int, far: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Greatest power within ``near`` bins of each middle [K], and the lower quartiles on its left and right, [K] each.

    Those are of the bins from there to ``far``; bins outside are ignored, and of fewer than 8 the quartile is 0.
    """
    peak, beside = np.zeros(len(middle)), np.zeros((len(middle), 2))
    whole = (middle >= far) & (middle + far < power.size)
    count = far - near
    if whole.any():
        values = power[(middle[whole] - far)[:, None] + np.arange(2 * far + 1)]
        peak[whole] = values[:, count : count + 2 * near + 1].max(axis=1)
        if count >= 8:
            sides = np.concatenate([values[:, :count], values[:, -count:]])
            place = count * _NOISE_PERCENTILE // 100
            beside[whole] = np.partition(sides, place, axis=1)[:, place].reshape(2, -1).T
    for row in np.flatnonzero(~whole).tolist():
        at = int(middle[row])
        peak[row] = power[np.clip(np.arange(at - near, at + near + 1), 0, power.size - 1)].max()
        beside[row] = (
            _lower_quartile(power[max(at - far, 0) : max(at - near, 0)]),
            _lower_quartile(power[at + near + 1 : at + far + 1]),
        )
    return peak, beside[:, 0], beside[:, 1]


def _lower_quartile(values: np.ndarray) -> float:
    if values.size < 8:
        return 0.0
    place = values.size * _NOISE_PERCENTILE // 100
    return float(np.partition(values, place)[place])
