"""Estimate the residual of a recorded hit: multi-exponential decays of band noise beneath its modes."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.core.dsp import erb_edges
from engine.core.units import db_to_power
from engine.physics.analysis.band_decays import fit_decays
from engine.physics.analysis.noise_components import name_components
from engine.physics.model import Modes, Residual
from engine.physics.noise import band_shares, nonzero_band_shares
from engine.physics.synthesis import synthesize_modes

BANDS = 48
_SLOWEST_PER_S = 1.5
_ENVELOPE_RATE_HZ = 4000.0
_STRETCH = 4  # frames
_CLEAR_AFTER_S = 0.3  # a level that holds for so long is background
_LEAST_BEFORE_S, _BEFORE_RATIO = 0.03, 1.6  # 2 dB over what was there before


def fit_residual(
    samples: np.ndarray, modes: Modes, sample_rate_hz: int, bands: int = BANDS, before: np.ndarray | None = None
) -> Residual:
    """Estimate the band noise that is left of a hit once its modes are taken away.

    ``samples`` [N] mono, sample 0 = onset; ``before``, where known, is the sound that led to it. Each band's power over
    time is fitted by a sum of up to three decays and a steady background; the background is the recording's and is left
    out; the decays are told apart by ``name_components``.
    """
    x = np.asarray(samples, dtype=np.float64)
    edges = erb_edges(20.0, sample_rate_hz / 2.0, bands)
    if not x.size or not np.isfinite(x).all():
        return Residual()
    rest = x - synthesize_modes([modes], x.size, sample_rate_hz)[0].numpy().astype(np.float64)
    # where a mode starts more abruptly than the sound did, the rest is louder than the recording: that is no noise
    frames = _frame_powers(x, sample_rate_hz, edges)
    frames_s, level, weight = _frame_powers(rest, sample_rate_hz, edges) if len(modes) else frames
    level = np.minimum(level, frames[1])
    most = _most_background(level, weight, x.size / sample_rate_hz)
    if before is not None and before.size > _LEAST_BEFORE_S * sample_rate_hz:
        most = np.minimum(_quietest(level, weight), _BEFORE_RATIO * _band_powers(before, sample_rate_hz, edges))
    slowest_per_s = max(_SLOWEST_PER_S, sample_rate_hz / x.size)
    power, decay = fit_decays(frames_s, level, weight, most, slowest_per_s)
    return name_components(edges, power, decay)


def _frame_powers(x: np.ndarray, rate: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean square of every band in frames that lengthen with time: edges in s [B, T + 1], levels, degrees of freedom.

    Frames beyond the end have no degrees of freedom. What a filter smeared to before the onset belongs to the first
    frame. Bands are seen as envelopes at as low a rate as will do.
    """
    size = fast_fourier.next_fast_len(x.size + rate // 10, real=True)
    spectrum = fast_fourier.rfft(x, size)
    rows = []
    shares = nonzero_band_shares(tuple(edges.tolist()), rate / size, spectrum.size)
    for band in range(len(edges) - 1):
        low, share = shares[band]
        narrow = fast_fourier.next_fast_len(max(share.size, round(_ENVELOPE_RATE_HZ * size / rate)))
        wave = fast_fourier.ifft(spectrum[low : low + share.size] * np.sqrt(share), narrow)
        energy = np.concatenate([[0.0], np.cumsum(wave.real**2 + wave.imag**2)]) * 2.0 * (narrow / size) ** 2
        width_hz = edges[band + 1] - edges[band]
        frames_s = _frame_edges(x.size / rate, max(0.004, 0.5 / width_hz))
        steps = np.round(frames_s * rate * narrow / size).astype(int)
        total = np.diff(energy[steps])
        total[0] += energy[-1] - energy[(steps[-1] + narrow) // 2]
        rows.append((frames_s, total / np.maximum(np.diff(steps), 1), np.maximum(1.0, width_hz * np.diff(frames_s))))
    most = max(len(level) for _, level, _ in rows)
    frames = np.stack([np.append(f, f[-1] + 1.0 + np.arange(most + 1 - len(f))) for f, _, _ in rows])
    level = np.stack([np.append(v, np.ones(most - len(v))) for _, v, _ in rows])
    weight = np.stack([np.append(w, np.zeros(most - len(w))) for _, _, w in rows])
    return frames, level, weight


def _frame_edges(duration_s: float, first_s: float) -> np.ndarray:
    edges = [0.0]
    while edges[-1] < duration_s:
        edges.append(edges[-1] + min(max(first_s, 0.12 * edges[-1]), 0.1))
    if len(edges) > 2:
        edges.pop()
    return np.minimum(edges, duration_s)


def _quietest(level: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The least level of each band over any stretch of ``_STRETCH`` frames, [B]."""
    counts = weight > 0.0
    reach = min(_STRETCH, int(counts.sum(axis=1).min()))
    energy = np.lib.stride_tricks.sliding_window_view(level * weight, reach, axis=1).sum(axis=2)
    trust = np.lib.stride_tricks.sliding_window_view(weight, reach, axis=1).sum(axis=2)
    whole = np.lib.stride_tricks.sliding_window_view(counts, reach, axis=1).all(axis=2)
    result: np.ndarray = np.where(whole, energy / np.maximum(trust, 1e-9), np.inf).min(axis=1)
    return result


def _most_background(level: np.ndarray, weight: np.ndarray, duration_s: float) -> np.ndarray:
    """How loud a steady background of each band can be, [B], where nothing is known from before the onset.

    No louder than its quietest stretch; and in a short recording what is steady may as well be the sound itself.
    """
    loudest = level.max(axis=1, where=weight > 0.0, initial=0.0)
    doubt_db = 20.0 * max(0.0, 1.0 - duration_s / _CLEAR_AFTER_S)
    return np.minimum(_quietest(level, weight), loudest * db_to_power(-doubt_db))


def _band_powers(x: np.ndarray, rate: int, edges: np.ndarray) -> np.ndarray:
    """Mean square of every band over a stretch of sound, [B]."""
    window = np.hanning(x.size)
    power = np.abs(fast_fourier.rfft(x * window)) ** 2 / (0.5 * x.size * np.square(window).sum())
    shares = band_shares(edges, np.arange(power.size) * rate / x.size)
    result: np.ndarray = shares @ power
    return result
