"""Onset tracks: a curve to look at, candidate hits to pick from, fusing two sources, and scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DEFAULT_THRESHOLD = 0.5
"""Strength from which a candidate counts as a hit; both detectors are scaled so that this is the balanced choice."""

CURVE_RATE_HZ = 100.0
"""Rate of every curve the detectors return."""

QUIETEST_VELOCITY_DB = -24.0
"""Velocity of a candidate of strength 0."""

AGREEMENT_S = 0.07
"""How far a hit seen may lie from the hit heard: a frame of motion blur either side at 25 frames a second."""

UNHEARD_WEIGHT = 0.52
"""A hit seen but not heard keeps this share of its strength, so that only strong ones pass, in a clip that sounds."""

SUPPORT_WEIGHT = 0.6
"""How far a hit seen lifts the strength of the hit heard towards 1."""


@dataclass(frozen=True, eq=False)
class OnsetCurve:
    """Onset strength over time: ``values`` [N] float32 in 0..1, value k at k / ``rate_hz`` seconds."""

    rate_hz: float
    values: np.ndarray


@dataclass(frozen=True)
class Onset:
    """A possible hit; ``strength`` 0..1 is on the curve's scale, so a hit counts when it reaches the threshold.

    ``velocity`` 0..1 is its force where the detector tells it apart from how sure it is.
    """

    time_s: float
    strength: float
    velocity: float | None = None


@dataclass(frozen=True, eq=False)
class OnsetTrack:
    """What a detector found: the curve and, in order of time, every candidate that some threshold would pick."""

    curve: OnsetCurve
    candidates: tuple[Onset, ...]


def pick(track: OnsetTrack, threshold: float = DEFAULT_THRESHOLD) -> tuple[Onset, ...]:
    """Candidates at or above a threshold, in order of time."""
    return tuple(onset for onset in track.candidates if onset.strength >= threshold)


def strength_to_velocity_db(strength: float) -> float:
    """Velocity of a strength: 0 dB at 1, linear down to QUIETEST_VELOCITY_DB at 0 (strength is already logarithmic)."""
    return QUIETEST_VELOCITY_DB * (1.0 - min(1.0, max(0.0, strength)))


def velocity_db_of(onset: Onset) -> float:
    """Velocity of an onset in dB: of its own velocity where it has one, else of its strength."""
    return strength_to_velocity_db(onset.strength if onset.velocity is None else onset.velocity)


def draw_curve(values: np.ndarray, candidates: Sequence[Onset], rate_hz: float = CURVE_RATE_HZ) -> OnsetCurve:
    """A curve whose peaks are the candidates: ``values`` [N], each candidate's nearest value set to its strength.

    Between candidates the curve is held below the weakest neighbouring candidate, so that a threshold drawn
    across it cuts exactly the peaks that ``pick`` would return.
    """
    drawn = np.clip(np.asarray(values, dtype=np.float32), 0.0, 1.0)
    count = drawn.size
    if count == 0:
        return OnsetCurve(rate_hz, drawn)
    index = [min(count - 1, max(0, round(onset.time_s * rate_hz))) for onset in candidates]
    ceiling = np.zeros(count, dtype=np.float32)
    reach = round(0.1 * rate_hz)
    shape = np.exp(-np.arange(reach + 1) / (0.03 * rate_hz)).astype(np.float32)
    for at, onset in zip(index, candidates, strict=True):
        right = min(reach, count - 1 - at)
        ceiling[at : at + right + 1] = np.maximum(ceiling[at : at + right + 1], onset.strength * shape[: right + 1])
        left = min(reach, at)
        ceiling[at - left : at + 1] = np.maximum(ceiling[at - left : at + 1], onset.strength * shape[left::-1])
    # What is no candidate stays visible as a low ripple but never reaches a peak of its own.
    weakest = min((onset.strength for onset in candidates), default=0.0)
    drawn = np.maximum(np.minimum(drawn, min(weakest, 0.1)), ceiling)
    return OnsetCurve(rate_hz, drawn.astype(np.float32))


def fuse(picture: OnsetTrack | None, sound: OnsetTrack | None) -> OnsetTrack:
    """Join what was seen and what was heard.

    A hit heard keeps its finer time; a hit seen within AGREEMENT_S of it (one to one) lifts its strength. A hit
    only heard stays as it is. A hit only seen stays, weakened by UNHEARD_WEIGHT where the clip sounds at all.
    With one source absent, or a sound without any candidate, the other is returned as it stands.
    """
    if sound is None or (picture is not None and not sound.candidates):
        return picture if picture is not None else _empty_track()
    if picture is None or not picture.candidates:
        return sound
    seen = _match_strongest(picture.candidates, sound.candidates)
    fused = []
    for index, heard in enumerate(sound.candidates):
        support = seen.get(index)
        lift = SUPPORT_WEIGHT * picture.candidates[support].strength if support is not None else 0.0
        fused.append(Onset(heard.time_s, heard.strength + (1.0 - heard.strength) * heard.strength * lift))
    matched = set(seen.values())
    for index, onset in enumerate(picture.candidates):
        if index not in matched:
            fused.append(Onset(onset.time_s, UNHEARD_WEIGHT * onset.strength, onset.velocity))
    fused.sort(key=lambda onset: onset.time_s)
    rate_hz = sound.curve.rate_hz
    count = max(sound.curve.values.size, round(picture.curve.values.size * rate_hz / picture.curve.rate_hz))
    values = np.maximum(
        _resample(sound.curve, count, rate_hz), UNHEARD_WEIGHT * _resample(picture.curve, count, rate_hz)
    )
    return OnsetTrack(draw_curve(values, fused, rate_hz), tuple(fused))


def _match_strongest(picture: Sequence[Onset], sound: Sequence[Onset]) -> dict[int, int]:
    """Pair each hit heard with at most one hit seen, best pairs (strong and close) first: sound index -> picture."""
    times = np.array([onset.time_s for onset in sound])
    pairs = []
    for seen, onset in enumerate(picture):
        first = int(np.searchsorted(times, onset.time_s - AGREEMENT_S))
        last = int(np.searchsorted(times, onset.time_s + AGREEMENT_S, side="right"))
        for heard in range(first, last):
            closeness = 1.0 - abs(times[heard] - onset.time_s) / (2.0 * AGREEMENT_S)
            pairs.append((sound[heard].strength * closeness, heard, seen))
    chosen: dict[int, int] = {}
    taken: set[int] = set()
    for _, heard, seen in sorted(pairs, reverse=True):
        if heard not in chosen and seen not in taken:
            chosen[heard] = seen
            taken.add(seen)
    return chosen


def _resample(curve: OnsetCurve, count: int, rate_hz: float) -> np.ndarray:
    """A curve's values at another rate and length, linear between values, zero past the end."""
    if curve.values.size == 0:
        return np.zeros(count, dtype=np.float32)
    at = np.arange(count) * (curve.rate_hz / rate_hz)
    return np.interp(at, np.arange(curve.values.size), curve.values, right=0.0).astype(np.float32)


def _empty_track() -> OnsetTrack:
    return OnsetTrack(OnsetCurve(CURVE_RATE_HZ, np.zeros(0, dtype=np.float32)), ())
