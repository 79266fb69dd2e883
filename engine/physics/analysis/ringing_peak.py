"""Make the strongest peak of a hit's spectrum after its attack a mode, where a fit to the whole hit has lost it."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.core.units import power_to_db
from engine.physics.analysis.damped_sinusoids import exponents, synthesize_poles
from engine.physics.analysis.poles import MAX_SHARE_OF_RATE

_AFTER_ATTACK_S, _FADE_IN_S, _STEP_S = 0.005, 0.005, 0.01
_LONGEST_S, _SHORTEST_S = 0.5, 0.05
_RANGE_DB, _OVER_END_DB, _END_STEPS = 50.0, 6.0, 5  # it rings until it is as quiet as the end of its recording
_LOWEST_HZ = 40.0  # rumble under it is louder than many a hit
_STANDS_OUT = 20.0  # power over the medians beside; none of 300 decaying bursts of noise reached it
_BESIDE_OCTAVES, _BESIDE_WIDTHS = 0.25, 6.0
_EQUAL = 10.0**-0.1  # share of the strongest peak's power from which on another is as strong
_LOUDER = 10.0**0.05  # power of the modes over the recording's from which on they are too loud there
_CENTS = 10.0
_LATER = 0.25  # of the window, between the two spectra that give frequency and decay
_DECAY_RANGE_PER_S = (1.0, 150.0)  # a faster one would be extrapolated far over the attack
_MOST_PEAKS, _SILENT, _PADDING = 4, 1e-20, 4


def restore_ringing_peaks(
    x: np.ndarray, rate: int, poles: np.ndarray, amplitudes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Modes [K, 2] of a hit [N] and their amplitudes [K] with its strongest ringing peak among them, if it has one.

    A fit to the whole hit follows its attack, which is loudest: the strongest resonance of what follows may be left
    in the noise, pulled aside by the burst or too faint. In a window that leaves the attack out, the strongest peak
    must be that of the modes too, or 1 dB under it. Otherwise a pole is estimated there, from the phases and levels of
    two windows, and fitted in place of the modes within the window's resolution; and where the modes are louder than
    the hit at their own strongest peak, another is fitted there.
    """
    window = _make_window(x, rate)
    if window is None:
        return poles, amplitudes
    for _ in range(_MOST_PEAKS):
        lost_hz = _find_lost_peak(x, synthesize_poles(poles, amplitudes, x.size, rate), window, rate)
        for hz in lost_hz:
            kept = np.abs(poles[:, 0] - hz) >= rate / _length(window, rate)
            rest = x - synthesize_poles(poles[kept], amplitudes[kept], x.size, rate)
            pole, amplitude = _fit_pole(rest, rate, hz, window)
            poles = np.concatenate([poles[kept], [pole]])
            amplitudes = np.concatenate([amplitudes[kept], [amplitude]])
        if not lost_hz:
            break
    return poles, amplitudes


def _make_window(x: np.ndarray, rate: int) -> np.ndarray | None:
    """Weights from sample 0 on: 0 in the attack, a rise of 5 ms, then a fall until the hit is as quiet as its end.

    None where that is within 50 ms: it does not ring.
    """
    start, step = round(_AFTER_ATTACK_S * rate), round(_STEP_S * rate)
    after = x[start : start + round(_LONGEST_S * rate)]
    frames = after[: after.size // step * step].reshape(-1, step)
    if not len(frames):
        return None
    level_db = power_to_db(np.square(frames).mean(axis=1) + _SILENT)
    end_db = power_to_db(float(np.square(x[-_END_STEPS * step :]).mean()) + _SILENT)
    loud = np.flatnonzero((level_db > level_db.max() - _RANGE_DB) & (level_db > end_db + _OVER_END_DB))
    length = int(loud[-1] + 1) * step if loud.size else 0
    if length < _SHORTEST_S * rate:
        return None
    return np.concatenate([np.zeros(start), _fall(length, rate)])


def _fall(length: int, rate: int) -> np.ndarray:
    window = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, length))
    rise = round(_FADE_IN_S * rate)
    window[:rise] *= 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, rise))
    return window


def _length(window: np.ndarray, rate: int) -> int:
    return window.size - round(_AFTER_ATTACK_S * rate)


def _find_lost_peak(x: np.ndarray, model: np.ndarray, window: np.ndarray, rate: int) -> tuple[float, ...]:
    """Frequencies to be fitted: none where the strongest peak stands among the modes or does not stand out.

    Otherwise that of the modes' strongest peak, where they are louder than the hit there, and that of the lost one.
    """
    length = _length(window, rate)
    size = fast_fourier.next_fast_len(_PADDING * length, real=True)
    inside = slice(round(_LOWEST_HZ * size / rate) + 1, round(MAX_SHARE_OF_RATE * size))
    of_hit, of_modes = (_measure_power(signal, window, length, size)[inside] for signal in (x, model))
    lost, own = _find_maximum(of_hit), _find_maximum(of_modes)
    place, width = lost + inside.start, 2.0 * size / length
    reach = round(max(place * (2.0**_BESIDE_OCTAVES - 1.0), _BESIDE_WIDTHS * width))
    beside = (of_hit[max(0, lost - reach) : lost + 1], of_hit[lost : lost + reach + 1])
    if of_hit[lost] < _STANDS_OUT * max(float(np.median(part)) for part in beside) or of_hit[lost] <= _SILENT:
        return ()
    near = max(0.5 * width, (2.0 ** (_CENTS / 1200.0) - 1.0) * place)
    equal = np.flatnonzero(of_hit > _EQUAL * of_hit[lost])
    if of_modes[own] > _SILENT and np.abs(equal - own).min() < near:
        return ()
    lost_hz, own_hz = place * rate / size, (own + inside.start) * rate / size
    return (own_hz, lost_hz) if of_modes[own] > _LOUDER * of_hit[own] else (lost_hz,)


def _measure_power(signal: np.ndarray, window: np.ndarray, length: int, size: int) -> np.ndarray:
    spectrum = fast_fourier.rfft((signal[: window.size] * window)[-length:], size)
    power: np.ndarray = spectrum.real**2 + spectrum.imag**2
    return power


def _find_maximum(power: np.ndarray) -> int:
    """Index of the highest peak; the flank of one outside is none."""
    peaks = np.flatnonzero((power[1:-1] > power[:-2]) & (power[1:-1] >= power[2:])) + 1
    return int(peaks[np.argmax(power[peaks])]) if peaks.size else 0


def _fit_pole(rest: np.ndarray, rate: int, hz: float, window: np.ndarray) -> tuple[np.ndarray, complex]:
    """Pole [2] (Hz, decay per second) of the peak at ``hz`` in a signal [N], and its amplitude of least squares."""
    length = _length(window, rate)
    start, later = window.size - length, round(_LATER * length)
    part = _fall(length - later, rate)
    wave = part * np.exp(-2j * np.pi * hz / rate * np.arange(part.size))
    first, second = (complex(rest[k : k + part.size] @ wave) for k in (start, start + later))
    turn = np.angle(second * np.exp(-2j * np.pi * hz / rate * later) / first) if abs(first) > _SILENT else 0.0
    shift_hz = turn / (2.0 * np.pi) * rate / later
    fall_per_s = np.log(max(abs(first), _SILENT) / max(abs(second), _SILENT)) * rate / later
    bound_hz = 0.5 * rate / length
    pole = np.array([hz + np.clip(shift_hz, -bound_hz, bound_hz), np.clip(fall_per_s, *_DECAY_RANGE_PER_S)])
    own = window * np.exp(exponents(pole[None], rate)[0] * np.arange(window.size))
    columns = np.stack([own.real, -own.imag])
    real, imaginary = np.linalg.solve(columns @ columns.T, columns @ (rest[: window.size] * window))
    return pole, complex(real, imaginary)
