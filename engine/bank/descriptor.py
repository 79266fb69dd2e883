"""Level-invariant acoustic descriptor of a physics: expected mel-band levels over intervals after the onset.

Computed in closed form, without synthesis: modes and noise bands decay exponentially, so that their expected power in a
band over an interval is known.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from engine.core.units import db_to_power, power_to_db
from engine.physics.model import ENVELOPE_STEP_S, Modes, Physics, Residual
from engine.physics.noise import band_shares, envelope_gain, rise_gain

BANDS = 32
INTERVAL_EDGES_S = (0.0, 0.01, 0.03, 0.08, 0.2, 0.6)
"""Edges of the intervals over which power is averaged."""

LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
FLOOR_DB = -70.0
DESCRIPTOR_SIZE = BANDS * (len(INTERVAL_EDGES_S) - 1)
_FINE = 8


def describe_physics(physics: Physics) -> np.ndarray:
    """Levels in dB re the loudest, float32 [DESCRIPTOR_SIZE]: BANDS mel bands in each of 5 intervals, earliest first.

    Bands are equally wide in mel from 40 Hz to 16 kHz; levels are clipped at FLOOR_DB. Sounds that differ only in level
    have equal descriptors.
    """
    power = _noise_power(physics.residual) + _mode_power(physics.modes)
    rise = rise_gain(_steps_s(), physics.residual.rise_s) ** 2
    levels = power_to_db((power * rise) @ _interval_weights() + 1e-30)
    levels = np.maximum(levels - levels.max(), FLOOR_DB)
    result: np.ndarray = levels.T.astype(np.float32).ravel()
    return result


def descriptor_distance_db(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of descriptors a and b [..., DESCRIPTOR_SIZE] in dB, [...]: standard deviation of their difference.

    The mean difference is removed, so that the level is not set by the peak alone.
    """
    result: np.ndarray = np.std(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1)
    return result


def band_centres_hz() -> np.ndarray:
    """Geometric centre frequencies of the bands, [BANDS]."""
    edges = _edges_hz()
    result: np.ndarray = np.sqrt(edges[1:] * edges[:-1])
    return result


@functools.lru_cache(maxsize=1)
def _edges_hz() -> np.ndarray:
    low, high = (2595.0 * math.log10(1.0 + f / 700.0) for f in (LOWEST_HZ, HIGHEST_HZ))
    mel = np.linspace(low, high, BANDS + 1)
    result: np.ndarray = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return result


@functools.lru_cache(maxsize=1)
def _steps_s() -> np.ndarray:
    """Centres of time steps, half as long as the envelope's, up to the last interval's end, [T]."""
    step_s = ENVELOPE_STEP_S / 2.0
    result: np.ndarray = (np.arange(round(INTERVAL_EDGES_S[-1] / step_s)) + 0.5) * step_s
    return result


@functools.lru_cache(maxsize=1)
def _interval_weights() -> np.ndarray:
    """Weights that average the time steps of each interval, [T, intervals]."""
    steps_s, edges_s = _steps_s(), np.asarray(INTERVAL_EDGES_S)
    inside = (steps_s[:, None] >= edges_s[None, :-1]) & (steps_s[:, None] < edges_s[None, 1:])
    result: np.ndarray = inside / inside.sum(axis=0)
    return result


def _mean_decay(decay_per_s: np.ndarray) -> np.ndarray:
    """Mean of e^(-2 decay t) over each step, [K, T]."""
    half_s = ENVELOPE_STEP_S / 4.0
    x = 2.0 * np.asarray(decay_per_s, np.float64)[:, None]
    with np.errstate(over="ignore"):
        mean = np.where(x * half_s > 1e-6, np.sinh(np.minimum(x * half_s, 50.0)) / np.maximum(x * half_s, 1e-6), 1.0)
    result: np.ndarray = mean * np.exp(-x * _steps_s()[None, :])
    return result


def _mode_power(modes: Modes) -> np.ndarray:
    """Mean square of the modes in every band at every step, [BANDS, T], shared linearly by adjacent bands."""
    if not len(modes):
        return np.zeros((BANDS, _steps_s().size))
    unmuted = ~np.asarray(modes.mute_mask, dtype=bool)
    power = 0.5 * db_to_power(np.asarray(modes.power_db)) * unmuted
    edges = _edges_hz()
    position = np.interp(np.asarray(modes.frequency_hz), edges, np.arange(BANDS + 1), left=-9.0, right=BANDS + 9.0)
    distance = position[None, :] - (np.arange(BANDS) + 0.5)[:, None]
    share = np.maximum(0.0, 1.0 - np.abs(distance))  # triangular, so that a small detuning at an edge matters little
    result: np.ndarray = (share * power) @ _mean_decay(np.asarray(modes.decay_per_s))
    return result


def _noise_power(residual: Residual) -> np.ndarray:
    """Expected mean square of the noise in every band at every step, [BANDS, T]."""
    total = np.zeros((BANDS, _steps_s().size))
    if len(residual.edges_hz) < 2:
        return total
    share = _shares(residual.edges_hz)
    fine = envelope_gain(_steps_s(), residual.envelope_db) ** 2
    for name, component in residual.components:
        power = db_to_power(np.asarray(component.power_db))
        part = share @ (power[:, None] * _mean_decay(np.asarray(component.decay_per_s)))
        total += part if name == "room" else part * fine
    return total


@functools.lru_cache(maxsize=32)
def _shares(edges_hz: tuple[float, ...]) -> np.ndarray:
    """Share of each of the residual's bands in each mel band, [BANDS, B]."""
    own = _edges_hz()
    fine = np.linspace(own[:-1], own[1:], _FINE, endpoint=False, axis=1) + (np.diff(own) / (2.0 * _FINE))[:, None]
    density = band_shares(np.asarray(edges_hz), fine.ravel()) / np.diff(edges_hz)[:, None]
    result: np.ndarray = (density.reshape(len(edges_hz) - 1, BANDS, _FINE).mean(axis=2) * np.diff(own)).T
    return result
