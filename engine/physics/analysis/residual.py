"""Estimate the residual of a recorded hit: multi-exponential decays of band noise beneath its modes."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from scipy import fft as fast_fourier

from engine.core.dsp import erb_edges
from engine.core.units import db_to_power
from engine.physics.analysis.band_decays import fit_decays
from engine.physics.analysis.damped_sinusoids import synthesize_found
from engine.physics.analysis.noise_components import name_components
from engine.physics.model import Modes, Residual
from engine.physics.noise import nonzero_band_shares

BANDS = 48
_MIN_DECAY_PER_S = 1.5
_ENVELOPE_RATE_HZ = 2000.0
_QUIET_FRAMES = 4
_STEADY_S = 0.3  # a level constant for this long is background
_MIN_BEFORE_S, _MAX_OVER_BEFORE = 0.03, 1.6  # background at most 2 dB over the level before the onset
_LEAST_OF_QUIET, _MOST_OF_QUIET = 0.8, 4.0  # background within -1 and 6 dB of quiet stretches: low noise fluctuates
_END_SHARE = 0.3


def fit_residual(
    samples: np.ndarray,
    modes: Modes,
    sample_rate_hz: int,
    bands: int = BANDS,
    before: np.ndarray | None = None,
    quiet: np.ndarray | None = None,
) -> Residual:
    """Fit decaying band noise to a hit minus its modes.

    ``samples`` [N] mono, sample 0 = onset; ``before`` is the recording before the onset, where there is some, and
    ``quiet`` [K, M] are stretches of it in which nothing sounds but its background. Each band's power over time is
    fitted by up to three exponentials plus a constant; the constant is the background and is discarded;
    ``name_components`` makes components of the exponentials.
    """
    x = np.asarray(samples, dtype=np.float64)
    edges = erb_edges(20.0, sample_rate_hz / 2.0, bands)
    if not x.size or not np.isfinite(x).all():
        return Residual()
    remainder = x - synthesize_found(modes, x.size, sample_rate_hz)
    # a mode that starts more abruptly than the recording leaves a remainder louder than it, which is not noise
    frames = _frame_powers(x, sample_rate_hz, edges)
    frames_s, level, weight = _frame_powers(remainder, sample_rate_hz, edges) if len(modes) else frames
    level = np.minimum(level, frames[1])
    max_background = _max_background(level, weight, x.size / sample_rate_hz)
    if before is not None and before.size > _MIN_BEFORE_S * sample_rate_hz:
        level_before = _band_powers(before, sample_rate_hz, edges)
        max_background = np.minimum(_min_level(level, weight), _MAX_OVER_BEFORE * level_before)
    min_decay_per_s = max(_MIN_DECAY_PER_S, sample_rate_hz / x.size)
    min_background = np.zeros(len(level))
    if quiet is not None and len(quiet):
        known = np.median([_band_powers(stretch, sample_rate_hz, edges) for stretch in quiet], axis=0)
        end = _end_level(level, weight)
        min_background = _LEAST_OF_QUIET * np.minimum(known, end)
        max_background = np.maximum(max_background, np.minimum(_MOST_OF_QUIET * known, end))
    power, decay = fit_decays(frames_s, level, weight, max_background, min_decay_per_s, min_background)
    return name_components(edges, power, decay)


@dataclass(frozen=True)
class _FramePlan:
    """What ``_frame_powers`` needs beside the signal, for groups of bands whose envelopes have the same length.

    Each group holds that length and, of each of its bands, the band's number, its first bin, its bins' weights and the
    envelope's samples at which its sums begin. ``frames_s`` are the frames' edges in s [B, T + 1], ``weight`` their
    degrees of freedom [B, T], 0 past the end.
    """

    size: int
    groups: tuple[tuple[int, tuple[tuple[int, int, np.ndarray, np.ndarray], ...]], ...]
    frames_s: np.ndarray
    weight: np.ndarray


@functools.lru_cache(maxsize=4)
def _plan_frames(length: int, rate: int, edges: tuple[float, ...]) -> _FramePlan:
    size = fast_fourier.next_fast_len(length + rate // 10, real=True)
    least = fast_fourier.next_fast_len(round(_ENVELOPE_RATE_HZ * size / rate))
    groups: dict[int, list[tuple[int, int, np.ndarray, np.ndarray]]] = {}
    rows = []
    shares = nonzero_band_shares(edges, rate / size, size // 2 + 1)
    for band, ((low, share), width_hz) in enumerate(zip(shares, np.diff(edges), strict=True)):
        narrow = least * 2 ** max(0, math.ceil(math.log2(share.size / least)))  # few lengths, for few transforms
        wanted_s = _frame_edges(length / rate, max(0.004, 0.5 / width_hz))
        steps = np.round(wanted_s * rate * narrow / size).astype(int)
        starts = np.append(steps, (steps[-1] + narrow) // 2)  # the second half of what is past the end lies before 0
        groups.setdefault(narrow, []).append((band, low, np.sqrt(share).astype(np.float32), starts))
        frames_s = steps * (size / rate / narrow)
        rows.append((frames_s, np.maximum(1.0, width_hz * np.diff(frames_s))))
    count = max(len(weight) for _, weight in rows)
    frames = np.stack([np.append(f, f[-1] + 1.0 + np.arange(count + 1 - len(f))) for f, _ in rows])
    weight = np.stack([np.append(w, np.zeros(count - len(w))) for _, w in rows])
    return _FramePlan(size, tuple((narrow, tuple(bands)) for narrow, bands in groups.items()), frames, weight)


def _frame_powers(x: np.ndarray, rate: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean square of every band in frames that lengthen with time.

    Returns frame edges in s [B, T + 1], mean squares [B, T] and degrees of freedom [B, T], 0 for frames past the end.
    Each band is demodulated to a complex envelope at a low rate, in single precision, whose error is relative to the
    band's own peak. Energy that its filter spreads to before the onset is added to the first frame.
    """
    plan = _plan_frames(x.size, rate, tuple(edges.tolist()))
    spectrum = fast_fourier.rfft(x, plan.size).astype(np.complex64)
    level = np.ones(plan.weight.shape)
    for narrow, bands in plan.groups:
        padded = np.zeros((len(bands), narrow), dtype=np.complex64)
        for row, (_, low, gain, _) in zip(padded, bands, strict=True):
            np.multiply(spectrum[low : low + gain.size], gain, out=row[: gain.size])
        envelope = fast_fourier.ifft(padded, axis=1, overwrite_x=True)
        power = envelope.real**2 + envelope.imag**2
        for row, (band, _, _, starts) in zip(power, bands, strict=True):
            energy = np.add.reduceat(row, starts)
            energy[0] += energy[-1]
            level[band, : starts.size - 2] = energy[:-2] * (2.0 * (narrow / plan.size) ** 2) / np.diff(starts[:-1])
    return plan.frames_s, level, plan.weight


@functools.lru_cache(maxsize=128)
def _frame_edges(duration_s: float, first_s: float) -> np.ndarray:
    edges = [0.0]
    while edges[-1] < duration_s:
        edges.append(edges[-1] + min(max(first_s, 0.12 * edges[-1]), 0.1))
    if len(edges) > 2:
        edges.pop()
    return np.minimum(edges, duration_s)


def _min_level(level: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Minimum over time of each band's level averaged over ``_QUIET_FRAMES`` frames, [B]."""
    valid = weight > 0.0
    span = min(_QUIET_FRAMES, int(valid.sum(axis=1).min()))
    energy = np.lib.stride_tricks.sliding_window_view(level * weight, span, axis=1).sum(axis=2)
    total = np.lib.stride_tricks.sliding_window_view(weight, span, axis=1).sum(axis=2)
    all_valid = np.lib.stride_tricks.sliding_window_view(valid, span, axis=1).all(axis=2)
    result: np.ndarray = np.where(all_valid, energy / np.maximum(total, 1e-9), np.inf).min(axis=1)
    return result


def _end_level(level: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean level of each band in the last third of its frames, [B]."""
    valid = weight > 0.0
    late = valid & (valid.cumsum(axis=1) > (1.0 - _END_SHARE) * valid.sum(axis=1, keepdims=True))
    result: np.ndarray = (level * weight * late).sum(axis=1) / np.maximum((weight * late).sum(axis=1), 1e-9)
    return result


def _max_background(level: np.ndarray, weight: np.ndarray, duration_s: float) -> np.ndarray:
    """Upper bound of each band's background, [B], for a recording without sound before the onset.

    It is the minimum level, and in a recording shorter than ``_STEADY_S`` up to 20 dB under the peak, since there a
    constant level may be the sound itself.
    """
    peak = level.max(axis=1, where=weight > 0.0, initial=0.0)
    margin_db = 20.0 * max(0.0, 1.0 - duration_s / _STEADY_S)
    return np.minimum(_min_level(level, weight), peak * db_to_power(-margin_db))


def _band_powers(x: np.ndarray, rate: int, edges: np.ndarray) -> np.ndarray:
    """Mean square of every band over a whole signal, [B]."""
    window = np.hanning(x.size)
    power = np.abs(fast_fourier.rfft(x * window)) ** 2 / (0.5 * x.size * np.square(window).sum())
    rows = nonzero_band_shares(tuple(edges.tolist()), rate / x.size, power.size)
    return np.array([share @ power[low : low + share.size] for low, share in rows])
