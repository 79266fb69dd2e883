"""Fusion of the onsets of a clip's picture and sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.onsets.lag import estimate_lag
from engine.onsets.track import Onset, OnsetCurve, OnsetTrack, draw_curve, empty_track

MATCH_TOLERANCE_S = 0.07
"""Largest distance of matching onsets in video and audio: a frame of motion blur on either side at 25 fps."""

VIDEO_ONLY_WEIGHT = 0.52
"""Factor on the strength of onsets only in the video of a clip with sound, so that only strong ones pass."""

VIDEO_SUPPORT_WEIGHT = 0.6
"""How far a matching onset in the video raises the strength of one in the audio towards 1."""


def fuse(
    video: OnsetTrack | None, audio: OnsetTrack | None, audio_spans: Sequence[tuple[float, float]] | None = None
) -> OnsetTrack:
    """Fuse the onsets of a clip's video and audio, one to one within MATCH_TOLERANCE_S.

    The video's onsets are first moved by its lag, where it can be estimated. Matched onsets keep the audio's finer time
    and gain strength. Onsets only in the audio stay unchanged; those only in the video have VIDEO_ONLY_WEIGHT
    within ``audio_spans`` (start_s, end_s), where the clip has sound (None: everywhere), and unchanged elsewhere. With
    one source absent, or an audio track without any candidate, the other is returned unchanged.
    """
    if audio is None or (video is not None and not audio.candidates):
        return video if video is not None else empty_track()
    if video is None or not video.candidates:
        return audio
    lag_s = estimate_lag(video, audio)
    if lag_s:
        video = shift_track(video, -lag_s)
    matches = _match_strongest(video.candidates, audio.candidates)
    fused = []
    for index, onset in enumerate(audio.candidates):
        support = matches.get(index)
        lift = VIDEO_SUPPORT_WEIGHT * video.candidates[support].strength if support is not None else 0.0
        fused.append(Onset(onset.time_s, onset.strength + (1.0 - onset.strength) * onset.strength * lift))
    matched = set(matches.values())
    own_weights = _weigh_video(np.array([onset.time_s for onset in video.candidates]), audio_spans)
    for index, onset in enumerate(video.candidates):
        if index not in matched:
            fused.append(Onset(onset.time_s, float(own_weights[index]) * onset.strength, onset.velocity))
    fused.sort(key=lambda onset: onset.time_s)
    rate_hz = audio.curve.rate_hz
    count = max(audio.curve.values.size, round(video.curve.values.size * rate_hz / video.curve.rate_hz))
    weights = _weigh_video(np.arange(count) / rate_hz, audio_spans)
    values = np.maximum(_resample(audio.curve, count, rate_hz), weights * _resample(video.curve, count, rate_hz))
    return OnsetTrack(draw_curve(values, fused, rate_hz), tuple(fused), lag_s)


def shift_track(track: OnsetTrack, by_s: float) -> OnsetTrack:
    """A track whose onsets come later by ``by_s``, none before 0; the curve keeps its length."""
    count, rate_hz = track.curve.values.size, track.curve.rate_hz
    at = np.arange(count) - by_s * rate_hz
    velocity = None if track.velocity is None or not count else np.interp(at, np.arange(count), track.velocity)
    values = np.interp(at, np.arange(count), track.curve.values, left=0.0, right=0.0) if count else track.curve.values
    candidates = tuple(replace(onset, time_s=max(0.0, onset.time_s + by_s)) for onset in track.candidates)
    curve = OnsetCurve(rate_hz, values.astype(np.float32))
    return OnsetTrack(curve, candidates, track.lag_s, None if velocity is None else velocity.astype(np.float32))


def _weigh_video(times_s: np.ndarray, audio_spans: Sequence[tuple[float, float]] | None) -> np.ndarray:
    """Weight of onsets only in the video at each time: less than 1 where there is sound that could have shown them."""
    if audio_spans is None:
        return np.full(times_s.shape, VIDEO_ONLY_WEIGHT)
    starts_s, ends_s = np.sort(np.reshape(audio_spans, (-1, 2)), axis=0).T
    begun = np.searchsorted(starts_s, times_s, side="right")
    within = begun > np.searchsorted(ends_s, times_s, side="right")
    return np.where(within, VIDEO_ONLY_WEIGHT, 1.0)


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
