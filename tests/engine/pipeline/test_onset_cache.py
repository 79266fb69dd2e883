"""Onset tracks as arrays of finite numbers."""

from __future__ import annotations

import numpy as np

from engine.onsets.track import Onset, OnsetCurve, OnsetTrack
from engine.pipeline.onset_cache import track_from_arrays, track_to_arrays


def test_a_track_is_kept_as_finite_numbers_with_and_without_velocities() -> None:
    onsets = (Onset(1.25, 0.5), Onset(1801.5, 0.75, 0.0), Onset(1900.0, 1.0, 0.5))
    track = OnsetTrack(OnsetCurve(100.0, np.linspace(0, 1, 9, dtype=np.float32)), onsets)
    arrays = track_to_arrays(track)
    assert all(np.isfinite(array).all() and array.ndim == 1 for array in arrays)  # what a bundle takes
    again = track_from_arrays(*arrays)
    assert again is not None and again.candidates == onsets
