"""What an animated still is told of a sound: its blows, and coarsely what is struck."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.animate.motion import Blow, Sound
from engine.core.units import power_to_db

RANGE_DB = 30.0
"""Decibels under the loudest blow at which velocity would be 0."""
SOFTEST = 0.1
"""The least velocity: a blow softer than that is shown like it, since whoever hears one looks for it."""
_PEAK_S, _HOP_S, _LONGEST_S, _FALL_DB = 0.06, 0.01, 2.0, 25.0
_NEXT_GUARD_S = 0.02


def weigh_blows(times_s: Sequence[float], levels_db: Sequence[float]) -> tuple[Blow, ...]:
    """Blows in order of time with velocities by their levels against the loudest, ``SOFTEST`` to 1."""
    if not len(times_s):
        return ()
    top = max(levels_db)
    velocities = [max(SOFTEST, 1.0 + (level - top) / RANGE_DB) for level in levels_db]
    return tuple(
        Blow(float(time_s), float(velocity)) for time_s, velocity in sorted(zip(times_s, velocities, strict=True))
    )


def measure_blows(samples: np.ndarray, rate_hz: int, times_s: Sequence[float]) -> tuple[Blow, ...]:
    """Blows of a mono sound [N] at given onsets, with velocities by their levels in the first 60 ms."""
    levels = []
    for time_s in times_s:
        part = samples[max(0, round(time_s * rate_hz)) : round((time_s + _PEAK_S) * rate_hz)]
        levels.append(float(power_to_db(float(np.mean(np.square(part))) + 1e-12)) if len(part) else -120.0)
    return weigh_blows(times_s, levels)


def describe_recording(samples: np.ndarray, rate_hz: int, blows: Sequence[Blow]) -> Sound | None:
    """Decay and centroid of a mono sound [N] after its blows, medians over the louder half; None without blows."""
    ordered = sorted(blows, key=lambda blow: blow.time_s)
    if not ordered:
        return None
    ends_s = [blow.time_s for blow in ordered[1:]] + [math.inf]
    found = []
    for blow, end_s in zip(ordered, ends_s, strict=True):
        stop_s = min(end_s - _NEXT_GUARD_S, blow.time_s + _LONGEST_S)
        part = samples[round(blow.time_s * rate_hz) : max(0, round(stop_s * rate_hz))].astype(np.float64)
        if len(part) >= 4 * _HOP_S * rate_hz:
            found.append((blow.velocity, _measure_decay(part, rate_hz), _measure_centroid(part, rate_hz)))
    if not found:
        return None
    found.sort(reverse=True)
    louder = found[: max(1, (len(found) + 1) // 2)]
    return Sound(float(np.median([row[1] for row in louder])), float(np.median([row[2] for row in louder])))


def describe_modes(frequency_hz: Sequence[float], decay_per_s: Sequence[float], power_db: Sequence[float]) -> Sound:
    """Decay and centroid of modes, weighted by their energy."""
    decay = np.maximum(np.asarray(decay_per_s, float), 0.1)
    energy = 10.0 ** (np.asarray(power_db, float) / 10.0) / decay
    energy = energy / max(float(energy.sum()), 1e-30)
    slow = max(float((energy * decay).sum()), 0.1)
    return Sound(math.log(1000.0) / slow, float((energy * np.asarray(frequency_hz, float)).sum()))


def _measure_decay(part: np.ndarray, rate_hz: int) -> float:
    """Time to fall by 60 dB, from the slope of the level over its first 25 dB, in s."""
    hop = max(1, round(_HOP_S * rate_hz))
    power = np.square(part[: len(part) // hop * hop]).reshape(-1, hop).mean(axis=1)
    level = np.asarray(power_to_db(power + 1e-12))
    first = int(level.argmax())
    fallen = np.flatnonzero(level[first:] < level[first] - _FALL_DB)
    count = int(fallen[0]) + 1 if len(fallen) else len(level) - first
    if count < 2:
        return _HOP_S
    slope = float(np.polyfit(np.arange(count) * _HOP_S, level[first : first + count], 1)[0])
    return float(np.clip(-60.0 / min(slope, -1e-3), 0.02, 20.0))


def _measure_centroid(part: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    frequency = np.fft.rfftfreq(len(part), 1.0 / rate_hz)
    return float((spectrum * frequency).sum() / max(float(spectrum.sum()), 1e-30))
