"""Edits of the parts of a sound: other sounds that sound with every hit of it, at offsets and levels of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.core.errors import BadInput
from engine.document.edits.values import (
    GAIN_RANGE_DB,
    NAME_LENGTH,
    Edit,
    check_list,
    check_mapping,
    check_number,
    check_text,
    check_truth,
    count_of,
    find_sound,
    free_name,
    next_ids,
    quote,
    with_sound,
)
from engine.document.parts import MOST_PARTS, OFFSET_RANGE_S, check_parts
from engine.document.project import Part, Project, Sound
from engine.document.source import Source
from engine.physics.model import Modes, Residual


def add_part(sound_id: str, part_sound_id: str, offset_s: float = 0.0, gain_db: float = 0.0) -> Edit:
    """Give a sound another one as a part. Raises BadInput where it would be a part of itself."""
    at_s, level_db = check_number(offset_s, "offset_s", OFFSET_RANGE_S), check_number(gain_db, "gain_db", GAIN_RANGE_DB)

    def apply(project: Project) -> Project:
        sound, part = find_sound(project, sound_id), find_sound(project, part_sound_id)
        if len(sound.parts) >= MOST_PARTS:
            raise BadInput(f"{sound.name} has {MOST_PARTS} parts already; remove one first")
        (new_id,) = next_ids((one.id for one in sound.parts), "p")
        return _with_parts(project, sound, (*sound.parts, Part(new_id, part.id, at_s, level_db)))

    return Edit("Add a part", apply)


def set_part(sound_id: str, part_id: str, values: Mapping[str, Any]) -> Edit:
    """Set ``offset_s``, ``gain_db``, ``mute`` or ``sound_id`` of a part to absolute values."""
    checked: dict[str, Any] = {}
    for name, value in check_mapping(values, "values").items():
        if name == "offset_s":
            checked[name] = check_number(value, name, OFFSET_RANGE_S)
        elif name == "gain_db":
            checked[name] = check_number(value, name, GAIN_RANGE_DB)
        elif name == "mute":
            checked[name] = check_truth(value, name)
        elif name == "sound_id":
            checked[name] = check_text(value, "the id of a sound")
        else:
            raise BadInput(f"a part has no {quote(name)}; choose offset_s, gain_db, mute or sound_id")

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        _find_part(sound, part_id)
        if "sound_id" in checked:
            find_sound(project, checked["sound_id"])
        parts = tuple(replace(part, **checked) if part.id == part_id else part for part in sound.parts)
        return _with_parts(project, sound, parts)

    words = {"offset_s": "Move", "gain_db": "Level of", "mute": "Unmute", "sound_id": "Another sound for"}
    word = "Mute" if checked.get("mute") else words[next(iter(checked), "gain_db")]
    return Edit(f"{word} a part", apply)


def delete_parts(sound_id: str, part_ids: Sequence[str]) -> Edit:
    """Take parts away from a sound; their sounds stay in the project."""
    gone = [check_text(one, "the id of a part") for one in check_list(part_ids, "part_ids")]

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        for part_id in gone:
            _find_part(sound, part_id)
        return with_sound(project, replace(sound, parts=tuple(part for part in sound.parts if part.id not in gone)))

    return Edit(f"Remove {count_of(len(gone), 'part')}", apply)


def join_sounds(sound_ids: Sequence[str]) -> Edit:
    """Add a sound that has no physics of its own and these sounds as parts, all at its hits' time."""
    ids = [check_text(one, "the id of a sound") for one in check_list(sound_ids, "sound_ids")]
    if not 1 <= len(ids) <= MOST_PARTS:
        raise BadInput(f"a sound has 1 to {MOST_PARTS} parts; choose so many sounds")

    def apply(project: Project) -> Project:
        sounds = [find_sound(project, one) for one in ids]
        (new_id,) = next_ids((one.id for one in project.sounds), "s")
        name = free_name(project, " + ".join(one.name for one in sounds)[: NAME_LENGTH - 8])
        parts = tuple(Part(f"p{k}", one.id) for k, one in enumerate(sounds, 1))
        joined = Sound(new_id, name, Modes(), Residual(), Source("hand"), parts=parts)
        return _checked(replace(project, sounds=(*project.sounds, joined)))

    return Edit("New sound of parts", apply)


def _with_parts(project: Project, sound: Sound, parts: tuple[Part, ...]) -> Project:
    return _checked(with_sound(project, replace(sound, parts=parts)))


def _checked(project: Project) -> Project:
    check_parts(project.sounds)
    return project


def _find_part(sound: Sound, part_id: str) -> Part:
    for part in sound.parts:
        if part.id == part_id:
            return part
    raise BadInput(f"{sound.name} has no part {quote(part_id)}; choose one that it has")
