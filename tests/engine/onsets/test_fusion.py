"""Fusion of onset tracks of picture and sound."""

from __future__ import annotations

import numpy as np

from engine.onsets.fusion import VIDEO_ONLY_WEIGHT, _weigh_video, fuse
from engine.onsets.track import Onset, OnsetCurve, OnsetTrack


def make_track(*onsets: tuple[float, float]) -> OnsetTrack:
    return OnsetTrack(OnsetCurve(100.0, np.zeros(300, np.float32)), tuple(Onset(*onset) for onset in onsets))


def test_an_onset_in_both_tracks_is_one_hit_at_its_time_in_the_sound() -> None:
    fused = fuse(make_track((0.53, 0.8), (1.5, 0.9)), make_track((0.5, 0.6), (2.0, 0.7)))
    assert [onset.time_s for onset in fused.candidates] == [0.5, 1.5, 2.0]
    both, picture, sound = (onset.strength for onset in fused.candidates)
    assert both > 0.6 and picture < 0.9 and sound == 0.7


def test_one_source_alone_is_left_as_it_is() -> None:
    track = make_track((0.5, 0.6))
    assert fuse(track, None) is track and fuse(None, track) is track
    assert fuse(track, make_track()) is track and fuse(None, None).candidates == ()


def test_onsets_seen_weigh_less_within_spans_that_sound_even_where_these_overlap(rng: np.random.Generator) -> None:
    starts_s = rng.uniform(0, 50, 40)
    spans = [
        (start_s, start_s + length_s) for start_s, length_s in zip(starts_s, rng.uniform(0.1, 3.0, 40), strict=True)
    ]
    times_s = np.append(rng.uniform(-1, 60, 500), [time_s for span in spans for time_s in span])
    within = [any(start_s <= time_s < end_s for start_s, end_s in spans) for time_s in times_s]
    assert 100 < sum(within) < 500
    assert _weigh_video(times_s, spans).tolist() == np.where(within, VIDEO_ONLY_WEIGHT, 1.0).tolist()
    assert set(_weigh_video(times_s, [])) == {1.0} and set(_weigh_video(times_s, None)) == {VIDEO_ONLY_WEIGHT}
