"""Estimate vibration modes of a recording: pole candidates, joint fits, selection."""

from __future__ import annotations

import numpy as np

from engine.core.units import gain_to_db
from engine.physics.analysis.damped_sinusoids import (
    exponents,
    keep_distinct,
    refine_jointly,
    solve_amplitudes,
    synthesize_poles,
)
from engine.physics.analysis.poles import (
    FINE,
    LOWEST_HZ,
    WIDE,
    choose_length,
    coherence,
    find_poles,
    overlap,
    transform_padded,
    weigh_poles,
)
from engine.physics.analysis.ringing_peak import restore_ringing_peaks
from engine.physics.model import Modes

_ROUNDS, _LAST_ROUNDS = 2, 4  # at most, of a pass: what one leaves over is found by the next
_MAX_REFINED = 96
_ENTER_SNR, _STAY_SNR, _FINAL_SNR = 10.0**1.0, 10.0**0.6, 10.0**1.3
_FAST_PER_S, _FAST_POWER, _CROWDED_WIDTHS = 200.0, 2.5, 2.0  # the attack is as fast: such modes must stand out more
_SAME_PEAK = 0.55  # coherence of poles that share a spectral peak
_SAME_POLE = 0.9  # coherence of a candidate with a mode already found
_MIN_BEFORE_S = 0.05
_SHADOW = 4.0  # bins
_RESTORATIONS, _MAX_RESTORED_GAIN = 3, 8.0
_ECHO_WIDTHS, _ECHO_DB, _ECHO_DECAY = 3.0, 6.0, 0.7
_DECAY_STD = 4.6  # standard deviation of decay times duration, for a constant tone at an SNR of 0 dB
_MIN_DECAY_PER_S, _MIN_DECAY_NEPERS = 0.05, 0.25  # a decay under 2 dB over the recording is not significant
_MAX_HUM_NEPERS = 0.7  # what decays by more over the recording is no hum


def fit_modes(samples: np.ndarray, sample_rate_hz: int, max_modes: int = 64, before: np.ndarray | None = None) -> Modes:
    """Estimate the ``max_modes`` most audible modes of one hit, sorted by frequency.

    ``samples`` [N] mono, sample 0 = onset; ``before`` is the recording before the onset, where there is some.
    Candidates come from subband ESPRIT (Roy and Kailath 1989). They are selected by signal-to-noise ratio, strong ones
    first, since weaker ones are found in the remainder, and refined jointly over the whole signal: frequencies and
    decays by Gauss-Newton, amplitudes and phases by least squares. A tone that does not decay
    and is faint, or was there before the onset, is dropped as hum. Noise, silence and constants give few or no modes.
    """
    x = np.asarray(samples, dtype=np.float64)
    level = float(np.abs(x).max()) if x.size else 0.0
    if x.size < 64 or level < 1e-9 or max_modes <= 0 or not np.isfinite(level):
        return Modes()
    x = x[: choose_length(x.size)]
    x = (x - x.mean() if x.size > sample_rate_hz // 20 else x) / level
    poles, remainder = np.zeros((0, 2)), x
    whole = transform_padded(x)
    for layers, searched, rounds in ((FINE, None, _ROUNDS), (WIDE, None, _ROUNDS), (FINE, whole, _LAST_ROUNDS)):
        spectrum = whole if remainder is x else transform_padded(remainder)
        candidates = find_poles(spectrum, x.size, sample_rate_hz, layers, searched)
        poles, remainder = _add_modes(x, sample_rate_hz, poles, candidates, remainder, 2 * max_modes, rounds)
    poles = _most_audible(*_drop_weak(x, sample_rate_hz, poles), max_modes)[0]
    refined, found, remainder = refine_jointly(x, sample_rate_hz, poles)
    poles, amplitudes = restore_ringing_peaks(x, sample_rate_hz, refined, found)
    if poles is not refined:
        poles, amplitudes = _most_audible(poles, amplitudes, max_modes)
        remainder = x - synthesize_poles(poles, amplitudes, x.size, sample_rate_hz)
    signal_before = np.zeros(0) if before is None else np.asarray(before, dtype=np.float64) / level
    duration_s = x.size / sample_rate_hz
    decay_std = np.zeros(len(poles))
    slow = poles[:, 1] * duration_s < _MAX_HUM_NEPERS  # the accuracy of other decays does not matter
    snr = weigh_poles(remainder, sample_rate_hz, poles[slow], np.abs(amplitudes[slow]))[1]
    decay_std[slow] = _DECAY_STD / np.sqrt(np.maximum(snr, 1.0)) / duration_s
    hum = _find_hum(poles, amplitudes, decay_std, duration_s, signal_before, sample_rate_hz)
    kept = ~hum & (poles[:, 0] > LOWEST_HZ)
    poles[:, 1] = np.maximum(poles[:, 1], np.clip(2.0 * decay_std, _MIN_DECAY_PER_S, _MIN_DECAY_NEPERS / duration_s))
    return _to_modes(poles[kept], amplitudes[kept] * level)


def drop_echoes(hit: np.ndarray, modes: Modes, room: np.ndarray, sample_rate_hz: int) -> Modes:
    """Drop modes that are reverberation of stronger ones, and fit the others again.

    ``room`` [K] is the room's decay per second at each mode, NaN without a room. A room's response to a mode is noise
    around its frequency that decays at least as fast as the room, which the estimator fits by poles: those close to a
    mode 6 dB stronger with such a decay are dropped.
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
    poles, amplitudes, _ = refine_jointly(x, sample_rate_hz, poles[~echo])
    poles, amplitudes = restore_ringing_peaks(x, sample_rate_hz, poles, amplitudes)
    return _to_modes(poles, amplitudes * level)


def restore_clipped(hit: np.ndarray, clipped: np.ndarray, sample_rate_hz: int, max_modes: int = 64) -> np.ndarray:
    """Replace the clipped samples (a mask, [N]) of a hit [N] by a modal extrapolation, at least as loud.

    Poles are estimated after the last clipped sample, then in the restored hit; amplitudes are fitted to the samples
    that are not clipped.
    """
    last = int(np.flatnonzero(clipped)[-1]) + 1
    if hit.size - last < 0.05 * sample_rate_hz:
        return hit
    level = float(np.abs(hit).max())
    span = np.arange(min(hit.size, 2 * last))
    valid = span[~clipped[span]]
    restored, late = hit, hit[last:]
    for _ in range(_RESTORATIONS):
        modes = fit_modes(late, sample_rate_hz, max_modes)
        if not len(modes):
            break
        s = exponents(np.stack([modes.frequency_hz, modes.decay_per_s], axis=1), sample_rate_hz)
        wave = np.exp(np.outer(span, s))
        columns = np.concatenate([wave.real, -wave.imag], axis=1)
        matrix = columns[valid]
        normal = matrix.T @ matrix
        amplitudes = np.linalg.solve(normal + 1e-6 * np.diag(np.diag(normal)), matrix.T @ hit[valid])
        sign = np.sign(hit[span])
        magnitude = np.clip(sign * (columns @ amplitudes), np.abs(hit[span]), _MAX_RESTORED_GAIN * level)
        restored = hit.copy()
        restored[span] = np.where(clipped[span], sign * magnitude, hit[span])
        late = restored
    return restored


def _add_modes(
    x: np.ndarray, rate: int, poles: np.ndarray, candidates: np.ndarray, remainder: np.ndarray, most: int, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add candidates of sufficient SNR in the remainder to the modes: poles and new remainder.

    Each round adds only candidates without a stronger one at the same peak, since next to a strong mode everything
    exceeds the noise until that mode is subtracted.
    """
    duration_s = x.size / rate
    energy, snr = weigh_poles(remainder, rate, candidates, np.full(len(candidates), np.nan))
    alike = coherence(candidates, candidates, duration_s) > _SAME_PEAK
    for _ in range(rounds):
        if not len(candidates) or len(poles) >= most:
            break
        eligible = (snr > _ENTER_SNR) & ~(coherence(candidates, poles, duration_s) > _SAME_POLE).any(axis=1)
        covered = alike & eligible & (energy[None, :] > energy[:, None])
        first = eligible & ~covered.any(axis=1)
        if not first.any():
            break
        poles = np.concatenate([poles, candidates[first]])
        candidates, alike = candidates[~first], alike[~first][:, ~first]
        poles, amplitudes, share, remainder = _fit_distinct(x, rate, poles)
        level = np.concatenate([np.abs(amplitudes) * np.sqrt(share), np.full(len(candidates), np.nan)])
        energy, snr = weigh_poles(remainder, rate, np.concatenate([poles, candidates]), level)
        stays, energy, snr = snr[: len(poles)] > _STAY_SNR, energy[len(poles) :], snr[len(poles) :]
        if not stays.all():
            poles = poles[stays]
            remainder = x - synthesize_poles(poles, solve_amplitudes(x, rate, poles), x.size, rate)
    return poles, remainder


def _fit_distinct(x: np.ndarray, rate: int, poles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Refine poles by one step and drop dependent ones: poles, amplitudes, own shares, remainder."""
    if len(poles) <= _MAX_REFINED:  # a step costs the cube of their number; many are thinned first
        poles, amplitudes, remainder = refine_jointly(x, rate, poles, 1)
    else:
        amplitudes = solve_amplitudes(x, rate, poles)
        remainder = x - synthesize_poles(poles, amplitudes, x.size, rate)
    kept, share = keep_distinct(poles, amplitudes, rate, x.size)
    if len(kept) < len(poles):
        poles = poles[kept]
        amplitudes = solve_amplitudes(x, rate, poles)
        remainder = x - synthesize_poles(poles, amplitudes, x.size, rate)
    return poles, amplitudes, share, remainder


def _drop_weak(x: np.ndarray, rate: int, poles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poles of sufficient final SNR, and their amplitudes; the worst three quarters of the others go, repeatedly."""
    while True:
        poles, amplitudes, share, remainder = _fit_distinct(x, rate, poles)
        crowded = _find_crowded(poles, amplitudes)
        if crowded.any():
            poles = poles[~crowded]
            continue
        snr = weigh_poles(remainder, rate, poles, np.abs(amplitudes) * np.sqrt(share))[1]
        snr /= np.maximum(1.0, overlap(poles)) ** 1.5 * np.maximum(1.0, poles[:, 1] / _FAST_PER_S) ** _FAST_POWER
        weak = np.flatnonzero(snr < _FINAL_SNR)
        if not weak.size:
            return poles, amplitudes
        worst = weak[np.argsort(snr[weak])][: -(-3 * weak.size // 4)]
        poles = np.delete(poles, worst, axis=0)


def _find_crowded(poles: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Mask of fast poles that overlap with a stronger fast one, [K]: a burst of noise is fitted by several of them.

    Once they are dropped, a single mode takes their energy; in a burst it stays in the remainder and lowers the SNR of
    the others.
    """
    fast, level = poles[:, 1] > _FAST_PER_S, np.abs(amplitudes)
    apart_hz = np.abs(poles[:, None, 0] - poles[None, :, 0])
    reach_hz = _CROWDED_WIDTHS * (poles[:, None, 1] + poles[None, :, 1]) / (2.0 * np.pi)
    stronger = fast[None, :] & (level[None, :] > level[:, None])
    result: np.ndarray = fast & (stronger & (apart_hz < reach_hz)).any(axis=1)
    return result


def _find_hum(
    poles: np.ndarray, amplitudes: np.ndarray, decay_std: np.ndarray, duration_s: float, before: np.ndarray, rate: int
) -> np.ndarray:
    """Mask of modes that are background hum: no significant decay, and as loud before the onset.

    ``decay_std`` is the standard deviation of each decay. Without a recording before the onset, faint tones count as
    present before.
    """
    level = np.abs(amplitudes)
    was_before = level < 0.25 * level.max(initial=0.0)
    if before.size > _MIN_BEFORE_S * rate:
        window = np.hanning(before.size)
        oscillators = np.exp(-2j * np.pi * np.outer(poles[:, 0], np.arange(before.size) / rate))
        was_before = np.abs(oscillators @ (before * window)) * 2.0 / window.sum() > 0.7 * level
    hum = (poles[:, 1] * duration_s < np.minimum(_MAX_HUM_NEPERS, 0.1 + 2.0 * decay_std * duration_s)) & was_before
    near = np.abs(poles[:, 0, None] - poles[None, :, 0]) < _SHADOW / duration_s
    side_band = (near & hum & (level[:, None] < 0.1 * level)).any(axis=1)  # side bands of fluctuating hum
    result: np.ndarray = hum | side_band
    return result


def _most_audible(poles: np.ndarray, amplitudes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.sort(np.argsort(-_audibility(poles, amplitudes))[:count])
    return poles[order], amplitudes[order]


def _audibility(poles: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Energy in the first 0.3 s, weighted by the amplitude response of A-weighting (half its decibels)."""
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
