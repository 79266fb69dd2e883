"""Detected onsets of a clip: the strikes put in, progress, and the threshold that chooses hits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.document.edits.settings import set_threshold
from engine.document.edits.values import chain
from engine.lab.simulator.demo.clips import DEMOS, FRAME_RATE
from engine.onsets.fusion import shift_track
from engine.onsets.track import Onset, OnsetCurve, OnsetTrack, pick
from engine.pipeline.detect_onsets import _cut_silence, _watch_silence, detect_onsets, hits_from_track
from engine.pipeline.events import DetectionProgress, OnsetsFound, OnsetsUpdated, last_event
from engine.pipeline.onset_cache import track_from_arrays, track_to_arrays
from engine.pipeline.open_clip import open_clip
from tests.clips import SOUND_RATE_HZ, make_clicks, run_ffmpeg
from tests.struck_clip import STRIKES


def test_the_threshold_chooses_the_hits(silent_clip: Path) -> None:
    project = open_clip(silent_clip).project
    curve = OnsetCurve(100.0, np.zeros(200, np.float32))
    track = OnsetTrack(curve, tuple(Onset(0.3 * k, 0.2 * k) for k in range(1, 6)))
    for threshold, count in ((0.5, 3), (0.1, 5), (0.9, 1)):
        edit = chain("Move threshold", set_threshold(threshold), hits_from_track(track))
        after = edit.apply(project)
        assert len(after.hits) == count and after.detection.threshold == threshold
    loudest = hits_from_track(track).apply(project).hits[-1]
    assert loudest.velocity_db == 0.0 and loudest.strength == 1.0


@pytest.mark.parametrize("velocity", [None, np.linspace(0.2, 0.9, 200, dtype=np.float32)])
@pytest.mark.parametrize("lag_s", [None, 0.04])
def test_a_track_comes_back_from_the_cache_as_it_was(velocity: np.ndarray | None, lag_s: float | None) -> None:
    curve = OnsetCurve(100.0, np.linspace(0.0, 1.0, 200, dtype=np.float32))
    track = OnsetTrack(curve, (Onset(0.5, 0.25, 0.75), Onset(1.5, 0.5)), lag_s, velocity)
    again = track_from_arrays(*track_to_arrays(track))
    assert again is not None and again.candidates == track.candidates and again.lag_s == pytest.approx(lag_s)
    assert np.array_equal(again.curve.values, curve.values) and np.array_equal(again.velocity, velocity)  # type: ignore[arg-type]
    arrays = track_to_arrays(track)
    assert track_from_arrays(arrays[0][:-1] if velocity is not None else None, *arrays[1:]) is None
    moved = shift_track(track, 0.1).velocity
    assert (moved is None) == (velocity is None)
    if moved is not None and velocity is not None:
        assert moved[110] == pytest.approx(velocity[100], abs=1e-6)


@pytest.mark.slow
def test_detection_finds_the_strikes_and_reports_on_the_way(clip: Path) -> None:
    opened = open_clip(clip).project.clip
    events = list(detect_onsets(opened, partial=True))
    times = [onset.time_s for onset in last_event(events, OnsetsFound).track.candidates if onset.strength >= 0.5]
    for time_s, _, _ in STRIKES:
        assert min(abs(time_s - t) for t in times) < 0.01
    fractions = [event.fraction for event in events if isinstance(event, DetectionProgress)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    by_audio = next(event for event in events if isinstance(event, OnsetsUpdated)).track
    assert [onset.time_s for onset in by_audio.candidates if onset.strength >= 0.5] == pytest.approx(
        [time_s for time_s, _, _ in STRIKES], abs=0.01
    )
    assert not any(isinstance(event, OnsetsUpdated) for event in detect_onsets(opened))
    with pytest.raises(BadInput, match="source"):
        list(detect_onsets(opened, "smell"))


@pytest.mark.slow
def test_the_lag_of_a_clip_whose_sound_was_moved_is_told_and_kept(tmp_path: Path) -> None:
    demo, late = ASSETS / "demo_sound.mp4", tmp_path / "late.mp4"
    run_ffmpeg("-i", demo, "-itsoffset", "0.08", "-i", demo, "-map", "0:v", "-map", "1:a", "-c", "copy", late)
    clip, cache = open_clip(late).project.clip, Cache(None)
    found = last_event(detect_onsets(clip, "video", cache=cache), OnsetsFound).track
    assert found.lag_s == pytest.approx(-0.08, abs=0.015)
    kept = last_event(detect_onsets(clip, "video", cache=cache), OnsetsFound).track
    assert kept.lag_s == pytest.approx(found.lag_s, abs=1e-6) and kept.candidates


@pytest.mark.slow
@pytest.mark.parametrize("name", [demo.name for demo in DEMOS])
def test_every_contact_of_the_demo_clips_is_found_and_nothing_else(name: str) -> None:
    truth = json.loads((ASSETS / f"demo_{name}.truth.json").read_text(encoding="utf-8"))["onsets"]
    clip = open_clip(ASSETS / f"demo_{name}.mp4").project.clip
    found = [onset.time_s for onset in pick(last_event(detect_onsets(clip), OnsetsFound).track)]
    assert len(found) == len(truth)
    assert np.abs(np.subtract(found, [onset["time_s"] for onset in truth])).max() < 1.5 / FRAME_RATE


def test_digital_silence_that_fills_a_track_is_no_sound() -> None:
    """What is seen before or after it counts in full, as where the track has no sound; a pause is sound."""
    clicks = make_clicks([1.0, 1.6], 4.0)
    clicks[: SOUND_RATE_HZ - 1] = clicks[3 * SOUND_RATE_HZ :] = 0.0
    heard_s: list[float] = []
    blocks = np.array_split(clicks, 7)
    assert np.array_equal(np.concatenate(list(_watch_silence(blocks, heard_s))), clicks)
    ((start_s, end_s),) = _cut_silence(((0.0, 4.0),), heard_s)
    assert start_s == pytest.approx(1.0, abs=1e-3) and 1.6 < end_s < 3.0
    assert _cut_silence(((0.0, 1.2), (1.5, 3.0)), [0.4, 2.6]) == ((0.0, 1.2), (1.5, 3.0))
    assert _cut_silence(((0.0, 1.2), (1.5, 4.0)), [0.6, 1.1]) == ((0.6, 1.2),) and _cut_silence(((0.0, 4.0),), []) == ()
