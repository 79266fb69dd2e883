"""Edits that give hits one sound: sounds merged into one, and a found sound given to chosen hits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.core.errors import BadInput
from engine.document.edits.hits import touch_hit
from engine.document.edits.sounds import replace_sound
from engine.document.edits.strips import keep_place
from engine.document.edits.values import (
    GAIN_RANGE_DB,
    Edit,
    MakeMacros,
    MakeWhole,
    MeasureLevel,
    check_hits,
    check_text,
    count_of,
    find_sound,
    free_name,
    next_ids,
    with_hits,
)
from engine.document.parts import check_parts, expand_hit, find_user
from engine.document.project import Hit, Project, Sound
from engine.physics.model import Modes, Residual


def merge_sounds(
    sound_id: str,
    others: Sequence[str],
    apply_macros: MakeMacros,
    complete: MakeWhole,
    strike_db: MeasureLevel,
) -> Edit:
    """Give every hit of the ``others`` the sound of ``sound_id``, as loud as it was, and delete the others.

    What their sounds differ by in level at one velocity goes into the hits' gain: how hard each was struck stays.
    Sounds that have one of the others as a part have the merged sound instead. Raises BadInput where that would be the
    merged sound itself.
    """
    wanted = list(dict.fromkeys(check_text(other, "the id of a sound") for other in others))
    if not wanted or sound_id in wanted:
        raise BadInput("a sound is merged with others than itself; choose at least one other")

    def hear(sound: Sound) -> tuple[Modes, Residual]:
        return apply_macros(*complete(sound), sound.macros)

    def apply(project: Project) -> Project:
        into = find_sound(project, sound_id)
        level_db = hit_level_db(project, into, hear, strike_db)
        shift_db = {
            other: hit_level_db(project, find_sound(project, other), hear, strike_db) - level_db for other in wanted
        }

        def move(hit: Hit) -> Hit:
            low_db, high_db = GAIN_RANGE_DB
            kept = keep_place(touch_hit(hit), find_sound(project, hit.sound_id), into)
            gain_db = min(high_db, max(low_db, kept.gain_db + shift_db[hit.sound_id]))
            return replace(kept, sound_id=into.id, gain_db=gain_db)

        hits = [move(hit) if hit.sound_id in shift_db else hit for hit in project.hits]
        left = tuple(_with_merged_parts(one, shift_db, into) for one in project.sounds if one.id not in shift_db)
        check_parts(left)
        return with_hits(replace(project, sounds=left), hits)

    return Edit(f"Merge {count_of(len(wanted) + 1, 'sound')}", apply)


def _with_merged_parts(sound: Sound, gone: Mapping[str, float], into: Sound) -> Sound:
    if not any(part.sound_id in gone for part in sound.parts):
        return sound
    parts = (replace(part, sound_id=into.id) if part.sound_id in gone else part for part in sound.parts)
    return replace(sound, parts=tuple(parts))


def give_hits_sound(ids: Sequence[str], source: Sound, label: str) -> Edit:
    """Give hits a sound. One that only they use is replaced, others of that kind go.

    What other hits strike, and what is a part of another sound, stays.
    """

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        shared = {hit.sound_id for hit in project.hits if hit.id not in wanted}
        struck = dict.fromkeys(hit.sound_id for hit in project.hits)
        own = [one for one in struck if one not in shared and find_user(project, one) is None]
        if own:
            target = own[0]
            project = replace_sound(target, source).apply(project)
            project = replace(project, sounds=tuple(s for s in project.sounds if s.id == target or s.id not in own))
        else:
            (target,) = next_ids((sound.id for sound in project.sounds), "s")
            made = replace(source, id=target, name=free_name(project, source.name))
            project = replace(project, sounds=(*project.sounds, made))
        hits = (
            replace(touch_hit(hit), sound_id=target) if hit.id in wanted and hit.sound_id != target else hit
            for hit in project.hits
        )
        return with_hits(project, hits)

    return Edit(label, apply)


def hit_level_db(project: Project, sound: Sound, hear: MakeWhole, strike_db: MeasureLevel) -> float:
    """Level of a hit of a sound: its own and those of its parts, as powers together.

    ``hear`` gives the physics that a sound is heard with, ``strike_db`` the level of physics.
    """
    strikes = expand_hit(project, Hit("", 0.0, sound.id, 0))
    levels_db = (strike_db(*hear(project.sound(one.hit.sound_id))) + one.gain_db for one in strikes)
    return 10.0 * math.log10(sum(10.0 ** (level_db / 10.0) for level_db in levels_db))
