"""Decaying band noise of a residual: expected power, synthesis, onset rise and fine envelope."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
from scipy import fft as fast_fourier
from scipy import linalg

from engine.core.units import SAMPLE_RATE_HZ, SILENCE_DB, db_to_gain, db_to_power
from engine.physics.model import ENVELOPE_STEP_S, Residual

_NOISE_ORDER = ("strike", "room", "attack", "tail")  # part of the seed of each component's noise
_BLOCK = 256
_CURVE_POINTS, _NEGLIGIBLE, _INAUDIBLE = 64, 3e-5, 1e-7
_BEFORE_S = 0.085  # of noise before the onset: longer than the lowest bands' filters
_LONG_S = 0.7  # from which two threads are faster than one
_HALF_SAMPLE_S = 0.5 / SAMPLE_RATE_HZ
_CROSSFADE = 0.25  # of the narrower neighbour, on either side of an inner edge


def expected_power(residual: Residual, frequency_hz: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Expected one-sided power spectral density of the residual, summed over its components, per Hz.

    ``frequency_hz`` [F] and ``time_s`` [T] from the onset (0 before it) to float64 [F, T]. The integral over a band is
    its mean square at that time; rise and fine envelope are not included.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    time = np.asarray(time_s, dtype=np.float64)
    density = np.zeros((frequency.size, time.size))
    if len(residual.edges_hz) < 2:
        return density
    edges = np.asarray(residual.edges_hz)
    share = band_shares(edges, frequency) / np.diff(edges)[:, None]
    there = np.flatnonzero(share.any(axis=1))  # one or two bands, for a single frequency
    for _, power_db, decay in _components(residual):
        fall = np.exp(-2.0 * np.outer(decay[there], np.maximum(time, 0.0)))
        density += share[there].T @ (db_to_power(power_db[there])[:, None] * fall)
    density[:, time < 0.0] = 0.0
    return density


def expected_level(residual: Residual, time_s: np.ndarray) -> np.ndarray:
    """Expected mean square of the residual by time from the onset, [T], without rise and fine envelope."""
    total = np.zeros(len(time_s))
    for _, power_db, decay in _components(residual):
        total += db_to_power(power_db) @ np.exp(-2.0 * np.outer(decay, time_s))
    return total


def synthesize_residual(residual: Residual, length_samples: int, sample_rate_hz: int, seed: int) -> np.ndarray:
    """One realisation of the residual's noise from the onset on, float32 [length_samples].

    White noise from ``seed`` is filtered into bands and multiplied by each band's decay; band powers are exact in
    expectation. Zero above the last edge and at and above half the sample rate.
    """
    if len(residual.edges_hz) < 2 or length_samples <= 0:
        return np.zeros(max(0, length_samples), dtype=np.float32)
    enveloped = min(length_samples, math.ceil(len(residual.envelope_db) * ENVELOPE_STEP_S * sample_rate_hz))
    before = math.ceil(_BEFORE_S * sample_rate_hz)
    fine = envelope_gain(np.arange(enveloped) / sample_rate_hz, residual.envelope_db).astype(np.float32)

    def synthesize_component(component: int, power_db: np.ndarray, decay: np.ndarray, parity: int) -> np.ndarray:
        bands = [band for band in range(parity, len(power_db), 2) if power_db[band] > SILENCE_DB]
        if not bands:
            return np.zeros(0, dtype=np.float32)
        level, fall = db_to_gain(power_db[bands]), decay[bands] / sample_rate_hz
        sounding = [_count_sounding(*band, length_samples) for band in zip(level / level.max(), fall, strict=True)]
        size = int(fast_fourier.next_fast_len(-(-max(sounding) // before) * before + before, real=True))
        spectrum = fast_fourier.rfft(_draw_white([seed, component, parity], size, before))
        spectrum[-1:] = 0.0  # nothing at Nyquist itself
        filters = _band_filters(residual.edges_hz, sample_rate_hz, size)
        basis, weight = _choose_basis(level, fall, length_samples)
        shaped = np.zeros((len(basis), 2 * spectrum.size), dtype=np.float32)  # real and imaginary parts in turn
        for band, weights in zip(bands, weight.astype(np.float32), strict=True):  # every other band: none overlap
            low, gain = filters[band]
            own = (spectrum[low : low + gain.size] * gain).view(np.float32)
            np.multiply(weights[:, None], own, out=shaped[:, 2 * low : 2 * low + own.size])
        out = np.zeros(max(sounding), dtype=np.float32)
        waves = fast_fourier.irfft(shaped.view(np.complex64), size, axis=1)  # at once: several rows in one vector
        for chosen, wave in zip(basis, waves, strict=True):
            sounds = sounding[chosen]
            out[:sounds] += wave[:sounds] * _decay_curve(level[chosen], fall[chosen], sounds)
        if _NOISE_ORDER[component] != "room":
            out[:enveloped] *= fine[: out.size]
        return out

    # adjacent bands overlap: even and odd ones use independent noise, so that their powers add
    parts = [(*component, parity) for component in _components(residual) for parity in (0, 1)]
    total = np.zeros(length_samples, dtype=np.float32)
    long = length_samples > _LONG_S * sample_rate_hz  # such transforms release the interpreter lock for long enough
    with ThreadPoolExecutor(2) if long else nullcontext() as pool:
        for noise in (pool.map if pool else map)(lambda part: synthesize_component(*part), parts):
            total[: noise.size] += noise
    return total


def _draw_white(seed: Sequence[int], size: int, before: int) -> np.ndarray:
    """White noise, float32 [size], whose first samples, and the last ``before``, are the same for any size.

    Those last ones are what the filters, circular and symmetric in time, take for the time before the onset. So the
    start of a sound does not change with its length.
    """
    since = np.random.default_rng(seed).standard_normal(size - before, dtype=np.float32)
    return np.concatenate((since, np.random.default_rng([*seed, 1]).standard_normal(before, dtype=np.float32)))


@functools.lru_cache(maxsize=32)
def _band_filters(edges_hz: tuple[float, ...], sample_rate_hz: int, size: int) -> list[tuple[int, np.ndarray]]:
    """Gain of each band on white noise of variance 1, for a mean square of 1: its first bin, and its values."""
    filters = []
    shares = nonzero_band_shares(edges_hz, sample_rate_hz / size, size // 2 + 1)
    for (low, share), width in zip(shares, np.diff(np.asarray(edges_hz)), strict=True):
        inside = np.flatnonzero(share)
        first, last = (inside[0], inside[-1] + 1) if inside.size else (0, 0)
        filters.append(
            (low + int(first), np.sqrt(share[first:last] * (0.5 * sample_rate_hz / width)).astype(np.float32))
        )
    return filters


def _choose_basis(level: np.ndarray, decay_per_sample: np.ndarray, length: int) -> tuple[list[int], np.ndarray]:
    """Bands whose curves level e^(-decay n), n < length, span those of all bands [B]: indices, and weights [B, R].

    Curves of similar decays are nearly dependent, so that some 6 of 24 give the others with an error 90 dB under the
    loudest (QR decomposition with pivoting). Only these then take a transform of the whole sound.
    """
    time = length * np.linspace(0.0, 1.0, _CURVE_POINTS) ** 3  # dense at the start, where curves are steepest
    curves = level[:, None] * np.exp(-np.outer(decay_per_sample, time))
    triangle, order = linalg.qr(curves.T, mode="r", pivoting=True, check_finite=False)
    least = _NEGLIGIBLE * float(level.max(initial=0.0)) * math.sqrt(_CURVE_POINTS)
    rank = int(np.count_nonzero(np.abs(np.diag(triangle)) > least))
    weight = np.zeros((len(level), rank))
    weight[order[:rank]] = np.eye(rank)
    weight[order[rank:]] = linalg.solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:]).T
    return list(map(int, order[:rank])), weight


def _count_sounding(level: float, decay_per_sample: float, length: int) -> int:
    """Samples until level e^(-decay n) is 140 dB under full scale, at most ``length``."""
    return int(min(length, math.log(max(level / _INAUDIBLE, 1.0)) / max(decay_per_sample, 1e-12) + 1.0))


def _decay_curve(level: float, decay_per_sample: float, length: int) -> np.ndarray:
    """level e^(-decay n), float32 [length]: an outer product of two short exponentials, which is faster."""
    coarse = level * np.exp(-decay_per_sample * _BLOCK * np.arange(-(-length // _BLOCK)))
    fine = np.exp(-decay_per_sample * np.arange(_BLOCK))
    return np.outer(coarse.astype(np.float32), fine.astype(np.float32)).ravel()[:length]


def band_shares(edges_hz: np.ndarray, frequency_hz: np.ndarray) -> np.ndarray:
    """Power response of each band, [B, F]: raised-cosine cross-fades at inner edges, summing to 1 between the ends.

    The integral of a band's response over frequency is its width, so that band powers are preserved.
    """
    width = np.diff(edges_hz)
    reach = np.zeros((len(edges_hz), 1))
    reach[1:-1, 0] = _CROSSFADE * np.minimum(width[:-1], width[1:])
    over = np.asarray(frequency_hz)[None, :] - np.asarray(edges_hz)[:, None]
    fade = 0.5 + 0.5 * np.sin(0.5 * np.pi * np.clip(over / np.where(reach > 0.0, reach, 1.0), -1.0, 1.0))
    rise = np.where(reach > 0.0, fade, over >= 0.0)
    shares: np.ndarray = rise[:-1] - rise[1:]
    return shares


@functools.lru_cache(maxsize=32)
def nonzero_band_shares(edges_hz: tuple[float, ...], bin_hz: float, bins: int) -> list[tuple[int, np.ndarray]]:
    """The non-zero part of each band's row of ``band_shares`` on a spectrum's bins: its first bin, and its values.

    Sines are taken in the cross-fades alone, a few of the bins.
    """
    edges = np.asarray(edges_hz)
    width = np.diff(edges)
    reach = np.append(np.append(0.0, _CROSSFADE * np.minimum(width[:-1], width[1:])), 0.0)

    def rise(edge: int, low: int, high: int) -> np.ndarray:
        """From 0 to 1 about an edge, at the bins from ``low`` to ``high``."""
        frequency = np.arange(low, high) * bin_hz
        values = (frequency >= edges[edge]).astype(np.float64)
        if reach[edge] > 0.0:
            first, last = np.searchsorted(frequency, (edges[edge] - reach[edge], edges[edge] + reach[edge]))
            values[first:last] = 0.5 + 0.5 * np.sin(0.5 * np.pi * (frequency[first:last] - edges[edge]) / reach[edge])
        return values

    rows = []
    for band in range(len(width)):
        near = edges[max(0, band - 1) : band + 3]
        low = min(bins - 1, math.floor(near[0] / bin_hz))
        high = min(bins, math.ceil(near[-1] / bin_hz) + 1)
        rows.append((low, rise(band, low, high) - rise(band + 1, low, high)))
    return rows


def _components(residual: Residual) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Index of the noise, levels in dB and decays per second of every component."""
    return [
        (_NOISE_ORDER.index(name), np.asarray(component.power_db), np.asarray(component.decay_per_s))
        for name, component in residual.components
    ]


def rise_gain(time_s: np.ndarray, rise_s: float) -> np.ndarray:
    """Raised-cosine fade-in from 0 to 1 over ``rise_s``, by time from the onset.

    It models the contact force between striker and object, which rises more slowly the longer the contact lasts. A
    sample has the gain at its middle, so that a rise much shorter than a sample changes nothing.
    """
    if rise_s <= 0.0:
        return np.ones_like(time_s)
    result: np.ndarray = 0.5 - 0.5 * np.cos(np.pi * np.clip((time_s + _HALF_SAMPLE_S) / rise_s, 0.0, 1.0))
    return result


def rise_peak(decay_per_s: np.ndarray, rise_s: float) -> np.ndarray:
    """Largest gain that exponential decays reach under a rise: the maximum over time of rise times decay."""
    lasting = decay_per_s * rise_s
    angle = np.arctan2(np.pi, lasting)  # of the rise, where the slope of the product is 0
    peak: np.ndarray = np.sin(angle) ** 2 * np.exp(-2.0 / np.pi * angle * lasting)
    return peak


def envelope_gain(time_s: np.ndarray, envelope_db: Sequence[float]) -> np.ndarray:
    """Gain of the fine envelope by time from the onset: linear interpolation between its steps, 1 beyond its end."""
    if not envelope_db:
        return np.ones_like(time_s)
    steps = db_to_gain(np.array([*envelope_db, 0.0]))
    result: np.ndarray = np.interp(time_s, np.arange(len(steps)) * ENVELOPE_STEP_S, steps)
    return result
