"""Estimate vibration modes of a recording: pole candidates, joint fits, selection."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.core.units import gain_to_db
from engine.physics.analysis.damped_sinusoids import (
    exponents,
    keep_distinct,
    refine_jointly,
    solve_amplitudes,
    synthesize_poles,
)
from engine.physics.analysis.poles import FINE, LOWEST_HZ, WIDE, coherence, find_poles, overlap, weigh_poles
from engine.physics.model import Modes

_ROUNDS, _MANY = 5, 96
_ENTERS, _STAYS, _STANDS_OUT = 10.0**1.0, 10.0**0.6, 10.0**1.3  # power over the noise, at first and at last
_TOUCHING = 0.55  # coherence of poles that share a peak of the spectrum
_KNOWN = 0.9
_LEAST_BEFORE_S = 0.05
_SHADOW = 4.0  # bins
_RESTORATIONS, _MOST_OVER = 3, 8.0
_ECHO_WIDTHS, _ECHO_DB, _ECHO_DECAY = 3.0, 6.0, 0.7
_DOUBT = 4.6  # standard deviation of decay times duration, for a steady tone that stands out by 0 dB
_SLOWEST_PER_S, _LEAST_FALL = 0.05, 0.25  # a recording does not tell less than 2 dB over all of it from none


def fit_modes(samples: np.ndarray, sample_rate_hz: int, max_modes: int = 64, before: np.ndarray | None = None) -> Modes:
    """Estimate the modes of one hit, at most ``max_modes``, the most audible, sorted by frequency.

    ``samples`` [N] mono, sample 0 = onset; ``before``, where known, is the sound that led to it. Candidates come from
    subband ESPRIT (Roy and Kailath 1989); those that stand out of the noise are kept, strong ones first, so that they
    no longer hide weak ones; frequencies and decays are refined by Gauss-Newton, amplitudes and phases by a joint
    least squares over the whole signal. Noise gives few modes or none; so do silence and a constant. A steady tone that
    was there before, or is faint, is hum.
    """
    x = np.asarray(samples, dtype=np.float64)
    level = float(np.abs(x).max()) if x.size else 0.0
    if x.size < 64 or level < 1e-9 or max_modes <= 0 or not np.isfinite(level):
        return Modes()
    x = x[: fast_fourier.prev_fast_len(x.size, real=True)]  # a length with a fast transform
    x = (x - x.mean() if x.size > sample_rate_hz // 20 else x) / level
    poles, rest = np.zeros((0, 2)), x
    for layers in (FINE, WIDE, FINE):
        poles, rest = _confirm(x, sample_rate_hz, poles, find_poles(rest, sample_rate_hz, layers), rest, 2 * max_modes)
    poles, amplitudes = _keep_clear(x, sample_rate_hz, poles)
    audible = np.argsort(-_audibility(poles, amplitudes))[:max_modes]
    poles = poles[np.sort(audible)]
    poles, amplitudes, rest = refine_jointly(x, sample_rate_hz, poles, solve_amplitudes(x, sample_rate_hz, poles))
    earlier = np.zeros(0) if before is None else np.asarray(before, dtype=np.float64) / level
    clarity = weigh_poles(rest, sample_rate_hz, poles, np.abs(amplitudes))[1]
    duration_s = x.size / sample_rate_hz
    doubt = _DOUBT / np.sqrt(np.maximum(clarity, 1.0)) / duration_s
    struck = ~_hum(poles, amplitudes, doubt, duration_s, earlier, sample_rate_hz) & (poles[:, 0] > LOWEST_HZ)
    poles[:, 1] = np.maximum(poles[:, 1], np.clip(2.0 * doubt, _SLOWEST_PER_S, _LEAST_FALL / duration_s))
    return _to_modes(poles[struck], amplitudes[struck] * level)


def drop_echoes(hit: np.ndarray, modes: Modes, room: np.ndarray, sample_rate_hz: int) -> Modes:
    """The modes without those that are the room's answer to stronger ones, the others fitted anew.

    ``room`` [K] is the room's decay per second at each mode, NaN where none is known. A room answers a mode with noise
    round its frequency that falls no slower than the room: poles close beside a mode, weaker than it by 6 dB, that
    decay as the room does or faster.
    """
    poles = np.stack([modes.frequency_hz, modes.decay_per_s], axis=1).reshape(-1, 2)
    power = np.asarray(modes.power_db)
    apart_hz = np.abs(poles[:, None, 0] - poles[None, :, 0])
    reach_hz = _ECHO_WIDTHS * (poles[:, None, 1] + poles[None, :, 1] + room[:, None]) / (2.0 * np.pi)
    near = (apart_hz < reach_hz) & (power[:, None] < power[None, :] - _ECHO_DB)
    echo = near.any(axis=1) & (poles[:, 1] > _ECHO_DECAY * room)
    if not echo.any():
        return modes
    level = float(np.abs(hit).max())
    x = hit / level
    amplitudes = solve_amplitudes(x, sample_rate_hz, poles[~echo])
    poles, amplitudes, _ = refine_jointly(x, sample_rate_hz, poles[~echo], amplitudes)
    return _to_modes(poles, amplitudes * level)


def restore_clipped(hit: np.ndarray, clipped: np.ndarray, sample_rate_hz: int, max_modes: int = 64) -> np.ndarray:
    """The hit [N] with its clipped samples (a mask, [N]) put where its modes lead one to expect them, or at the limit.

    The modes are those of what follows the last clipped sample, then those of the restored hit; their amplitudes are
    fitted to the samples that are not clipped.
    """
    last = int(np.flatnonzero(clipped)[-1]) + 1
    if hit.size - last < 0.05 * sample_rate_hz:
        return hit
    level = float(np.abs(hit).max())
    sound = np.arange(min(hit.size, 2 * last))
    clear = sound[~clipped[sound]]
    restored, late = hit, hit[last:]
    for _ in range(_RESTORATIONS):
        modes = fit_modes(late, sample_rate_hz, max_modes)
        if not len(modes):
            break
        s = exponents(np.stack([modes.frequency_hz, modes.decay_per_s], axis=1), sample_rate_hz)
        wave = np.exp(np.outer(sound, s))
        columns = np.concatenate([wave.real, -wave.imag], axis=1)
        known = columns[clear]
        normal = known.T @ known
        amount = np.linalg.solve(normal + 1e-6 * np.diag(np.diag(normal)), known.T @ hit[clear])
        side = np.sign(hit[sound])
        beyond = np.clip(side * (columns @ amount), level, _MOST_OVER * level)
        restored = hit.copy()
        restored[sound] = np.where(clipped[sound], side * beyond, hit[sound])
        late = restored
    return restored


def _confirm(
    x: np.ndarray, rate: int, poles: np.ndarray, candidates: np.ndarray, rest: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move candidates that stand out of what the modes so far leave over to the modes: modes and new rest.

    In each round only those that no stronger one touches, since beside a strong mode anything seems to stand out
    until that is taken away.
    """
    duration_s = x.size / rate
    energy, contrast = weigh_poles(rest, rate, candidates, np.full(len(candidates), np.nan))
    for _ in range(_ROUNDS):
        if not len(candidates) or len(poles) >= most:
            break
        likely = (contrast > _ENTERS) & ~(coherence(candidates, poles, duration_s) > _KNOWN).any(axis=1)
        touched = coherence(candidates, candidates, duration_s) > _TOUCHING
        touched &= likely & (energy[None, :] > energy[:, None])
        first = likely & ~touched.any(axis=1)
        if not first.any():
            break
        poles = np.concatenate([poles, candidates[first]])
        candidates = candidates[~first]
        poles, amplitudes, share, rest = _fit_distinct(x, rate, poles)
        level = np.concatenate([np.abs(amplitudes) * np.sqrt(share), np.full(len(candidates), np.nan)])
        energy, contrast = weigh_poles(rest, rate, np.concatenate([poles, candidates]), level)
        clear, energy, contrast = contrast[: len(poles)] > _STAYS, energy[len(poles) :], contrast[len(poles) :]
        if not clear.all():
            poles = poles[clear]
            rest = x - synthesize_poles(poles, solve_amplitudes(x, rate, poles), x.size, rate)
    return poles, rest


def _fit_distinct(x: np.ndarray, rate: int, poles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The poles after one step, those that can be told apart; their amplitudes, own shares, and what they leave."""
    amplitudes = solve_amplitudes(x, rate, poles)
    if len(poles) <= _MANY:  # a step costs the cube of their number; many are thinned out first
        poles, amplitudes, rest = refine_jointly(x, rate, poles, amplitudes, 1)
    else:
        rest = x - synthesize_poles(poles, amplitudes, x.size, rate)
    kept, share = keep_distinct(poles, amplitudes, rate, x.size)
    if len(kept) < len(poles):
        poles = poles[kept]
        amplitudes = solve_amplitudes(x, rate, poles)
        rest = x - synthesize_poles(poles, amplitudes, x.size, rate)
    return poles, amplitudes, share, rest


def _keep_clear(x: np.ndarray, rate: int, poles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The poles that stand out clearly, and their amplitudes: the worse half of the others goes until none is left."""
    while True:
        poles, amplitudes, share, rest = _fit_distinct(x, rate, poles)
        contrast = weigh_poles(rest, rate, poles, np.abs(amplitudes) * np.sqrt(share))[1]
        contrast /= np.maximum(1.0, overlap(poles)) ** 1.5
        unclear = np.flatnonzero(contrast < _STANDS_OUT)
        if not unclear.size:
            return poles, amplitudes
        worse = unclear[np.argsort(contrast[unclear])][: -(-unclear.size // 2)]
        poles = np.delete(poles, worse, axis=0)


def _hum(
    poles: np.ndarray, amplitudes: np.ndarray, doubt: np.ndarray, duration_s: float, before: np.ndarray, rate: int
) -> np.ndarray:
    """Which modes belong to the recording: not surely decaying while it lasts, and as loud before the onset.

    ``doubt`` is the standard deviation of each decay. Where nothing is known from before, what is faint is old.
    """
    level = np.abs(amplitudes)
    old = level < 0.25 * level.max(initial=0.0)
    if before.size > _LEAST_BEFORE_S * rate:
        window = np.hanning(before.size)
        turn = np.exp(-2j * np.pi * np.outer(poles[:, 0], np.arange(before.size) / rate))
        old = np.abs(turn @ (before * window)) * 2.0 / window.sum() > 0.7 * level
    hum = (poles[:, 1] * duration_s < np.minimum(0.7, 0.1 + 2.0 * doubt * duration_s)) & old
    beside = np.abs(poles[:, 0, None] - poles[None, :, 0]) < _SHADOW / duration_s
    shadow = (beside & hum & (level[:, None] < 0.1 * level)).any(axis=1)  # what a hum's own unrest leaves over
    result: np.ndarray = hum | shadow
    return result


def _audibility(poles: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Energy in the first 0.3 s under a curve like the ear's (A-weighting, softened to half its decibels)."""
    if not len(poles):
        return np.zeros(0)
    f2 = poles[:, 0] ** 2
    weight = 12194.0**2 * f2**2 / ((f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2))
    energy = np.abs(amplitudes) ** 2 * -np.expm1(-0.6 * poles[:, 1]) / (2.0 * poles[:, 1])
    result: np.ndarray = energy * weight
    return result


def _to_modes(poles: np.ndarray, amplitudes: np.ndarray) -> Modes:
    kept = np.flatnonzero(np.abs(amplitudes) > 1e-9)
    kept = kept[np.argsort(poles[kept, 0])]
    return Modes(
        tuple(float(f) for f in poles[kept, 0]),
        tuple(float(p) for p in gain_to_db(np.abs(amplitudes[kept]))),
        tuple(float(d) for d in poles[kept, 1]),
        tuple(float(p) for p in np.angle(amplitudes[kept])),
        (False,) * kept.size,
    )
