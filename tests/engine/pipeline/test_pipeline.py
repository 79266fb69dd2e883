"""Ingest: a clip's hits and sounds come out as they were put in."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engine.core.cache import Cache
from engine.core.errors import BadInput, Cancelled
from engine.document.edits.hits import replace_detected_hits
from engine.document.edits.messages import apply_message
from engine.document.edits.settings import set_threshold
from engine.document.edits.values import chain
from engine.document.project import Project, RenderSettings
from engine.document.source import INAUDIBLE, SILENT, WAITING, Source
from engine.onsets.track import Onset, OnsetCurve, OnsetTrack
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline import analyze_audio
from engine.pipeline.analyze_audio import (
    AudibleHit,
    _join_strays,
    _Measured,
    analyze_clip_audio,
    drop_hum,
    match_level,
)
from engine.pipeline.detect_onsets import detect_onsets, hits_from_track
from engine.pipeline.events import (
    AnalysisProgress,
    DetectionProgress,
    OnsetsFound,
    OnsetsUpdated,
    SoundsFound,
    last_event,
)
from engine.pipeline.onset_cache import track_from_arrays, track_to_arrays
from engine.pipeline.open_clip import open_clip
from engine.pipeline.render import place_hits, render_hits
from engine.pipeline.sound_sources import sound_from_recording

RATE = 48_000
BELL = Modes((620.0, 1490.0, 3105.0), (-14.0, -20.0, -24.0), (9.0, 14.0, 20.0), (0.0, 0.5, 1.0), (False,) * 3)
BURST = Residual((40.0, 400.0, 1500.0, 4000.0, 20000.0), (-50.0, -30.0, -26.0, -24.0), (45.0, 60.0, 70.0, 90.0))
STRIKES = [(0.6, "bell", 0.0), (1.3, "burst", 0.0), (2.0, "bell", -8.0), (2.7, "burst", -5.0), (3.4, "bell", -3.0)]


def write_clip(path: Path, duration_s: float, sound: np.ndarray | None) -> Path:
    """A small film at 25 frames a second, with sound in PCM if any."""
    with av.open(str(path), "w") as out:
        picture = out.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        audio = None
        if sound is not None:
            audio = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for k in range(round(duration_s * 25)):
            image = np.full((64, 96, 3), 40, np.uint8)
            image[20:40, (k * 2) % 80 : (k * 2) % 80 + 10] = 220
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            out.mux(picture.encode(frame))
        out.mux(picture.encode())
        if audio is not None and sound is not None:
            data = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
            for start in range(0, len(data), 4800):
                block = av.AudioFrame.from_ndarray(data[None, start : start + 4800], format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                out.mux(audio.encode(block))
            out.mux(audio.encode())
    return path


def make_sound(duration_s: float = 4.0) -> np.ndarray:
    track = 1e-5 * np.random.default_rng(0).standard_normal(round(duration_s * RATE))
    for k, (time_s, what, level_db) in enumerate(STRIKES):
        physics = Physics(BELL) if what == "bell" else Physics(Modes(), BURST)
        strike = 10 ** (level_db / 20) * synthesize(physics, 0.6, seed=k)
        start = round(time_s * RATE)
        track[start : start + len(strike)] += strike
    return track.astype(np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "bell and crate.mkv", 4.0, make_sound())


@pytest.fixture(scope="module")
def silent_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "silent.mkv", 2.0, None)


@pytest.fixture(scope="module")
def heard(clip: Path) -> Project:
    """The clip's document, its hits given a little off their true times, analysed."""
    off_s = [0.012, -0.015, 0.0, -0.02, 0.02]
    rows = [(t + off, 0.8, -4.0) for (t, _, _), off in zip(STRIKES, off_s, strict=True)]
    project = replace_detected_hits(rows).apply(open_clip(clip).project)
    return last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project)


def test_a_clip_opens_with_a_sound_that_waits_and_says_so(clip: Path, silent_clip: Path) -> None:
    project = open_clip(clip).project
    assert project.clip.frame_rate == 25 and project.clip.duration_s == pytest.approx(4.0)
    assert project.clip.has_audio and len(project.clip.digest) == 64 and not project.hits
    (sound,) = project.sounds
    assert sound.origin == "preset" and sound.source.reason == WAITING
    assert open_clip(silent_clip).project.sounds[0].source.reason == SILENT


def test_no_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        open_clip(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(BadInput):
        open_clip(tmp_path / "text.mp4")


def test_hits_that_sound_alike_share_a_sound(heard: Project) -> None:
    ids = [hit.sound_id for hit in heard.hits]
    assert ids[0] == ids[2] == ids[4] and ids[1] == ids[3] and ids[0] != ids[1]
    assert len(heard.sounds) == 2
    assert [s.name.split(" · ")[0] for s in heard.sounds] == ["Sound A", "Sound B"]
    assert all(s.origin == "clip" and s.source.time_s is not None for s in heard.sounds)


def test_the_modes_are_those_that_sounded(heard: Project) -> None:
    modes = heard.sound(heard.hits[0].sound_id).modes
    for frequency_hz, power_db, decay_per_s in zip(BELL.frequency_hz, BELL.power_db, BELL.decay_per_s, strict=True):
        nearest = int(np.argmin(np.abs(np.array(modes.frequency_hz) - frequency_hz)))
        assert modes.frequency_hz[nearest] == pytest.approx(frequency_hz, abs=0.5)
        assert modes.power_db[nearest] == pytest.approx(power_db, abs=1.0)
        assert modes.decay_per_s[nearest] == pytest.approx(decay_per_s, rel=0.08)


def test_times_move_to_the_audible_attack_and_velocities_are_levels(heard: Project) -> None:
    for hit, (time_s, _, _) in zip(heard.hits, STRIKES, strict=True):
        assert hit.time_s == pytest.approx(time_s, abs=0.003) and not hit.touched
    bell = [hit.velocity_db for hit in heard.hits[::2]]
    assert bell == pytest.approx([0.0, -8.0, -3.0], abs=1.0)
    assert heard.hits[3].velocity_db - heard.hits[1].velocity_db == pytest.approx(-5.0, abs=2.5)


def test_what_is_rendered_is_as_loud_as_the_clip(heard: Project) -> None:
    project = replace(heard, render=RenderSettings(checkpoint=""))
    track = place_hits(project, render_hits(project, None, Cache(None)))[:, 0]
    source = make_sound()
    for time_s, _, _ in STRIKES:
        at = round(time_s * RATE)
        levels = [10 * np.log10(np.mean(x[at : at + 2400] ** 2)) for x in (track, source)]
        assert levels[0] == pytest.approx(levels[1], abs=2.0)


def test_what_a_person_did_survives_a_new_analysis(heard: Project) -> None:
    bell, crate = heard.hits[0].sound_id, heard.hits[1].sound_id
    project = heard
    for message in (
        {"kind": "add_mode", "sound_id": crate, "frequency_hz": 500, "power_db": -30, "decay_per_s": 9},
        {"kind": "move_hits", "ids": [heard.hits[2].id], "delta_s": 0.015},
    ):
        project = apply_message(project, message).apply(project)
    again = last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project)
    assert again.sound(crate) == project.sound(crate)
    assert {again.hit(h.id).sound_id for h in (heard.hits[1], heard.hits[3])} == {crate}
    assert again.hit(heard.hits[2].id).time_s == project.hit(heard.hits[2].id).time_s
    assert bell not in {s.id for s in again.sounds} and len(again.sounds) == 2


def test_analysis_counts_hits_and_can_be_abandoned(heard: Project) -> None:
    events = list(analyze_clip_audio(heard))
    counts = [(event.done, event.total) for event in events if isinstance(event, AnalysisProgress)]
    assert counts[0] == (0, 5) and counts[-1] == (5, 5) and counts == sorted(counts)
    assert isinstance(events[-1], SoundsFound) and len(events) == len(counts) + 1

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        list(analyze_clip_audio(heard, check=stop))


def test_a_long_list_of_hits_is_read_in_one_pass_to_the_same_end(clip: Path, heard: Project, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    windows = analyze_audio._plan_windows(heard, heard.hits, chosen=False)
    apart = {w.hit_id: x for w, x in analyze_audio._read_windows(heard.clip, windows, lambda: None)}
    monkeypatch.setattr(analyze_audio, "FEW_HITS", 0)
    together = {w.hit_id: x for w, x in analyze_audio._read_windows(heard.clip, windows, lambda: None)}
    assert apart.keys() == together.keys()
    for key, samples in apart.items():
        np.testing.assert_allclose(together[key], samples, atol=1e-4)


def test_hits_in_silence_keep_the_waiting_sound(clip: Path) -> None:
    project = replace_detected_hits([(0.2, 0.5, -12.0)]).apply(open_clip(clip).project)
    after = last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project)
    assert after.hits == project.hits and after.sounds[0].source.reason == INAUDIBLE


def test_a_silent_clip_keeps_the_default_preset(silent_clip: Path) -> None:
    project = replace_detected_hits([(0.5, 0.7, -7.0)]).apply(open_clip(silent_clip).project)
    assert last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project) == project
    with pytest.raises(BadInput, match="no sound"):
        list(detect_onsets(open_clip(silent_clip).project.clip, "audio"))


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


def test_a_recording_becomes_a_sound(tmp_path: Path) -> None:
    strike = np.concatenate((np.zeros(4410), synthesize(Physics(BELL, sample_rate_hz=44_100), 0.8)))
    soundfile.write(tmp_path / "brass_bowl 3.wav", np.stack([strike, strike], axis=1), 44_100)
    sound = sound_from_recording(tmp_path / "brass_bowl 3.wav")
    assert (sound.name, sound.source) == ("brass bowl 3", Source("file", name="brass_bowl 3.wav"))
    for frequency_hz in BELL.frequency_hz:
        assert min(abs(f - frequency_hz) for f in sound.modes.frequency_hz) < 0.5
    soundfile.write(tmp_path / "still.wav", np.zeros(9000), 44_100)
    with pytest.raises(BadInput):
        sound_from_recording(tmp_path / "still.wav")


def test_hum_is_no_part_of_a_hit_and_noise_is_matched_in_level() -> None:
    ring = synthesize(Physics(BELL, BURST), 0.5, seed=3)
    hum = Modes((110.0, 620.0, 800.0), (-55.0, -14.0, -16.0), (0.2, 9.0, 0.1), (0.0,) * 3, (False,) * 3)
    left = drop_hum(Physics(hum), ring).modes
    assert left.frequency_hz == (620.0, 800.0) and left.decay_per_s == pytest.approx((9.0, 6.908 / 4), rel=1e-3)
    loud = Physics(BELL, replace(BURST, power_db=tuple(p + 9.0 for p in BURST.power_db)))
    made = synthesize(match_level(loud, ring), 0.5, seed=4)
    levels = [10 * np.log10(np.mean(x[:2400] ** 2)) for x in (made, ring)]
    assert levels[0] == pytest.approx(levels[1], abs=0.7)
    assert match_level(loud, ring).modes.power_db == BELL.power_db


def test_a_lone_hit_measured_poorly_takes_the_sound_it_is_most_like() -> None:
    def measured(fit: float, tilt: float, count: int = 1) -> _Measured:
        hit = AudibleHit("h", 0.0, -10.0, -10.0)
        return _Measured((hit,) * count, hit, Physics(), fit, np.linspace(-tilt, 0.0, 32)[None, :])

    kinds = [measured(0.7, 5.0, 4), measured(0.6, 30.0, 3), measured(0.0, 28.0), measured(0.0, 9.0, 2)]
    assert _join_strays(kinds, [0, 1, 2, 3]) == [0, 1, 1, 3]
    assert _join_strays(kinds[2:3], [0]) == [0] and _join_strays([], []) == []


def test_a_soft_hit_is_as_soft_as_heard_though_it_dulls_as_well(tmp_path: Path) -> None:
    """Velocity takes more from a bright sound than its decibels: the hit heard 18 dB softer needs fewer."""
    physics, times_s = Physics(Modes((4000.0, 9000.0), (-12.0, -12.0), (30.0, 50.0), (0.3, 1.1))), (0.5, 1.5)
    sound = 1e-5 * np.random.default_rng(0).standard_normal(2 * RATE)
    for time_s, level_db in zip(times_s, (0.0, -18.0), strict=True):
        start = round(time_s * RATE)
        strike = 10 ** (level_db / 20) * synthesize(physics, 0.4)
        sound[start : start + len(strike)] += strike
    project = open_clip(write_clip(tmp_path / "bright.mp4", 2.0, sound.astype(np.float32))).project
    project = replace_detected_hits([(t, 0.8, 0.0) for t in times_s]).apply(project)
    project = replace(
        last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project), render=RenderSettings(checkpoint="")
    )
    track = place_hits(project, render_hits(project, None, Cache(None)))[:, 0]
    loud, soft = (10 * np.log10(np.mean(track[round(t * RATE) :][:2400] ** 2)) for t in times_s)
    assert project.hits[1].sound_id == project.hits[0].sound_id and -17.0 < project.hits[1].velocity_db < -8.0
    assert soft - loud == pytest.approx(-18.0, abs=0.5)


def test_a_track_is_kept_as_finite_numbers_with_velocities_told_or_not() -> None:
    onsets = (Onset(1.25, 0.5), Onset(1801.5, 0.75, 0.0), Onset(1900.0, 1.0, 0.5))
    track = OnsetTrack(OnsetCurve(100.0, np.linspace(0, 1, 9, dtype=np.float32)), onsets)
    arrays = track_to_arrays(track)
    assert all(np.isfinite(array).all() and array.ndim == 1 for array in arrays)  # what a bundle takes
    again = track_from_arrays(*arrays)
    assert again is not None and again.candidates == onsets
