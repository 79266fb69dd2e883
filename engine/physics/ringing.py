"""Linear algebra of damped sinusoids x[n] = Re sum a e^(s n): amplitudes, residual, refinement of the poles."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.physics.poles import FASTEST_PER_S, slowest_decay

_BLOCK = 256


def exponents(poles: np.ndarray, rate: int) -> np.ndarray:
    """s of each pole [K, 2] (Hz, decay per second): complex [K], per sample."""
    result: np.ndarray = (-poles[:, 1] + 2j * np.pi * poles[:, 0]) / rate
    return result


def solve_amplitudes(x: np.ndarray, rate: int, poles: np.ndarray) -> np.ndarray:
    """Complex amplitudes a of all modes at once, x ~ Re sum a z^n, by the normal equations in closed form."""
    count = len(poles)
    if not count:
        return np.zeros(0, dtype=complex)
    s = exponents(poles, rate)
    cross = _geometric_sums(s, s, x.size)
    inner = _geometric_sums(s.conj(), s, x.size)
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


def _geometric_sums(one: np.ndarray, other: np.ndarray, length: int) -> np.ndarray:
    """sum of e^((s + r) n), n < length, for each s of one and r of the other; decays keep it from 0 / 0."""
    ends = np.outer(np.exp(one * length), np.exp(other * length))
    result: np.ndarray = (ends - 1.0) / (np.outer(np.exp(one), np.exp(other)) - 1.0)
    return result


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


def ring(poles: np.ndarray, amplitudes: np.ndarray, length: int, rate: int) -> np.ndarray:
    """The modes' sound in double precision."""
    if not len(poles):
        return np.zeros(length)
    s = exponents(poles, rate)
    blocks = -(-length // _BLOCK)
    starts = amplitudes * np.exp(np.outer(np.arange(blocks) * _BLOCK, s))
    steps = np.exp(np.outer(s, np.arange(_BLOCK)))
    result: np.ndarray = (starts.real @ steps.real - starts.imag @ steps.imag).reshape(-1)[:length]
    return result


def refine_poles(x: np.ndarray, rate: int, poles: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """One Gauss-Newton step of all poles towards the least squares fit of x.

    Done in the frequency domain, where each mode is local: neighbours are solved together, with the exact
    spectrum of a truncated damped sinusoid and its derivative.
    """
    if not len(poles):
        return poles
    rest = fast_fourier.rfft(x - ring(poles, amplitudes, x.size, rate))
    bin_hz = rate / x.size
    width = np.maximum(poles[:, 1] / (2.0 * np.pi), 0.5 * bin_hz)
    order = np.argsort(poles[:, 0])
    slowest = slowest_decay(x.size / rate)
    refined = poles.copy()
    for group in _neighbours(poles[:, 0], width, order):
        low = min(poles[group, 0] - 4.0 * width[group]) / bin_hz - 3
        high = max(poles[group, 0] + 4.0 * width[group]) / bin_hz + 4
        bins = np.arange(max(0, int(low)), min(rest.size, int(high)))
        if bins.size > 24 * len(group):
            bins = bins[np.unique(np.round(np.linspace(0, bins.size - 1, 24 * len(group))).astype(int))]
        if bins.size < 2 * len(group):
            continue
        s = exponents(poles[group], rate)
        shifted = s[None, :] - 2j * np.pi * bins[:, None] / x.size
        plain, slope = _spectrum_and_slope(shifted, x.size)
        half = 0.5 * amplitudes[group]
        columns = np.concatenate([plain, slope * half], axis=1)
        scale = 1.0 / (np.linalg.norm(columns, axis=0) + 1e-300)
        step = np.linalg.lstsq(columns * scale, rest[bins], rcond=1e-6)[0] * scale
        move = step[len(group) :] * rate
        hertz = np.clip(move.imag / (2.0 * np.pi), -0.5 * width[group], 0.5 * width[group])
        decay = np.clip(-move.real, -0.4 * poles[group, 1], 0.7 * poles[group, 1])
        refined[group, 0] = np.clip(poles[group, 0] + hertz, 1.0, 0.499 * rate)
        refined[group, 1] = np.clip(poles[group, 1] + decay, slowest, FASTEST_PER_S)
    return refined


def _neighbours(frequency: np.ndarray, width: np.ndarray, order: np.ndarray) -> list[np.ndarray]:
    """Modes in runs whose lines overlap, at most 8 together."""
    groups: list[list[int]] = []
    for i in order:
        if groups and len(groups[-1]) < 8:
            last = groups[-1][-1]
            if frequency[i] - frequency[last] < 5.0 * (width[i] + width[last]):
                groups[-1].append(int(i))
                continue
        groups.append([int(i)])
    return [np.array(group) for group in groups]


def _spectrum_and_slope(s: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """sum e^(s n) and its derivative sum n e^(s n), n < length."""
    s = np.where(np.abs(s) < 1e-12, 1e-12, s)
    one = np.expm1(s)
    end = np.exp(s * length)
    plain = np.expm1(s * length) / one
    slope = (length * end - plain * np.exp(s)) / one
    return plain, slope
