"""Finding what is struck: what is seen becomes sounds; what is found is heard, and taken whole or in part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.bank.bank import BANK_PATH, Bank, Candidate, Entry, load_bank, make_bank
from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.document.project import Hit, Project
from engine.document.source import Source, describe_source
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.complete_sound import complete_sound
from engine.pipeline.estimate_from_video import HitEstimate, HitsEstimated
from engine.pipeline.events import SoundsFound, last_event
from engine.pipeline.open_clip import open_clip
from engine.pipeline.sound_sources import sound_from_span
from engine.pipeline.sounds_from_video import describe_prediction, estimate_clip_sounds
from engine.vision.predict import ObjectPrediction
from tests.clips import make_clip
from tests.ui_tab import Tab, check_sentence

RATE_HZ = 48_000


def make_physics(frequency_hz: float) -> Physics:
    noise = Residual((200.0, 2000.0, 16_000.0), (-40.0, -45.0), (80.0, 120.0))
    return Physics(Modes((frequency_hz,), (-12.0,), (8.0,), (0.0,), (False,)), noise)


def make_prediction(material: dict[str, float], size_m: float = 0.2, striker: str = "stick") -> ObjectPrediction:
    return ObjectPrediction(material, size_m, striker, (0.5, 0.5), np.zeros(64, np.float32), max(material.values()))


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Three sounds that are all there is to find."""
    made = make_bank(
        Entry(name, make_physics(f), material, source=f"{name}.wav", group=name, licence="CC0", kind="recording")
        for name, material, f in (("Pan", "metal", 400.0), ("Bottle", "glass", 2500.0), ("Box", "wood", 180.0))
    )
    monkeypatch.setattr("engine.bank.user_bank.load_bank", lambda path: made if path == BANK_PATH else load_bank(path))
    return made


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that tells the first two hits of one thing from the others."""

    def estimate(clip: object, times_s: list[float], *_: object, **__: object) -> Iterator[HitsEstimated]:
        pan = Candidate("Pan", "metal", 0.7, "metal, about 20 cm", make_physics(400.0), "pan.wav", "CC0")
        box = Candidate("Box", "wood", 0.6, "wood", make_physics(180.0), "box.wav", "CC0")
        looks = ((pan, make_prediction({"metal": 0.7, "wood": 0.2})), (box, make_prediction({"wood": 0.6})))
        yield HitsEstimated(
            tuple(HitEstimate(t, k > 1, (looks[k > 1][0],), looks[k > 1][1]) for k, t in enumerate(times_s))
        )

    monkeypatch.setattr("engine.pipeline.sounds_from_video.estimate_hits", estimate)
    monkeypatch.setattr("engine.pipeline.estimate_from_video.estimate_hits", estimate)


def silent_project() -> Project:
    project = open_clip(ASSETS / "demo_silent.mp4").project
    hits = tuple(Hit(f"h{k}", 0.5 * k, project.sounds[0].id, k) for k in range(1, 5))
    return replace(project, hits=hits)


def test_hits_of_one_thing_become_one_sound_from_the_picture(bank: Bank, seen: None) -> None:
    project = last_event(estimate_clip_sounds(silent_project(), bank), SoundsFound).edit.apply(silent_project())
    assert [sound.name for sound in project.sounds] == ["Pan", "Box"]
    assert all(sound.origin == "picture" for sound in project.sounds)
    assert "metal (70 %) or wood (20 %)" in describe_source(project.sounds[0].source)
    pan, box = (sound.id for sound in project.sounds)
    assert [hit.sound_id for hit in project.hits] == [pan, pan, box, box]
    assert project.sounds[0].modes.frequency_hz == (400.0,)
    again = last_event(estimate_clip_sounds(project, bank), SoundsFound).edit.apply(project)
    assert len(again.sounds) == 2 and all(hit.sound_id in {s.id for s in again.sounds} for hit in again.hits)


def test_hits_that_the_picture_does_not_tell_keep_the_default_sound_together(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    pan = Candidate("Pan", "metal", 0.7, "", make_physics(400.0))
    looks = [make_prediction({"metal": share}) for share in (0.7, 0.3, 0.2, 0.7)]
    numbers = (0, 1, 2, 0)

    def estimate(clip: object, times_s: list[float], *_: object, **__: object) -> Iterator[HitsEstimated]:
        rows = zip(times_s, numbers, looks, strict=True)
        yield HitsEstimated(tuple(HitEstimate(t, number, (pan,), look) for t, number, look in rows))

    monkeypatch.setattr("engine.pipeline.sounds_from_video.estimate_hits", estimate)
    project = last_event(estimate_clip_sounds(silent_project(), bank), SoundsFound).edit.apply(silent_project())
    pan_id, other = (sound.id for sound in project.sounds)
    assert [hit.sound_id for hit in project.hits] == [pan_id, other, other, pan_id]
    default = replace(silent_project().sounds[0].source, reason="unsure")
    assert project.sound(other).source == default  # the default, which may be replaced
    looks = [make_prediction({"metal": 0.9})] * 4
    again = last_event(estimate_clip_sounds(project, bank), SoundsFound).edit.apply(project)
    assert all(sound.origin == "picture" for sound in again.sounds)


def test_objects_with_one_best_match_are_one_sound(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    pan = Candidate("Pan", "metal", 0.7, "", make_physics(400.0), "pan.wav")
    box = Candidate("Box", "wood", 0.7, "", make_physics(180.0), "box.wav")
    look = make_prediction({"metal": 0.8})

    def estimate(clip: object, times_s: list[float], *_: object, **__: object) -> Iterator[HitsEstimated]:
        rows = zip(times_s, (0, 1, 2, 3), (pan, box, pan, pan), strict=True)
        yield HitsEstimated(tuple(HitEstimate(t, number, (best,), look) for t, number, best in rows))

    monkeypatch.setattr("engine.pipeline.sounds_from_video.estimate_hits", estimate)
    project = last_event(estimate_clip_sounds(silent_project(), bank), SoundsFound).edit.apply(silent_project())
    assert [sound.name for sound in project.sounds] == ["Pan", "Box"]
    first, second = (sound.id for sound in project.sounds)
    assert [hit.sound_id for hit in project.hits] == [first, second, first, first]


def test_sounds_that_a_person_chose_stay_when_the_picture_is_looked_at(bank: Bank, seen: None) -> None:
    project = silent_project()
    chosen = replace(project.sounds[0], id="s9", name="Mine", source=Source("hand"))
    hits = (*project.hits[:3], replace(project.hits[3], sound_id="s9"))
    project = replace(project, sounds=(*project.sounds, chosen), hits=hits)
    looked = last_event(estimate_clip_sounds(project, bank), SoundsFound).edit.apply(project)
    assert looked.sound("s9") == chosen and looked.hits[3].sound_id == "s9"
    assert [sound.name for sound in looked.sounds] == ["Mine", "Pan", "Box"]
    without_hits = last_event(estimate_clip_sounds(replace(project, hits=()), bank), SoundsFound)
    assert without_hits.edit.apply(project).sound("s9") == chosen


def test_what_is_seen_is_told_in_words() -> None:
    assert (
        describe_prediction(make_prediction({"wood": 0.62, "metal": 0.05}))
        == "wood (62 %), about 20 cm, struck with a stick"
    )
    assert describe_prediction(make_prediction({"glass": 0.5}, 0.0, "thing")) == "glass (50 %)"
    told = make_prediction({"rock": 0.16, "wood": 0.3}).of_material("rock")
    assert describe_prediction(told) == "rock, as you say, about 20 cm, struck with a stick"


def test_a_span_of_the_clips_sound_gives_the_mode_that_rings_in_it(tmp_path: Path) -> None:
    ring = synthesize(make_physics(700.0), 0.8)
    track = np.zeros(2 * RATE_HZ, np.float32)
    track[RATE_HZ // 2 :][: len(ring)] += ring
    soundfile.write(tmp_path / "ring.wav", track, RATE_HZ)
    clip = make_clip(tmp_path / "ring.mp4", count=60, sounds=[(0.0, track)])
    project = open_clip(clip).project
    sound, samples = sound_from_span(project.clip, 0.4, 1.3)
    assert min(abs(1200 * np.log2(f / 700.0)) for f in sound.modes.frequency_hz) < 3.0
    strongest = int(np.argmax(sound.modes.power_db))
    assert sound.modes.decay_per_s[strongest] == pytest.approx(8.0, rel=0.1)
    assert sound.origin == "reference" and "0.40 to 1.30 s" in describe_source(sound.source)
    assert len(samples) == round(0.9 * RATE_HZ)
    with pytest.raises(BadInput) as refused:
        sound_from_span(project.clip, 0.0, 0.3)
    check_sentence(str(refused.value))


def find(tab: Tab, by: str, **values: object) -> dict:
    tab.ask("search", by=by, request=len(tab.told), **values)
    tab.settle()
    return tab.last("search_results")


@pytest.mark.slow
def test_words_find_sounds_that_are_heard_and_then_taken_in_one_entry_of_the_history(tab: Tab, bank: Bank) -> None:
    sound = tab.session.require_project().sounds[0]
    answer = find(tab, "words", text="glass bottle, qwfpgj")
    assert answer["candidates"][0]["name"] == "Bottle" and answer["unknown"] == ["qwfpgj"]
    assert any("glass" in words for words, _ in answer["understood"])
    first, second = answer["candidates"][:2]
    tab.ask("audition_candidate", id=first["id"])
    tab.settle()
    assert tab.last("audition")["sound_id"] == f"candidate:{first['id']}"
    assert tab.session.require_project().sounds[0] == sound
    for row in (second, first):
        tab.ask("use_candidate", id=row["id"], sound_id=sound.id, gesture="trying")
        tab.settle()
        assert tab.last("document")["undo"] == f"Use {row['name']}"
    taken = tab.session.require_project().sounds[0]
    assert (taken.name, taken.origin, taken.id) == ("Bottle", "text", sound.id)
    assert {hit.sound_id for hit in tab.session.require_project().hits} >= {sound.id}
    tab.ask("undo")
    assert tab.session.require_project().sounds[0] == sound and not tab.errors
    for _ in range(2):  # sent again over a new connection: it counts once
        tab.ask("use_candidate", id=second["id"], sound_id=sound.id, number=1)
    assert tab.last("document")["handled"] == 1
    tab.ask("undo")
    assert tab.session.require_project().sounds[0] == sound and not tab.errors


def test_the_noise_alone_is_taken_and_the_modes_stay(tab: Tab, bank: Bank) -> None:
    sound = tab.session.require_project().sounds[0]
    row = find(tab, "sound", sound_id=sound.id)["candidates"][0]
    tab.ask("use_candidate", id=row["id"], sound_id=sound.id, parts=["noise"])
    taken = tab.session.require_project().sounds[0]
    assert taken.modes.frequency_hz == sound.modes.frequency_hz and taken.residual != sound.residual
    assert taken.origin == "edited" and describe_source(taken.source).endswith(f"noise of {row['name']}")
    tab.ask("use_candidate", id=row["id"], sound_id=sound.id, parts=["modes", "room"])
    assert tab.session.require_project().sounds[0].modes.frequency_hz != sound.modes.frequency_hz
    assert tab.session.require_project().sounds[0].name == sound.name and not tab.errors


def test_the_picture_tells_its_best_sounds_and_how_sure_it_is(tab: Tab, bank: Bank, seen: None) -> None:
    answer = find(tab, "picture", sound_id=tab.session.require_project().sounds[0].id)
    assert answer["candidates"][0]["name"] == "Pan" and answer["confidence"] == 0.7
    assert answer["seen"].startswith("metal (70 %)") and tab.phases[-1] in ("idle", "done")


def test_a_look_that_cannot_tell_offers_materials_and_takes_what_the_user_says(
    tab: Tab, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[float], object, str]] = []

    def estimate(
        clip: object,
        times_s: list[float],
        bank: Bank,
        network: object,
        top: int,
        check: object,
        contact: object,
        name: str,
    ) -> Iterator[HitsEstimated]:
        asked.append((times_s, contact, name))
        look = replace(make_prediction({"wood": 0.3, "glass": 0.2}), crop=np.zeros((8, 8, 3), np.uint8))
        look = look.of_material(name) if name else look
        box = Candidate("Box", "wood", 0.3, "", make_physics(180.0))
        yield HitsEstimated(tuple(HitEstimate(t, 0, (box,), look) for t in times_s))

    monkeypatch.setattr("engine.pipeline.estimate_from_video.estimate_hits", estimate)
    project = tab.session.require_project()
    sound_id = project.sounds[0].id
    answer = find(tab, "picture", sound_id=sound_id)
    assert answer["certain"] is False and answer["candidates"] == []
    assert answer["materials"] == ["wood", "glass"] and answer["crop"].startswith("data:image/jpeg;base64,")
    told = find(tab, "picture", sound_id=sound_id, material="glass")
    assert told["certain"] is True and told["materials"][0] == "glass" and len(told["candidates"]) == 1
    assert told["seen"].startswith("glass, as you say")
    hits = sorted(hit.time_s for hit in project.hits if hit.sound_id == sound_id)
    find(tab, "picture", sound_id=sound_id, contact=[0.25, 1.5], time_s=hits[-1] + 0.01)
    assert asked[1][2] == "glass" and asked[2] == ([hits[-1]], (0.25, 1.0), "")
    tab.ask("search", by="picture", request=9, sound_id=sound_id, material="cheese")
    tab.settle()
    check_sentence(tab.errors[-1])


@pytest.mark.slow
def test_new_sounds_are_made_for_words_or_for_what_is_seen_and_others_the_next_time(
    tab: Tab, bank: Bank, seen: None
) -> None:
    sound_id = tab.session.require_project().sounds[0].id
    first = find(tab, "new", text="large iron pan", sound_id=sound_id)["candidates"]
    assert {row["material"] for row in first} == {"metal"} and all(row["name"].startswith("New metal") for row in first)
    second = find(tab, "new", text="", sound_id=sound_id)
    assert second["seen"].startswith("metal (70 %)") and second["candidates"][0]["name"] != first[0]["name"]
    tab.ask("use_candidate", id=first[0]["id"], sound_id=sound_id)
    taken = tab.session.require_project().sounds[0]
    assert not taken.residual.envelope_db and taken.detail < 1.0  # what is not generated is another object's
    modes, residual = complete_sound(taken)
    assert residual.envelope_db and set(taken.modes.frequency_hz) <= set(modes.frequency_hz)
    assert len(residual.power_db) > len(taken.residual.power_db)
    tab.edit("set_detail", sound_id=sound_id, detail_seed=taken.detail_seed + 1)  # Another
    assert complete_sound(tab.session.require_project().sounds[0])[1] != residual
    tab.ask("use_candidate", id=first[1]["id"], sound_id=sound_id)
    assert taken.modes and taken.modes != tab.session.require_project().sounds[0].modes and not tab.errors


def test_new_sounds_are_not_of_a_material_that_the_words_exclude(tab: Tab, bank: Bank) -> None:
    made = find(tab, "new", text="not metal, no wood")["candidates"]
    materials = {row["material"] for row in made}
    assert len(materials) == len(made) and not {"metal", "wood", ""} & materials and not tab.errors


@pytest.mark.slow
def test_a_marked_span_becomes_a_sound(tab: Tab, bank: Bank) -> None:
    project = tab.session.require_project()
    hit = project.hits[0]
    tab.ask("measure_span", start_s=hit.time_s - 0.05, end_s=hit.time_s + 0.4, sound_id=None)
    tab.settle()
    made = tab.session.require_project().sounds[-1]
    assert len(tab.session.require_project().sounds) == len(project.sounds) + 1
    assert made.origin == "reference" and made.source.recording and len(made.modes)
    tab.ask("measure_span", start_s=hit.time_s - 0.05, end_s=hit.time_s + 0.4, sound_id=made.id)
    tab.settle()
    assert len(tab.session.require_project().sounds) == len(project.sounds) + 1 and not tab.errors


def test_recordings_are_added_to_the_bank_and_what_is_broken_or_known_is_told(
    tab: Tab, bank: Bank, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, frequency_hz in (("metal_bowl.wav", 900.0), ("again.wav", 900.0), ("plank.wav", 240.0)):
        soundfile.write(folder / name, synthesize(make_physics(frequency_hz), 0.6), RATE_HZ)
    (folder / "broken.wav").write_bytes(b"RIFF and then nothing")
    tab.ask("add_to_bank", paths=[str(folder)])
    tab.settle()
    told = tab.last("bank")
    assert sorted(told["added"]) in (["again", "plank"], ["metal bowl", "plank"])
    assert len(told["duplicates"]) == 1 and told["broken"][0][0] == "broken.wav"
    assert (told["own"], told["sounds"]) == (2, 5)
    assert find(tab, "words", text="plank")["candidates"][0]["name"] == "plank"


@pytest.mark.slow
def test_wrong_wishes_are_refused_in_one_sentence(tab: Tab, bank: Bank) -> None:
    sound_id = tab.session.require_project().sounds[0].id
    for kind, values in (
        ("search", {"by": "smell"}),
        ("search", {"by": "words", "text": "  "}),
        ("search", {"by": "sound", "sound_id": "s99"}),
        ("audition_candidate", {"id": "f99"}),
        ("use_candidate", {"id": ["f1"], "sound_id": sound_id}),
        ("measure_span", {"start_s": 1.0, "end_s": 1.001, "sound_id": None}),
        ("measure_span", {"start_s": "now", "end_s": 2.0, "sound_id": None}),
        ("add_to_bank", {"paths": []}),
    ):
        before = len(tab.errors)
        tab.ask(kind, **values)
        tab.settle()
        assert len(tab.errors) == before + 1, kind
        check_sentence(tab.errors[-1])
    row = find(tab, "sound", sound_id=sound_id)["candidates"][0]
    tab.ask("use_candidate", id=row["id"], sound_id=sound_id, parts=["colour"])
    check_sentence(tab.errors[-1])
    tab.open_demo("silent")
    before = len(tab.errors)
    tab.ask("measure_span", start_s=0.1, end_s=0.5, sound_id=None)
    assert len(tab.errors) == before + 1
    check_sentence(tab.errors[-1])
