"""Where sounds come from: old sentences become data, data becomes sentences, and no sentence is read again."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import engine.document.source as source_module
from engine.core.cache import read_bundle
from engine.core.paths import ROOT
from engine.document.migrations import parse_note
from engine.document.project import HitOffsets, Project
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import DEFAULT_REASONS, INAUDIBLE, SILENT, UNSURE, WAITING, Source, describe_source
from engine.document.storage import load_autosave, load_project
from engine.physics.presets import load_presets

FIXTURES = ROOT / "tests" / "fixtures" / "project"
"""Files as the version of Struck that wrote version 1 of the project format left them."""

KEY = "c0ffee" * 10 + "c0ff"
CLIP_SOUND = "Sound A · bright ringing"


def open_old() -> Project:
    text = (FIXTURES / "every_source.v1.struck.json").read_text(encoding="utf-8")
    return project_from_json(json.loads(text))


EXPECTED = {
    "s1": Source("clip", time_s=1.23),
    "s2": Source("clip", time_s=2.40),
    "s3": Source("clip", time_s=1.23, edited=True),
    "s4": Source("file", name="brass bowl 3.wav", recording=KEY),
    "s5": Source("file", name="brass bowl 3.wav", recording=KEY, edited=True),
    "s6": Source("span", time_s=0.40, end_s=1.30, recording=KEY),
    "s7": Source("physics"),
    "s13": Source(
        "picture", note="the picture looks like wood (62 %), about 20 cm, struck with a stick; berklee_olpc/Board_1"
    ),
    "s14": Source("text", note="glass, bottle, berklee_olpc/Bottle_2"),
    "s15": Source("morph", parents=(CLIP_SOUND, "Wine glass"), amount=0.4),
    "s16": Source("clip", time_s=1.23, borrowed=(("noise", "Thin glass"), ("room", "Thin glass"))),
    "s17": Source("clip"),
    "s18": Source("clip", edited=True),
    "s19": Source("hand"),
}


def test_every_source_of_version_1_is_understood() -> None:
    sounds = {sound.id: sound for sound in open_old().sounds}
    assert {name: sounds[name].source for name in EXPECTED} == EXPECTED
    preset, edited = sounds["s8"].source, sounds["s9"].source
    assert preset.kind == "preset" and not preset.reason and edited == replace(preset, edited=True)
    assert [sounds[f"s{k}"].source.reason for k in (10, 11, 12)] == [WAITING, SILENT, INAUDIBLE]
    assert all(sounds[f"s{k}"].source.name and sounds[f"s{k}"].source.note for k in (10, 11, 12))


def test_origins_and_sentences_are_those_of_version_1() -> None:
    notes = json.loads((FIXTURES / "every_source.v1.notes.json").read_text(encoding="utf-8"))
    for sound in open_old().sounds:
        origin, note = notes[sound.id]
        assert sound.origin == origin
        if note and sound.source.reason not in (UNSURE, INAUDIBLE):  # worded otherwise since; the oldest had none
            assert describe_source(sound.source) == note


def test_all_else_of_version_1_is_kept() -> None:
    project = open_old()
    assert (project.clip.path, project.clip.start_timecode, project.clip.has_audio) == (
        "clips/bells.mp4", "01:00:00:00", True,
    )  # fmt: skip
    assert project.clip.frame_rate == Fraction(30000, 1001)
    assert len(project.hits) == len(project.sounds) == 19
    assert project.detection.dismissed_onsets_s == (0.5, 3.25) and project.detection.threshold == 0.45
    assert (project.render.steps, project.render.seed, project.render.variation) == (6, 7, 0.4)
    assert project.hit("h2").offsets == HitOffsets(25.0, 1.5, -2.0) and project.hit("h3").mute
    assert project.sound("s1").modes.frequency_hz == (440.0, 1234.5)


def test_an_autosave_a_bundle_and_presets_of_that_time_open() -> None:
    found = load_autosave(FIXTURES / "autosave", "f" * 32)
    assert found is not None and found[0] == open_old() and found[1] == "/home/me/bells.struck.json"
    arrays = read_bundle(FIXTURES / "two.v1.sounds")
    assert np.allclose(arrays["a" * 64], np.arange(5), atol=1e-5)  # kept as 24-bit FLAC
    assert np.allclose(arrays["b" * 64], [-1.0, 0.5], atol=1e-5)
    presets = load_presets(FIXTURES / "presets.v1.json")
    assert len(presets) == 2 and all(preset.credit and len(preset.modes) == 2 for preset in presets)


def test_a_migrated_project_is_written_and_read_as_it_is() -> None:
    project = open_old()
    value = json.loads(json.dumps(project_to_json(project)))
    assert value["version"] == 2 and "origin_note" not in json.dumps(value)
    assert project_from_json(value) == project


@pytest.mark.parametrize("preset", [load_presets()[0], load_presets()[-1]], ids=lambda preset: preset.name)
def test_a_migrated_preset_is_the_preset(preset: object) -> None:
    credit = preset.credit  # type: ignore[attr-defined]
    assert parse_note("preset", credit) == {"kind": "preset", "note": credit}


def test_what_is_not_understood_stays_readable() -> None:
    assert parse_note("edited", "was: something odd; and more") == {
        "kind": "preset", "note": "something odd; and more", "edited": True,
    }  # fmt: skip
    assert parse_note("reference", "Bottle 3, a friend's") == {"kind": "bank", "note": "Bottle 3, a friend's"}


def test_borrowed_parts_are_told_by_their_sounds() -> None:
    source = Source("clip", time_s=0.5, borrowed=(("noise", "Bell"), ("room", "Bell"), ("modes", "Jar")), edited=True)
    assert describe_source(source) == "was: from the clip's sound at 0.50 s; noise and room of Bell; modes of Jar"
    assert source.origin == "edited"


def test_default_sounds_say_why() -> None:
    for reason, words in DEFAULT_REASONS.items():
        text = describe_source(Source("preset", name="Oak", note="CC0", reason=reason))
        assert text == f"{words}: Oak (CC0)"


@pytest.mark.slow
def test_another_wording_changes_no_behaviour(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every sentence replaced by nonsense, sounds still wait, are edited, and find their recordings again."""
    from engine.core.cache import Cache
    from engine.core.paths import ASSETS
    from engine.document.edits.sounds import set_modes
    from engine.pipeline.analyze_audio import analyze_clip_audio
    from engine.pipeline.events import SoundsFound
    from engine.pipeline.open_clip import open_clip
    from engine.pipeline.recordings import find_recording
    from ui.comparison_cache import is_measurement_of

    monkeypatch.setattr(source_module, "_describe_origin", lambda source: "xyzzy")
    monkeypatch.setattr(source_module, "describe_place", lambda source: "plugh")
    project = load_project(ASSETS / "demo_sound.struck.json")
    fresh = open_clip(ASSETS / "demo_sound.mp4").project
    waiting = replace(project, sounds=(replace(fresh.sounds[0], id="s1"),))
    waiting = replace(waiting, hits=tuple(replace(hit, sound_id="s1", touched=False) for hit in project.hits[:3]))
    *_, found = analyze_clip_audio(waiting)
    assert isinstance(found, SoundsFound)
    measured = found.edit.apply(waiting)
    assert {sound.origin for sound in measured.sounds} == {"clip"}
    own = measured.sounds[0]
    edited = set_modes(own.id, [0], power_db=[-30.0]).apply(measured).sound(own.id)
    assert is_measurement_of(own, edited) and not is_measurement_of(edited, own)
    assert describe_source(edited.source) == "was: xyzzy"
    before, after = (find_recording(measured, sound, Cache(None)).samples for sound in (own, edited))
    assert len(before) > 1000 and np.array_equal(before, after)
