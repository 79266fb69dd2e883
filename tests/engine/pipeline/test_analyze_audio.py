"""Analysis of a clip's sound: modes, levels and times are those put in, and edits survive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import BadInput, Cancelled
from engine.document.edits.hits import replace_detected_hits
from engine.document.edits.messages import apply_message
from engine.document.project import Project, RenderSettings
from engine.document.source import INAUDIBLE
from engine.physics.model import Modes, Physics
from engine.physics.synthesis import synthesize
from engine.pipeline import analyze_audio
from engine.pipeline.analyze_audio import (
    AudibleHit,
    _Analysis,
    _reassign_poor_fits,
    analyze_clip_audio,
    drop_hum,
)
from engine.pipeline.detect_onsets import detect_onsets
from engine.pipeline.events import AnalysisProgress, SoundsFound, last_event
from engine.pipeline.hit_level import match_level
from engine.pipeline.open_clip import open_clip
from engine.pipeline.render import render_hits
from engine.pipeline.track import place_hits
from tests.struck_clip import BELL, BURST, RATE, STRIKES, make_sound, write_clip


@pytest.fixture(scope="module")
def analyzed(clip: Path) -> Project:
    """The clip's document, its hits given a little off their true times, analysed."""
    off_s = [0.012, -0.015, 0.0, -0.02, 0.02]
    rows = [(t + off, 0.8, -4.0) for (t, _, _), off in zip(STRIKES, off_s, strict=True)]
    project = replace_detected_hits(rows).apply(open_clip(clip).project)
    return last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project)


def test_hits_that_sound_alike_share_a_sound(analyzed: Project) -> None:
    ids = [hit.sound_id for hit in analyzed.hits]
    assert ids[0] == ids[2] == ids[4] and ids[1] == ids[3] and ids[0] != ids[1]
    assert len(analyzed.sounds) == 2
    assert [s.name.split(" · ")[0] for s in analyzed.sounds] == ["Sound A", "Sound B"]
    assert all(s.origin == "clip" and s.source.time_s is not None for s in analyzed.sounds)


def test_the_modes_are_those_put_in(analyzed: Project) -> None:
    modes = analyzed.sound(analyzed.hits[0].sound_id).modes
    for frequency_hz, power_db, decay_per_s in zip(BELL.frequency_hz, BELL.power_db, BELL.decay_per_s, strict=True):
        nearest = int(np.argmin(np.abs(np.array(modes.frequency_hz) - frequency_hz)))
        assert modes.frequency_hz[nearest] == pytest.approx(frequency_hz, abs=0.5)
        assert modes.power_db[nearest] == pytest.approx(power_db, abs=1.0)
        assert modes.decay_per_s[nearest] == pytest.approx(decay_per_s, rel=0.08)


def test_times_move_to_the_audible_attack_and_velocities_are_levels(analyzed: Project) -> None:
    for hit, (time_s, _, _) in zip(analyzed.hits, STRIKES, strict=True):
        assert hit.time_s == pytest.approx(time_s, abs=0.003) and not hit.touched
    bell = [hit.velocity_db for hit in analyzed.hits[::2]]
    assert bell == pytest.approx([0.0, -8.0, -3.0], abs=1.0)
    assert analyzed.hits[3].velocity_db - analyzed.hits[1].velocity_db == pytest.approx(-5.0, abs=2.5)


def test_the_rendered_track_has_the_clip_s_level(analyzed: Project) -> None:
    project = replace(analyzed, render=RenderSettings(checkpoint=""))
    track = place_hits(project, render_hits(project, None, Cache(None)))[:, 0]
    source = make_sound()
    for time_s, _, _ in STRIKES:
        at = round(time_s * RATE)
        levels = [10 * np.log10(np.mean(x[at : at + 2400] ** 2)) for x in (track, source)]
        assert levels[0] == pytest.approx(levels[1], abs=2.0)


def test_edits_survive_a_new_analysis(analyzed: Project) -> None:
    bell, crate = analyzed.hits[0].sound_id, analyzed.hits[1].sound_id
    project = analyzed
    for message in (
        {"kind": "add_mode", "sound_id": crate, "frequency_hz": 500, "power_db": -30, "decay_per_s": 9},
        {"kind": "move_hits", "ids": [analyzed.hits[2].id], "delta_s": 0.015},
    ):
        project = apply_message(project, message).apply(project)
    again = last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project)
    assert again.sound(crate) == project.sound(crate)
    assert {again.hit(h.id).sound_id for h in (analyzed.hits[1], analyzed.hits[3])} == {crate}
    assert again.hit(analyzed.hits[2].id).time_s == project.hit(analyzed.hits[2].id).time_s
    assert bell not in {s.id for s in again.sounds} and len(again.sounds) == 2


def test_analysis_counts_hits_and_can_be_abandoned(analyzed: Project) -> None:
    events = list(analyze_clip_audio(analyzed))
    counts = [(event.done, event.total) for event in events if isinstance(event, AnalysisProgress)]
    assert counts[0] == (0, 5) and counts[-1] == (5, 5) and counts == sorted(counts)
    assert isinstance(events[-1], SoundsFound) and len(events) == len(counts) + 1

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        list(analyze_clip_audio(analyzed, check=stop))


def test_a_long_list_of_hits_is_read_in_one_pass_to_the_same_end(clip: Path, analyzed: Project, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    windows = analyze_audio.plan_windows(analyzed, analyzed.hits, chosen=False)
    apart = {w.hit_id: x for w, x in analyze_audio.read_windows(analyzed.clip, windows, lambda: None)}
    monkeypatch.setattr(analyze_audio, "MAX_SEPARATE_READS", 0)
    together = {w.hit_id: x for w, x in analyze_audio.read_windows(analyzed.clip, windows, lambda: None)}
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
    def measured(fit: float, tilt: float, count: int = 1) -> _Analysis:
        hit = AudibleHit("h", 0.0, -10.0, -10.0)
        return _Analysis((hit,) * count, hit, Physics(), fit, np.linspace(-tilt, 0.0, 32)[None, :])

    kinds = [measured(0.7, 5.0, 4), measured(0.6, 30.0, 3), measured(0.0, 28.0), measured(0.0, 9.0, 2)]
    assert _reassign_poor_fits(kinds, [0, 1, 2, 3]) == [0, 1, 1, 3]
    assert _reassign_poor_fits(kinds[2:3], [0]) == [0] and _reassign_poor_fits([], []) == []


def test_a_soft_hit_has_the_clip_s_level_though_velocity_dulls_it_as_well(tmp_path: Path) -> None:
    """Velocity lowers a bright sound by more than its decibels: a hit 18 dB softer needs fewer."""
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
