"""Vibration modes: their sound, and their estimation from a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import fft as fast_fourier

from engine.parameters import Modes

_BLOCK = 256
_INAUDIBLE = 1e-7  # -140 dB re full scale


def synthesize_modes(
    batch: Sequence[Modes], length_samples: int, sample_rate_hz: int, device: str | torch.device = "cpu"
) -> torch.Tensor:
    """Sound of each set of modes from its onset on, sample 0 = t 0.

    Returns float32 [B, length_samples]; phases are computed in double precision. Modes that are muted
    or at or above half the sample rate do not sound; a mode ends once it is 140 dB under full scale.
    """
    place = torch.device(device)
    out = torch.zeros((len(batch), max(0, length_samples)), dtype=torch.float32, device=place)
    for row, modes in zip(out, batch, strict=True):
        sound = _sum_of_modes(modes, length_samples, sample_rate_hz, place)
        row[: sound.shape[0]] = sound
    return out


def _sum_of_modes(modes: Modes, length_samples: int, sample_rate_hz: int, place: torch.device) -> torch.Tensor:
    """One hit, in blocks: x[n0 + k] = Re(z(n0) w^k) is a matrix product of block starts and one block's phasors."""
    muted = modes.muted or (False,) * len(modes)
    kept = [i for i, f in enumerate(modes.frequency_hz) if f < sample_rate_hz / 2 and not muted[i]]
    if not kept or length_samples <= 0:
        return torch.zeros(0, device=place)
    frequency, power, decay, phase = (
        np.asarray(values, dtype=np.float64)[kept]
        for values in (modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad)
    )
    amplitude = 10.0 ** (power / 20.0)
    life_s = np.log(np.maximum(amplitude / _INAUDIBLE, 1.0)) / np.maximum(decay, 1e-9)
    blocks = min(-(-length_samples // _BLOCK), math.ceil(min(life_s.max(), 1e9) * sample_rate_hz / _BLOCK) + 1)
    pole = (-decay + 2j * np.pi * frequency) / sample_rate_hz
    start = np.arange(blocks) * float(_BLOCK)
    # cycles are wrapped before the sine, so that phase stays exact however long the sound
    cycles = np.remainder(np.outer(start, frequency / sample_rate_hz), 1.0) + phase / (2 * np.pi)
    envelope = amplitude * np.exp(-np.outer(start, decay / sample_rate_hz))
    envelope[envelope < _INAUDIBLE] = 0.0
    starts = envelope * np.exp(2j * np.pi * cycles)
    steps = np.exp(np.outer(pole, np.arange(_BLOCK)))
    left = torch.from_numpy(np.concatenate([starts.real, -starts.imag], axis=1))
    right = torch.from_numpy(np.concatenate([steps.real, steps.imag], axis=0))
    if place.type != "cpu":
        left, right = left.to(torch.float32).to(place), right.to(torch.float32).to(place)
    return (left @ right).reshape(-1)[:length_samples].to(torch.float32)


@dataclass(frozen=True)
class _Layer:
    """One tiling of the spectrum into subbands: cores of ``core_hz`` from low to high, looked at for ``span_s``."""

    low_hz: float
    high_hz: float
    core_hz: float
    span_s: float


_FINE = (_Layer(0.0, 1200.0, 160.0, 0.6), _Layer(1200.0, 6000.0, 400.0, 0.4), _Layer(6000.0, 1e9, 800.0, 0.25))
_WIDE = (_Layer(0.0, 1e9, 2400.0, 0.06),)
_HIGHEST = 0.46  # of the sample rate
_PROMINENCE_DB = 11.0
_SLOWEST_PER_S, _FASTEST_PER_S = 0.1, 3000.0


def fit_modes(samples: np.ndarray, sample_rate_hz: int, max_modes: int = 64) -> Modes:
    """Estimate the modes of one hit, strongest audible ones first kept, sorted by frequency.

    ``samples`` [N] mono, sample 0 = onset. Frequencies and decays come from subband ESPRIT (Roy and Kailath
    1989), amplitudes and phases from a joint least squares over the whole signal. Noise gives few modes or none.
    """
    x = np.asarray(samples, dtype=np.float64)
    level = float(np.abs(x).max()) if x.size else 0.0
    if x.size < 64 or level < 1e-9 or max_modes <= 0 or not np.isfinite(level):
        return Modes()
    x = (x - x.mean() if x.size > sample_rate_hz // 20 else x) / level
    poles = _merge(_find_poles(x, sample_rate_hz, _FINE))
    poles = _prominent(x, sample_rate_hz, poles)
    amplitudes = _solve(x, sample_rate_hz, poles)
    rest = x - _ring(poles, amplitudes, x.size, sample_rate_hz)
    extra = _prominent(rest, sample_rate_hz, _merge(_find_poles(rest, sample_rate_hz, _WIDE)))
    poles = _merge(np.concatenate([poles, extra]))
    for keep in (max_modes * 2, max_modes):
        amplitudes = _solve(x, sample_rate_hz, poles)
        order = np.argsort(-_audibility(poles, amplitudes))
        audible = order[_audibility(poles, amplitudes)[order] > _audibility(poles, amplitudes).max() * 1e-9] if order.size else order
        poles = poles[np.sort(audible[:keep])]
    amplitudes = _solve(x, sample_rate_hz, poles) * level
    return _to_modes(poles, amplitudes)


def _find_poles(x: np.ndarray, rate: int, layers: Sequence[_Layer]) -> np.ndarray:
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
    kept = (frequency > max(low_hz - margin, 15.0)) & (frequency < high_hz + margin)
    kept &= (decay > -2.0 / span_s) & (decay < min(_FASTEST_PER_S, 0.7 * band_rate))
    return np.stack([frequency[kept], np.maximum(decay[kept], _SLOWEST_PER_S)], axis=1)


def _merge(poles: np.ndarray) -> np.ndarray:
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


def _prominent(x: np.ndarray, rate: int, poles: np.ndarray) -> np.ndarray:
    """Keep poles that stand out of the spectrum around them, seen under their own decay.

    Noise weighted by e^(-decay t) has peaks too, but they rarely exceed its median by 11 dB.
    """
    if not len(poles):
        return poles
    size = fast_fourier.next_fast_len(x.size, real=True)
    time = np.arange(x.size) / rate
    bin_hz = rate / size
    good = np.zeros(len(poles), dtype=bool)
    grid = np.round(np.log2(np.maximum(poles[:, 1], 1.0)))
    for step in np.unique(grid):
        decay = 2.0**step
        power = np.abs(fast_fourier.rfft(x * np.exp(-decay * time), size)) ** 2
        width = max(2.0 * decay / (2 * np.pi), 1.0 * rate / x.size)
        for i in np.flatnonzero(grid == step):
            middle = poles[i, 0] / bin_hz
            near = max(1, round(0.5 * width / bin_hz))
            far = round(max(16.0 * width, 40.0) / bin_hz)
            around = power[max(0, round(middle) - far) : round(middle) + far + 1]
            peak = power[max(0, round(middle) - near) : round(middle) + near + 1].max(initial=0.0)
            good[i] = peak > 10.0 ** (_PROMINENCE_DB / 10.0) * float(np.median(around)) and peak > 0.0
    return poles[good]


def _log_poles(poles: np.ndarray, rate: int) -> np.ndarray:
    result: np.ndarray = (-poles[:, 1] + 2j * np.pi * poles[:, 0]) / rate
    return result


def _solve(x: np.ndarray, rate: int, poles: np.ndarray) -> np.ndarray:
    """Complex amplitudes a of all modes at once, x ~ Re sum a z^n, by the normal equations in closed form."""
    count = len(poles)
    if not count:
        return np.zeros(0, dtype=complex)
    s = _log_poles(poles, rate)
    cross = _geometric_sum(s[:, None] + s[None, :], x.size)
    inner = _geometric_sum(s[:, None].conj() + s[None, :], x.size)
    gram = 0.5 * np.block(
        [[(inner + cross).real, -(inner + cross).imag], [(inner - cross).imag, (inner - cross).real]]
    )
    projection = _correlate(x, s)
    right = np.concatenate([projection.real, projection.imag])
    scale = 1.0 / np.sqrt(np.diag(gram) + 1e-300)
    gram = gram * np.outer(scale, scale) + 1e-7 * np.eye(2 * count)
    solution = scale * np.linalg.solve(gram, scale * right)
    result: np.ndarray = solution[:count] + 1j * solution[count:]
    return result


def _geometric_sum(s: np.ndarray, length: int) -> np.ndarray:
    """sum of e^(s n) for n < length."""
    small = np.abs(s) < 1e-14
    safe = np.where(small, 1.0, s)
    return np.where(small, float(length), np.expm1(length * safe) / np.expm1(safe))


def _correlate(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """sum of x[n] conj(e^(s n)) for each s, by blocks."""
    blocks = -(-x.size // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[: x.size] = x
    steps = np.exp(np.outer(np.arange(_BLOCK), s.conj()))
    starts = np.exp(np.outer(np.arange(blocks) * _BLOCK, s.conj()))
    grid = padded.reshape(blocks, _BLOCK)
    result: np.ndarray = ((grid @ steps.real + 1j * (grid @ steps.imag)) * starts).sum(axis=0)
    return result


def _ring(poles: np.ndarray, amplitudes: np.ndarray, length: int, rate: int) -> np.ndarray:
    """The modes' sound in double precision."""
    if not len(poles):
        return np.zeros(length)
    s = _log_poles(poles, rate)
    blocks = -(-length // _BLOCK)
    starts = amplitudes * np.exp(np.outer(np.arange(blocks) * _BLOCK, s))
    steps = np.exp(np.outer(s, np.arange(_BLOCK)))
    result: np.ndarray = (starts.real @ steps.real - starts.imag @ steps.imag).reshape(-1)[:length]
    return result


def _audibility(poles: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Energy in the first 0.3 s under a curve like the ear's (A-weighting, softened to half its decibels)."""
    if not len(poles):
        return np.zeros(0)
    f2 = poles[:, 0] ** 2
    weight = 12194.0**2 * f2**2 / (
        (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2)
    )
    energy = np.abs(amplitudes) ** 2 * -np.expm1(-0.6 * poles[:, 1]) / (2.0 * poles[:, 1])
    result: np.ndarray = energy * weight
    return result


def _to_modes(poles: np.ndarray, amplitudes: np.ndarray) -> Modes:
    kept = np.flatnonzero(np.abs(amplitudes) > 1e-9)
    kept = kept[np.argsort(poles[kept, 0])]
    return Modes(
        tuple(float(f) for f in poles[kept, 0]),
        tuple(float(p) for p in 20.0 * np.log10(np.abs(amplitudes[kept]))),
        tuple(float(d) for d in poles[kept, 1]),
        tuple(float(p) for p in np.angle(amplitudes[kept])),
        (False,) * kept.size,
    )
