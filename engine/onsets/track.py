"""Onset tracks: an onset-strength curve and candidate onsets; peak picking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

DEFAULT_THRESHOLD = 0.5
"""Strength from which a candidate counts as a hit; every detector is calibrated so that F1 is best near it."""

CURVE_RATE_HZ = 100.0
"""Rate of every curve the detectors return."""

MIN_VELOCITY_DB = -24.0
"""Velocity of a candidate of strength 0."""


@dataclass(frozen=True, eq=False)
class OnsetCurve:
    """Onset strength over time: ``values`` [N] float32 in 0..1, value k at k / ``rate_hz`` seconds."""

    rate_hz: float
    values: np.ndarray


@dataclass(frozen=True)
class Onset:
    """A candidate hit; ``strength`` 0..1 is on the curve's scale, so it counts when it reaches the threshold.

    ``velocity`` 0..1 is its estimated force, where the detector estimates it apart from the strength.
    """

    time_s: float
    strength: float
    velocity: float | None = None


@dataclass(frozen=True, eq=False)
class OnsetTrack:
    """A detector's result: the curve and, in order of time, every candidate that some threshold would pick.

    ``lag_s`` is how much later the clip's picture is than its sound (negative: earlier), None where that is not known.
    ``velocity`` [N] float32 is the force, 0 to 1, that a hit at each value of the curve would have, where the detector
    estimates it apart from the strength.
    """

    curve: OnsetCurve
    candidates: tuple[Onset, ...]
    lag_s: float | None = None
    velocity: np.ndarray | None = None


def pick(track: OnsetTrack, threshold: float = DEFAULT_THRESHOLD) -> tuple[Onset, ...]:
    """Candidates at or above a threshold, in order of time."""
    return tuple(onset for onset in track.candidates if onset.strength >= threshold)


def strength_to_velocity_db(strength: float) -> float:
    """Velocity of a strength: 0 dB at 1, linear down to MIN_VELOCITY_DB at 0 (strength is already logarithmic)."""
    return MIN_VELOCITY_DB * (1.0 - min(1.0, max(0.0, strength)))


def onset_velocity_db(onset: Onset) -> float:
    """Velocity of an onset in dB, from its ``velocity`` if it has one, else from its strength."""
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
    # other peaks of the curve stay visible, but lower than any candidate
    weakest = min((onset.strength for onset in candidates), default=0.0)
    drawn = np.maximum(np.minimum(drawn, min(weakest, 0.1)), ceiling)
    return OnsetCurve(rate_hz, drawn.astype(np.float32))


def last_track(updates: Iterable[tuple[float, OnsetTrack | None]]) -> OnsetTrack:
    """Run a detector to its end, for callers that show no progress, and return the track of the whole clip."""
    track = empty_track()
    for _, found in updates:
        track = found if found is not None else track
    return track


def empty_track() -> OnsetTrack:
    """A track without onsets, and with an empty curve."""
    return OnsetTrack(OnsetCurve(CURVE_RATE_HZ, np.zeros(0, dtype=np.float32)), ())
