"""Onset tracks: an onset-strength curve and candidate onsets; peak picking and fusion of two sources."""

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

MATCH_TOLERANCE_S = 0.07
"""Largest distance of matching onsets in video and audio: a frame of motion blur on either side at 25 fps."""

VIDEO_ONLY_WEIGHT = 0.52
"""Factor on the strength of onsets only in the video of a clip with sound, so that only strong ones pass."""

VIDEO_SUPPORT_WEIGHT = 0.6
"""How far a matching onset in the video raises the strength of one in the audio towards 1."""


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
    """A detector's result: the curve and, in order of time, every candidate that some threshold would pick."""

    curve: OnsetCurve
    candidates: tuple[Onset, ...]


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


def fuse(
    video: OnsetTrack | None, audio: OnsetTrack | None, audio_spans: Sequence[tuple[float, float]] | None = None
) -> OnsetTrack:
    """Fuse the onsets of a clip's video and audio, one to one within MATCH_TOLERANCE_S.

    Matched onsets keep the audio's finer time and gain strength. Onsets only in the audio stay unchanged; those only in
    the video are weighted by VIDEO_ONLY_WEIGHT within ``audio_spans`` (start_s, end_s), where the clip has sound (None:
    everywhere), and unchanged elsewhere. With one source absent, or an audio track without any candidate, the other is
    returned unchanged.
    """
    if audio is None or (video is not None and not audio.candidates):
        return video if video is not None else empty_track()
    if video is None or not video.candidates:
        return audio
    matches = _match_strongest(video.candidates, audio.candidates)
    fused = []
    for index, onset in enumerate(audio.candidates):
        support = matches.get(index)
        lift = VIDEO_SUPPORT_WEIGHT * video.candidates[support].strength if support is not None else 0.0
        fused.append(Onset(onset.time_s, onset.strength + (1.0 - onset.strength) * onset.strength * lift))
    matched = set(matches.values())
    for index, onset in enumerate(video.candidates):
        if index not in matched:
            weight = float(_weigh_video(np.array([onset.time_s]), audio_spans)[0])
            fused.append(Onset(onset.time_s, weight * onset.strength, onset.velocity))
    fused.sort(key=lambda onset: onset.time_s)
    rate_hz = audio.curve.rate_hz
    count = max(audio.curve.values.size, round(video.curve.values.size * rate_hz / video.curve.rate_hz))
    weights = _weigh_video(np.arange(count) / rate_hz, audio_spans)
    values = np.maximum(_resample(audio.curve, count, rate_hz), weights * _resample(video.curve, count, rate_hz))
    return OnsetTrack(draw_curve(values, fused, rate_hz), tuple(fused))


def _weigh_video(times_s: np.ndarray, audio_spans: Sequence[tuple[float, float]] | None) -> np.ndarray:
    """Weight of onsets only in the video at each time: less than 1 where there is sound that could have shown them."""
    within = np.full(times_s.shape, audio_spans is None)
    for start_s, end_s in audio_spans or ():
        within |= (times_s >= start_s) & (times_s < end_s)
    return np.where(within, VIDEO_ONLY_WEIGHT, 1.0)


def last_track(updates: Iterable[tuple[float, OnsetTrack | None]]) -> OnsetTrack:
    """Run a detector to its end, for callers that show no progress, and return the track of the whole clip."""
    track = empty_track()
    for _, found in updates:
        track = found if found is not None else track
    return track


def _match_strongest(video: Sequence[Onset], audio: Sequence[Onset]) -> dict[int, int]:
    """Greedy matching, strong and close pairs first: index in the audio to index in the video."""
    times = np.array([onset.time_s for onset in audio])
    pairs = []
    for video_index, onset in enumerate(video):
        first = int(np.searchsorted(times, onset.time_s - MATCH_TOLERANCE_S))
        last = int(np.searchsorted(times, onset.time_s + MATCH_TOLERANCE_S, side="right"))
        for audio_index in range(first, last):
            closeness = 1.0 - abs(times[audio_index] - onset.time_s) / (2.0 * MATCH_TOLERANCE_S)
            pairs.append((audio[audio_index].strength * closeness, audio_index, video_index))
    chosen: dict[int, int] = {}
    matched: set[int] = set()
    for _, audio_index, video_index in sorted(pairs, reverse=True):
        if audio_index not in chosen and video_index not in matched:
            chosen[audio_index] = video_index
            matched.add(video_index)
    return chosen


def _resample(curve: OnsetCurve, count: int, rate_hz: float) -> np.ndarray:
    """A curve's values at another rate and length, linear between values, zero past the end."""
    if curve.values.size == 0:
        return np.zeros(count, dtype=np.float32)
    at = np.arange(count) * (curve.rate_hz / rate_hz)
    return np.interp(at, np.arange(curve.values.size), curve.values, right=0.0).astype(np.float32)


def empty_track() -> OnsetTrack:
    """A track without onsets, and with an empty curve."""
    return OnsetTrack(OnsetCurve(CURVE_RATE_HZ, np.zeros(0, dtype=np.float32)), ())
