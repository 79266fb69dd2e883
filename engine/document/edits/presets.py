"""Edits that take a preset: its sound in place of one, or for all hits, and the sounds of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.document.edits.sounds import replace_sound
from engine.document.edits.values import Edit, Preset, find_sound, free_name, next_ids, with_sound
from engine.document.parts import check_parts, keep_needed, with_parts
from engine.document.presets import OwnPreset
from engine.document.project import Part, Project, Sound
from engine.document.source import Source


def apply_preset(sound_id: str | None, preset: Preset) -> Edit:
    """Replace a sound by a preset; without a sound id, give the hits that wait for a choice one sound of the preset.

    Those are the hits whose sound has a reason why nothing was found for it; where there are none, all hits are meant.

    The sounds of a preset's parts come into the project, those that are there already excepted. Without parts in the
    preset, the sound keeps its own.
    """
    source = Source("preset", note=preset.credit)

    def apply(project: Project) -> Project:
        given = Sound(sound_id or "", preset.name, preset.modes, preset.residual, source)
        if sound_id is not None:
            find_sound(project, sound_id)
            project, parts = _bring_parts(project, preset, sound_id)
            replaced = replace_sound(sound_id, given).apply(project)
            if parts:
                replaced = with_sound(replaced, replace(find_sound(replaced, sound_id), parts=parts))
                check_parts(replaced.sounds)
            return replaced
        project, parts = _bring_parts(project, preset, "")
        given = replace(given, parts=parts)
        same = next((s for s in project.sounds if replace(s, id="") == given), None)
        if same is None:
            (new_id,) = next_ids((s.id for s in project.sounds), "s")
            same = replace(given, id=new_id)
        waiting = {s.id for s in project.sounds if s.origin == "preset" and s.source.reason}
        meant = [hit for hit in project.hits if hit.sound_id in waiting] or project.hits
        ids = {hit.id for hit in meant}
        hits = tuple(replace(hit, sound_id=same.id) if hit.id in ids else hit for hit in project.hits)
        used = {hit.sound_id for hit in hits}
        others = [s for s in project.sounds if s.id != same.id]
        kept_ids = [s.id for s in others if s.origin != "preset" or s.id in used]
        return replace(project, sounds=keep_needed((same, *others), [same.id, *kept_ids]), hits=hits)

    return Edit(f"Strike {preset.name}", apply)


def _bring_parts(project: Project, preset: Preset, user_id: str) -> tuple[Project, tuple[Part, ...]]:
    """The project with the sounds of a preset's parts, and the parts for a sound of it, ``user_id`` where it exists."""
    if not isinstance(preset, OwnPreset) or not preset.parts:
        return project, ()
    kept, brought = {sound.id: sound for sound in preset.sounds}, dict[str, str]()
    source = Source("preset", note=preset.credit)

    def name_parts(project: Project, parts: Sequence[Part]) -> tuple[Project, tuple[Part, ...]]:
        named = []
        for part in parts:
            if part.sound_id not in brought:
                project, brought[part.sound_id] = bring(project, kept[part.sound_id])
            named.append(replace(part, sound_id=brought[part.sound_id]))
        return project, tuple(named)

    def bring(project: Project, sound: Sound) -> tuple[Project, str]:
        project, parts = name_parts(project, sound.parts)
        wanted = Sound("", sound.name, sound.modes, sound.residual, source, parts=parts)
        for known in project.sounds:
            is_same = replace(known, id="", name=wanted.name) == wanted
            if is_same and user_id not in with_parts(project.sounds, [known.id]):
                return project, known.id
        (new_id,) = next_ids((s.id for s in project.sounds), "s")
        made = replace(wanted, id=new_id, name=free_name(project, wanted.name))
        return replace(project, sounds=(*project.sounds, made)), new_id

    return name_parts(project, preset.parts)
