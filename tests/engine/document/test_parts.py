"""Sounds of several: edits of their parts, what is refused, what other edits leave of them, and files."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.document.edits.merging import give_hits_sound, hit_level_db
from engine.document.edits.messages import apply_message
from engine.document.edits.values import Edit
from engine.document.history import History, commit, undo
from engine.document.parts import expand_hit
from engine.document.preset_files import presets_to_bytes, read_presets
from engine.document.presets import OwnPreset
from engine.document.project import Part, Project, Sound
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import Source
from engine.pipeline.physics_ops import PHYSICS_OPS
from tests.engine.document.test_hostile_projects import mutate, read
from tests.engine.document.test_merging import NOISE, QUIET, make_project


def do(project: Project, kind: str, **fields: Any) -> Project:
    return apply_message(project, {"kind": kind, **fields}, ops=PHYSICS_OPS).apply(project)


def layered() -> Project:
    """Sound 1 with Sound 2 at 20 ms and -6 dB, struck by one hit; Sound 3 is struck by another."""
    return do(make_project("13"), "add_part", sound_id="s1", part_sound_id="s2", offset_s=0.02, gain_db=-6.0)


def test_parts_are_added_set_removed_and_undone() -> None:
    project = layered()
    assert project.sound("s1").parts == (Part("p1", "s2", 0.02, -6.0),)
    project = do(project, "add_part", sound_id="s1", part_sound_id="s3")
    project = do(project, "set_part", sound_id="s1", part_id="p2", values={"offset_s": 99.0, "mute": True})
    assert project.sound("s1").parts[1] == Part("p2", "s3", 10.0, 0.0, True)  # held within its range
    early = do(project, "set_part", sound_id="s1", part_id="p2", values={"offset_s": -9.0})
    assert early.sound("s1").parts[1].offset_s == -5.0
    project = do(project, "delete_parts", sound_id="s1", part_ids=["p1"])
    project = do(project, "add_part", sound_id="s1", part_sound_id="s2")
    assert [part.id for part in project.sound("s1").parts] == ["p2", "p3"]  # no id comes to mean another part
    before = make_project("1")
    done = commit(History(before), Edit("Add a part", lambda document: replace(document, sounds=layered().sounds)))
    assert undo(done).now == before


def test_a_joined_sound_has_no_physics_of_its_own() -> None:
    project = do(make_project("1"), "join_sounds", sound_ids=["s1", "s3"])
    made = project.sounds[-1]
    assert (made.id, made.name, len(made.modes)) == ("s4", "Sound 1 + Sound 3", 0)
    struck = replace(project.hits[0], sound_id="s4")
    strikes = expand_hit(project, struck)
    assert [(one.hit.sound_id, one.offset_s, one.gain_db) for one in strikes] == [("s1", 0.0, 0.0), ("s3", 0.0, 0.0)]
    assert len({struck.seed, *(one.hit.seed for one in strikes)}) == 3


def test_parts_of_parts_add_their_offsets_and_levels() -> None:
    project = do(layered(), "add_part", sound_id="s3", part_sound_id="s1", offset_s=0.5, gain_db=-3.0)
    hit = project.hits[1]
    strikes = [(one.hit.id, one.hit.sound_id, one.offset_s, one.gain_db) for one in expand_hit(project, hit)]
    assert strikes == [("h2", "s3", 0.0, 0.0), ("h2:p1", "s1", 0.5, -3.0), ("h2:p1:p1", "s2", 0.52, -9.0)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "add_part", "sound_id": "s1", "part_sound_id": "s1"}, "'Sound 1' would be a part of itself"),
        ({"kind": "add_part", "sound_id": "s2", "part_sound_id": "s1"}, "would be a part of itself"),
        ({"kind": "add_part", "sound_id": "s1", "part_sound_id": "s9"}, "sound 's9' is not in this project"),
        ({"kind": "set_part", "sound_id": "s1", "part_id": "p1", "values": {"sound_id": "s1"}}, "part of itself"),
        ({"kind": "set_part", "sound_id": "s1", "part_id": "p7", "values": {}}, "Sound 1 has no part 'p7'"),
        ({"kind": "set_part", "sound_id": "s1", "part_id": "p1", "values": {"pan": 1}}, "a part has no 'pan'"),
        ({"kind": "delete_sound", "sound_id": "s2"}, "Sound 2 is a part of Sound 1; remove it there first"),
        ({"kind": "merge_sounds", "sound_id": "s1", "others": ["s2"]}, "'Sound 1' would be a part of itself"),
        ({"kind": "join_sounds", "sound_ids": []}, "a sound has 1 to 8 parts"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        apply_message(layered(), fields, ops=PHYSICS_OPS)


def test_a_fourth_level_and_a_ninth_part_are_refused() -> None:
    project = do(do(layered(), "add_part", sound_id="s3", part_sound_id="s1"), "join_sounds", sound_ids=["s2"])
    with pytest.raises(BadInput, match="'Sound 2 2' would have parts within parts within parts"):
        do(project, "add_part", sound_id="s4", part_sound_id="s3")
    for _ in range(7):
        project = do(project, "add_part", sound_id="s1", part_sound_id="s2")
    with pytest.raises(BadInput, match="Sound 1 has 8 parts already"):
        do(project, "add_part", sound_id="s1", part_sound_id="s2")


def test_a_merged_sound_takes_the_place_of_parts() -> None:
    project = do(layered(), "merge_sounds", sound_id="s3", others=["s2"])
    assert [part.sound_id for part in project.sound("s1").parts] == ["s3"]
    joined = do(make_project("1"), "join_sounds", sound_ids=["s1", "s3"])  # two alike: 3 dB above one
    hear = attrgetter("modes", "residual")
    both, one = (hit_level_db(joined, joined.sounds[k], hear, PHYSICS_OPS.strike_db) for k in (-1, 0))
    assert both - one == pytest.approx(3.01, 0.01)


def test_other_edits_keep_the_sounds_that_are_parts() -> None:
    found = Sound("x", "Gravel", QUIET, NOISE, Source("text"))
    # The sound that is struck by h2 alone is a part of another, so it stays and the found one is new.
    project = do(layered(), "add_part", sound_id="s1", part_sound_id="s3")
    given = give_hits_sound(["h2"], found, "Use Gravel").apply(project)
    assert [sound.name for sound in given.sounds] == ["Sound 1", "Sound 2", "Sound 3", "Gravel"]
    # A replaced sound keeps its parts, a detached copy has them too.
    replaced = give_hits_sound(["h1"], found, "Use Gravel").apply(project)
    assert [part.sound_id for part in replaced.sound("s1").parts] == ["s2", "s3"]
    twice = do(layered(), "add_hit", time_s=1.0, sound_id="s1")
    detached = do(twice, "detach_hits", ids=["h1"])
    assert detached.sounds[-1].parts == layered().sound("s1").parts


# --- presets ----------------------------------------------------------------------------------------


def kept_preset(project: Project) -> OwnPreset:
    """Sound 1 with its parts, as a preset."""
    sound, rest = project.sounds[0], project.sounds[1:]
    sounds = tuple(Sound(s.id, s.name, s.modes, s.residual, Source("preset"), parts=s.parts) for s in rest)
    return OwnPreset("Knock", ("wood",), sound.modes, sound.residual, "made up", sound.parts, sounds)


def nested() -> Project:
    """Sound 1 with Sound 2 before it, which has Sound 3 as a part."""
    project = do(make_project("1"), "add_part", sound_id="s1", part_sound_id="s2", offset_s=-0.25, gain_db=-6.0)
    return do(project, "add_part", sound_id="s2", part_sound_id="s3", offset_s=0.1)


def strikes_of(project: Project, sound_id: str) -> list[tuple[str, int, float, float]]:
    hit = replace(project.hits[0], sound_id=sound_id)
    return [(project.sound(s.hit.sound_id).name, s.hit.seed, s.offset_s, s.gain_db) for s in expand_hit(project, hit)]


def test_a_preset_brings_its_parts_into_another_project() -> None:
    preset = kept_preset(nested())
    (again,) = read_presets_of([preset])
    assert read_presets_of([again]) == (again,) and again.parts == preset.parts
    edit = take(plain_project(), again)
    applied = edit.apply(plain_project())
    assert [(sound.name, bool(sound.parts)) for sound in applied.sounds] == [
        ("Knock", True),
        ("Sound 3", False),
        ("Sound 2", True),
    ]
    told = strikes_of(nested(), "s1")
    assert strikes_of(applied, "s1") == [("Knock", *told[0][1:]), *told[1:]]
    # Taken once more it brings no second copy of them.
    assert len(edit.apply(applied).sounds) == 3
    # Given to all hits at once, the sounds of its parts stay although no hit strikes them.
    every = apply_message(plain_project(), {"kind": "apply_preset", "name": "Knock"}, {"Knock": again})
    assert strikes_of(every.apply(plain_project()), every.apply(plain_project()).hits[0].sound_id)[1:] == told[1:]


def test_a_preset_without_parts_leaves_those_of_the_sound() -> None:
    preset = OwnPreset("Knock", (), QUIET, NOISE)
    assert take(layered(), preset).apply(layered()).sound("s1").parts == layered().sound("s1").parts


def test_a_preset_for_a_part_that_it_brought_makes_no_circle() -> None:
    preset = kept_preset(do(make_project("1"), "add_part", sound_id="s1", part_sound_id="s3"))
    once = take(plain_project(), preset).apply(plain_project())
    (brought,) = (part.sound_id for part in once.sounds[0].parts)
    twice = take(once, preset, brought).apply(once)
    assert [(sound.name, len(sound.parts)) for sound in twice.sounds] == [
        ("Knock", 1),
        ("Knock 2", 1),
        ("Sound 3 2", 0),
    ]


def test_a_file_of_presets_of_before_there_were_parts_opens(tmp_path: Path) -> None:
    value = json.loads(presets_to_bytes([OwnPreset("Knock", ("wood",), QUIET, NOISE, "made up")]))
    assert value["version"] == 2 and not {"parts", "sounds"} & set(value["presets"][0])
    path = tmp_path / "presets.json"
    path.write_text(json.dumps({**value, "version": 1}))
    assert read_presets(path) == read_presets_of([OwnPreset("Knock", ("wood",), QUIET, NOISE, "made up")])
    path.write_text(json.dumps({**value, "version": 3}))
    with pytest.raises(BadInput, match="no file of presets of this Struck"):
        read_presets(path)


def test_absurd_parts_of_presets_are_refused(tmp_path: Path) -> None:
    value = json.loads(presets_to_bytes([kept_preset(nested())]))
    (row,) = value["presets"]
    circle = [{**row["sounds"][0], "parts": [{"id": "p1", "sound_id": "s2"}]}, row["sounds"][1]]
    for change, said in (
        ({"sounds": []}, "has the part 's2', which is no sound"),
        ({"sounds": circle}, "'Sound 2' would be a part of itself"),
        ({"sounds": [row["sounds"][0]] * 2}, "two sounds of one id"),
        ({"sounds": 5}, "no list of at most 72 sounds"),
        ({"parts": [{"id": "p1", "sound_id": ""}]}, "part of itself"),
    ):
        path = tmp_path / "presets.json"
        path.write_text(json.dumps({**value, "presets": [{**row, **change}]}))
        with pytest.raises(BadInput, match=said):
            read_presets(path)


def take(project: Project, preset: OwnPreset, sound_id: str = "s1") -> Edit:
    message = {"kind": "apply_preset", "sound_id": sound_id, "name": preset.name}
    return apply_message(project, message, {preset.name: preset})


def plain_project() -> Project:
    project = make_project("1")
    return replace(project, sounds=project.sounds[:1])


def read_presets_of(presets: list[OwnPreset]) -> tuple[OwnPreset, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "presets.json"
        path.write_bytes(presets_to_bytes(presets))
        return read_presets(path)


# --- files ----------------------------------------------------------------------------------------


def test_a_project_goes_round_and_one_without_parts_is_as_before() -> None:
    project = layered()
    value = json.loads(json.dumps(project_to_json(project)))
    again = project_from_json(value)
    assert [sound.parts for sound in again.sounds] == [sound.parts for sound in project.sounds]
    assert project_to_json(again) == value
    assert [("parts" in sound) for sound in value["sounds"]] == [True, False, False]
    plain = json.loads(json.dumps(project_to_json(make_project("13"))))
    assert not any(sound.parts for sound in project_from_json(plain).sounds)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sound_id": "s9"}, "'Sound 1' has the part 's9', which is no sound of the project"),
        ({"sound_id": "s1"}, "'Sound 1' would be a part of itself"),
        ({"offset_s": -5.1}, "sound 1: part 1 has offset_s -5.1, not a number from -5 to 10"),
        ({"gain_db": 1e9}, "sound 1: part 1 has gain_db"),
        ({"mute": 1}, "sound 1: part 1 has mute 1, not true or false"),
    ],
)
def test_a_part_of_absurd_values_is_named(values: dict[str, Any], said: str) -> None:
    value = json.loads(json.dumps(project_to_json(layered())))
    value["sounds"][0]["parts"][0] |= values
    with pytest.raises(BadInput, match=f"^one: {said}"):
        project_from_json(value, "one")


def test_mutated_parts_open_or_are_refused() -> None:
    rng = random.Random(18)
    opened = 0
    for _ in range(150):
        value = json.loads(json.dumps(project_to_json(layered())))
        value["sounds"][0]["parts"] = mutate(value["sounds"][0]["parts"], rng)
        project = read(value)
        if project is not None:
            opened += 1
            for hit in project.hits:
                assert 1 <= len(expand_hit(project, hit)) <= 73
    assert 10 < opened < 140


def test_a_long_chain_of_parts_is_refused_and_not_followed() -> None:
    value = json.loads(json.dumps(project_to_json(make_project("1"))))
    one = value["sounds"][0]
    value["sounds"] = [{**one, "id": f"s{k}", "parts": [{"id": "p1", "sound_id": f"s{k + 1}"}]} for k in range(1, 40)]
    value["sounds"].append({**one, "id": "s40"})
    with pytest.raises(BadInput, match="parts within parts within parts"):
        project_from_json(value, "one")
