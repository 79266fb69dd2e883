"""Edits of sounds: modes, residual, name and source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.core.errors import BadInput
from engine.core.words import counted
from engine.document.edits.values import (
    DECAY_RANGE_PER_S,
    FREQUENCY_RANGE_HZ,
    POWER_RANGE_DB,
    Edit,
    check_indices,
    check_name,
    check_number,
    check_truth,
    count_of,
    find_sound,
    free_name,
    next_ids,
    put,
    put_numbers,
    quote,
    select_modes,
    with_sound,
)
from engine.document.parts import find_user
from engine.document.project import Project, Sound
from engine.physics.model import LONGEST_RISE_S, MAX_MODES, NOISE_COMPONENTS, Modes, NoiseComponent, Residual

_COMPONENT_WORDS = {"attack": "attack", "strike": "strike noise", "tail": "tail", "room": "room"}


def with_physics(sound: Sound, modes: Modes, residual: Residual) -> Sound:
    """Replace a sound's physics and mark its source as edited."""
    if modes == sound.modes and residual == sound.residual:
        return sound
    source = sound.source if sound.origin == "edited" else replace(sound.source, edited=True)
    return replace(sound, modes=modes, residual=residual, source=source, fit=None)


def set_modes(
    sound_id: str,
    indices: Sequence[int],
    frequency_hz: Sequence[float] | None = None,
    power_db: Sequence[float] | None = None,
    decay_per_s: Sequence[float] | None = None,
) -> Edit:
    """Set absolute values of modes, one of each list for each index."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        modes = sound.modes
        chosen = check_indices(indices, len(modes), "mode")
        modes = replace(
            modes,
            frequency_hz=put_numbers(modes.frequency_hz, chosen, frequency_hz, "frequency_hz", FREQUENCY_RANGE_HZ),
            power_db=put_numbers(modes.power_db, chosen, power_db, "power_db", POWER_RANGE_DB),
            decay_per_s=put_numbers(modes.decay_per_s, chosen, decay_per_s, "decay_per_s", DECAY_RANGE_PER_S),
        )
        return with_sound(project, with_physics(sound, modes, sound.residual))

    return Edit(f"Change {count_of(len(indices), 'mode')}", apply)


def add_mode(sound_id: str, frequency_hz: float, power_db: float, decay_per_s: float) -> Edit:
    """Append a mode, so that the indices of the others stay."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        modes = select_modes(sound.modes, range(len(sound.modes)))
        if len(modes) >= MAX_MODES:
            raise BadInput(f"the sound has {MAX_MODES} modes already; delete some first")
        modes = Modes(
            (*modes.frequency_hz, check_number(frequency_hz, "frequency_hz", FREQUENCY_RANGE_HZ)),
            (*modes.power_db, check_number(power_db, "power_db", POWER_RANGE_DB)),
            (*modes.decay_per_s, check_number(decay_per_s, "decay_per_s", DECAY_RANGE_PER_S)),
            (*modes.phase_rad, 0.0),
            (*modes.muted, False),
        )
        return with_sound(project, with_physics(sound, modes, sound.residual))

    return Edit("Add mode", apply)


def delete_modes(sound_id: str, indices: Sequence[int]) -> Edit:
    """Delete modes; the indices of those after them decrease."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        gone = set(check_indices(indices, len(sound.modes), "mode"))
        left = [k for k in range(len(sound.modes)) if k not in gone]
        modes = select_modes(sound.modes, left)
        return with_sound(project, with_physics(sound, modes, sound.residual))

    return Edit(f"Delete {count_of(len(indices), 'mode')}", apply)


def mute_modes(sound_id: str, indices: Sequence[int], muted: bool) -> Edit:
    """Mute or unmute modes."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        chosen = check_indices(indices, len(sound.modes), "mode")
        value = check_truth(muted, "muted")
        modes = select_modes(sound.modes, range(len(sound.modes)))
        modes = replace(modes, muted=put(modes.muted, chosen, [value] * len(chosen)))
        return with_sound(project, with_physics(sound, modes, sound.residual))

    return Edit(f"{'Mute' if muted else 'Unmute'} {count_of(len(indices), 'mode')}", apply)


def set_residual(
    sound_id: str,
    component: str,
    indices: Sequence[int],
    power_db: Sequence[float] | None = None,
    decay_per_s: Sequence[float] | None = None,
) -> Edit:
    """Set absolute values of bands of one noise component, one of NOISE_COMPONENTS."""

    if component not in NOISE_COMPONENTS:
        raise BadInput(f"the residual has no component {quote(component)}; choose one of {', '.join(NOISE_COMPONENTS)}")

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        residual = sound.residual
        part = residual.component(component)
        if part is None:
            raise BadInput(
                f"this sound has no {_COMPONENT_WORDS[component]} to change; change another part of its noise"
            )
        chosen = check_indices(indices, len(part.power_db), "band")
        power = put_numbers(part.power_db, chosen, power_db, "power_db", POWER_RANGE_DB)
        decay = put_numbers(part.decay_per_s, chosen, decay_per_s, "decay_per_s", DECAY_RANGE_PER_S)
        return with_sound(
            project, with_physics(sound, sound.modes, residual.with_component(component, NoiseComponent(power, decay)))
        )

    return Edit(f"Change {count_of(len(indices), 'band')} of the {_COMPONENT_WORDS[component]}", apply)


def set_rise(sound_id: str, rise_s: float) -> Edit:
    """Set the fade-in of a sound, ``rise_s`` from 0 to LONGEST_RISE_S."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        value = check_number(rise_s, "rise_s", (0.0, LONGEST_RISE_S))
        return with_sound(project, with_physics(sound, sound.modes, replace(sound.residual, rise_s=value)))

    return Edit("Change the rise", apply)


def rename_sound(sound_id: str, name: str) -> Edit:
    """Rename a sound."""

    def apply(project: Project) -> Project:
        return with_sound(project, replace(find_sound(project, sound_id), name=check_name(name)))

    return Edit("Rename sound", apply)


def replace_sound(sound_id: str, source: Sound, label: str = "Replace sound") -> Edit:
    """Replace physics, name and source of a sound by those of another, such as a recording dropped on it."""

    def apply(project: Project) -> Project:
        old = find_sound(project, sound_id)
        others = replace(project, sounds=tuple(s for s in project.sounds if s.id != sound_id))
        return with_sound(project, _put_in_place(source, old, free_name(others, source.name)))

    return Edit(label, apply)


def _put_in_place(source: Sound, old: Sound, name: str) -> Sound:
    """A sound with the id, the strip, the colour and the parts of the one that it replaces."""
    return replace(source, id=old.id, name=name, strip=old.strip, color=old.color, parts=old.parts)


def add_sound(source: Sound, label: str = "Add sound") -> Edit:
    """Add a sound without hits."""

    def apply(project: Project) -> Project:
        (new_id,) = next_ids((s.id for s in project.sounds), "s")
        sound = replace(source, id=new_id, name=free_name(project, source.name))
        return replace(project, sounds=(*project.sounds, sound))

    return Edit(label, apply)


def delete_sound(sound_id: str) -> Edit:
    """Delete a sound that no hit strikes and of which no other is a part. Raises BadInput for one in use."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        users = sum(hit.sound_id == sound_id for hit in project.hits)
        if users:
            them = "it" if users == 1 else "them"
            raise BadInput(f"{sound.name} is struck by {counted(users, 'hit')}; give {them} another sound first")
        user = find_user(project, sound_id)
        if user is not None:
            raise BadInput(f"{sound.name} is a part of {user.name}; remove it there first")
        if len(project.sounds) == 1:
            raise BadInput(f"{sound.name} is the project's only sound; add another first")
        return replace(project, sounds=tuple(s for s in project.sounds if s.id != sound_id))

    return Edit("Delete sound", apply)
