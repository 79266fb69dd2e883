"""The residual: fit, expected power and synthesis of decaying band noise (attack, strike, tail, room)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import fft as fast_fourier

from engine.core.dsp import erb_edges
from engine.core.units import SILENCE_DB, db_to_gain, db_to_power
from engine.physics.analysis.band_decays import fit_decays
from engine.physics.analysis.noise_components import name_stages
from engine.physics.model import ENVELOPE_STEP_S, Modes, Residual
from engine.physics.synthesis import synthesize_modes

BANDS = 48
_NOISE_OF = ("strike", "room", "attack", "tail")
_FINE = 256
_CROSSFADE = 0.25  # of the narrower neighbour, on either side of an inner edge
_SLOWEST_PER_S = 1.5
_ENVELOPE_RATE_HZ = 4000.0
_STRETCH = 4  # frames
_CLEAR_AFTER_S = 0.3  # a level that holds for so long is background
_LEAST_BEFORE_S, _BEFORE_RATIO = 0.03, 1.6  # 2 dB over what was there before


def expected_power(residual: Residual, frequency_hz: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Power spectral density one expects of the residual, all components, per Hz of one-sided frequency.

    ``frequency_hz`` [F], ``time_s`` [T] (0 = onset; 0 before it) -> float64 [F, T]. The sum over the Hz of a band is
    the band's mean square at that time; rise and fine envelope are not in it.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    time = np.asarray(time_s, dtype=np.float64)
    density = np.zeros((frequency.size, time.size))
    if len(residual.edges_hz) < 2:
        return density
    edges = np.asarray(residual.edges_hz)
    share = band_shares(edges, frequency) / np.diff(edges)[:, None]
    for _, power_db, decay in _components(residual):
        mean_square = db_to_power(power_db)[:, None] * np.exp(-2.0 * np.outer(decay, np.maximum(time, 0.0)))
        density += share.T @ mean_square
    density[:, time < 0.0] = 0.0
    return density


def expected_level(residual: Residual, time_s: np.ndarray) -> np.ndarray:
    """Mean square expected of the residual at each time since the onset, [T]; rise and fine envelope are not in it."""
    total = np.zeros(len(time_s))
    for _, power_db, decay in _components(residual):
        total += db_to_power(power_db) @ np.exp(-2.0 * np.outer(decay, time_s))
    return total


def synthesize_residual(residual: Residual, length_samples: int, sample_rate_hz: int, seed: int) -> np.ndarray:
    """One draw of the residual's noise, sample 0 = onset: float32 [length_samples], level true in expectation.

    The seed fixes the noise; nothing sounds above the last edge or half the sample rate.
    """
    if len(residual.edges_hz) < 2 or length_samples <= 0:
        return np.zeros(max(0, length_samples), dtype=np.float32)
    edges = np.asarray(residual.edges_hz)
    size = fast_fourier.next_fast_len(length_samples + 1024, real=True)
    bins = size // 2 + 1
    shares = _list_shares(residual.edges_hz, sample_rate_hz / size, bins)
    gains = [np.sqrt(s / w * (sample_rate_hz / 2.0)) for (_, s), w in zip(shares, np.diff(edges), strict=True)]

    fine = envelope_gain(np.arange(length_samples) / sample_rate_hz, residual.envelope_db)

    def make(component: int, power_db: np.ndarray, decay: np.ndarray, parity: int) -> np.ndarray:
        out = np.zeros(length_samples)
        noise = np.random.default_rng([seed, component, parity]).standard_normal(size, dtype=np.float32)
        spectrum = fast_fourier.rfft(noise)
        spectrum[-1:] = 0.0  # nothing at Nyquist itself
        for band in range(parity, len(power_db), 2):
            if power_db[band] <= SILENCE_DB:
                continue
            part = slice(shares[band][0], shares[band][0] + gains[band].size)
            shaped = np.zeros_like(spectrum)
            shaped[part] = spectrum[part] * gains[band]
            wave = fast_fourier.irfft(shaped, size)[:length_samples]
            wave *= _fall(db_to_gain(power_db[band]), decay[band] / sample_rate_hz, length_samples)
            out += wave
        return out if _NOISE_OF[component] == "room" else out * fine

    # neighbours overlap, so even and odd bands need noise of their own for their powers to add
    parts = [(*component, parity) for component in _components(residual) for parity in (0, 1)]
    with ThreadPoolExecutor(2) as pool:  # transforms of this size leave the interpreter free
        return np.sum(list(pool.map(lambda part: make(*part), parts)), axis=0).astype(np.float32)


def _fall(level: float, decay_per_sample: float, length: int) -> np.ndarray:
    """level e^(-decay n), float32 [length]: products of coarse and fine steps, since exponentials are slow."""
    far = level * np.exp(-decay_per_sample * _FINE * np.arange(-(-length // _FINE)))
    near = np.exp(-decay_per_sample * np.arange(_FINE))
    return np.outer(far.astype(np.float32), near.astype(np.float32)).ravel()[:length]


def band_shares(edges_hz: np.ndarray, frequency_hz: np.ndarray) -> np.ndarray:
    """Share of each band at each frequency, [B, F]: cross-faded over inner edges, summing to 1 between the ends.

    The integral of a band's share over frequency is its width, so levels stay true.
    """
    width = np.diff(edges_hz)
    rise = np.zeros((len(edges_hz), len(frequency_hz)))
    for i, edge in enumerate(edges_hz):
        inner = 0 < i < len(edges_hz) - 1
        reach = _CROSSFADE * min(width[i - 1], width[i]) if inner else 0.0
        if reach > 0.0:
            rise[i] = 0.5 + 0.5 * np.sin(0.5 * np.pi * np.clip((frequency_hz - edge) / reach, -1.0, 1.0))
        else:
            rise[i] = frequency_hz >= edge
    shares: np.ndarray = rise[:-1] - rise[1:]
    return shares


@functools.lru_cache(maxsize=8)
def _list_shares(edges_hz: tuple[float, ...], bin_hz: float, bins: int) -> list[tuple[int, np.ndarray]]:
    """Each band's row of ``band_shares`` where it is not 0: the first bin of a spectrum, and the shares."""
    rows = []
    for band in range(len(edges_hz) - 1):
        near = np.asarray(edges_hz[max(0, band - 1) : band + 3])
        low = min(bins - 1, math.floor(near[0] / bin_hz))
        high = min(bins, math.ceil(near[-1] / bin_hz) + 1)
        rows.append((low, band_shares(near, np.arange(low, high) * bin_hz)[min(band, 1)]))
    return rows


def _components(residual: Residual) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Number (of its noise), levels and decays of every component."""
    return [
        (_NOISE_OF.index(name), np.asarray(component.power_db), np.asarray(component.decay_per_s))
        for name, component in residual.components
    ]


def rise_gain(time_s: np.ndarray, rise_s: float) -> np.ndarray:
    """Gain with which a sound comes in, by time since the onset: a raised cosine from 0 to 1 over ``rise_s``.

    While striker and object touch they push each other; a force that lasts longer comes on more slowly.
    """
    if rise_s <= 0.0:
        return np.ones_like(time_s)
    result: np.ndarray = 0.5 - 0.5 * np.cos(np.pi * np.clip(time_s / rise_s, 0.0, 1.0))
    return result


def envelope_gain(time_s: np.ndarray, envelope_db: Sequence[float]) -> np.ndarray:
    """Gain of the fine envelope by time since the onset: straight lines between its steps, 1 beyond its end."""
    if not envelope_db:
        return np.ones_like(time_s)
    steps = db_to_gain(np.array([*envelope_db, 0.0]))
    result: np.ndarray = np.interp(time_s, np.arange(len(steps)) * ENVELOPE_STEP_S, steps)
    return result


def fit_residual(
    samples: np.ndarray, modes: Modes, sample_rate_hz: int, bands: int = BANDS, before: np.ndarray | None = None
) -> Residual:
    """Estimate the band noise that is left of a hit once its modes are taken away.

    ``samples`` [N] mono, sample 0 = onset; ``before``, where known, is the sound that led to it. Each band's power over
    time is fitted by a sum of up to three decays and a steady background; the background is the recording's and is left
    out; the decays are told apart by ``name_stages``.
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
    return name_stages(edges, power, decay)


def _frame_powers(x: np.ndarray, rate: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean square of every band in frames that lengthen with time: edges in s [B, T + 1], levels, degrees of freedom.

    Frames beyond the end have no degrees of freedom. What a filter smeared to before the onset belongs to the first
    frame. Bands are seen as envelopes at as low a rate as will do.
    """
    size = fast_fourier.next_fast_len(x.size + rate // 10, real=True)
    spectrum = fast_fourier.rfft(x, size)
    rows = []
    shares = _list_shares(tuple(edges.tolist()), rate / size, spectrum.size)
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


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
