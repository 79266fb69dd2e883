"""Fusion of onset tracks of picture and sound."""

from __future__ import annotations

import numpy as np

from engine.onsets.fusion import fuse
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
