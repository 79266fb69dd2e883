"""Edits of macros and detail, and morphs between two sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.core.errors import BadInput
from engine.document.edits.sounds import with_physics
from engine.document.edits.values import (
    DETAIL_RANGE,
    NAME_LENGTH,
    VARIATION_RANGE,
    Edit,
    MakeMacros,
    MakeMorph,
    MakeWhole,
    Timbre,
    check_number,
    check_seed,
    check_truth,
    find_sound,
    free_name,
    next_ids,
    quote,
    with_sound,
)
from engine.document.project import Project, Sound
from engine.document.source import Source
from engine.physics.model import MACRO_NAMES, MACRO_RANGE, Macros


def set_macros(sound: Sound, values: Mapping[str, Any]) -> Edit:
    """Set macros of a sound to absolute values; its own modes and residual stay.

    Turned from where they change nothing, they keep loudness, unless ``keep_loudness`` is given; macros of older
    projects sound as they did.
    """
    values = dict(values)
    keep = check_truth(values.pop("keep_loudness"), "keep_loudness") if "keep_loudness" in values else None
    unknown = [name for name in values if name not in MACRO_NAMES]
    if unknown:
        raise BadInput(f"there is no macro {quote(unknown[0])}; choose one of {', '.join(MACRO_NAMES)}")
    numbers = {name: check_number(value, name, MACRO_RANGE) for name, value in values.items()}

    def apply(project: Project) -> Project:
        now = find_sound(project, sound.id)
        kept = keep if keep is not None else now.macros.keep_loudness or now.macros == Macros()
        macros = replace(now.macros, **numbers, keep_loudness=kept)
        turned = any(getattr(macros, name) for name in MACRO_NAMES)
        return with_sound(project, replace(now, macros=macros if turned else Macros()))

    words = ", ".join(name for name in MACRO_NAMES if name in numbers) or "macros"
    return Edit(f"{words.capitalize()} of {sound.name}", apply)


def reset_macros(sound: Sound) -> Edit:
    """Reset all macros of a sound to 0."""

    def apply(project: Project) -> Project:
        return with_sound(project, replace(find_sound(project, sound.id), macros=Macros()))

    return Edit(f"Reset macros of {sound.name}", apply)


def set_detail(sound: Sound, detail: Any = None, detail_seed: Any = None, variation: Any = None) -> Edit:
    """Choose how much of a sound is kept as measured, which object the rest is of, or how far hits stray from it."""
    values: dict[str, Any] = {}
    if variation is not None:
        values["variation"] = check_number(variation, "variation", VARIATION_RANGE)
    if detail_seed is not None:
        values["detail_seed"] = check_seed(detail_seed)
    if detail is not None:
        values["detail"] = check_number(detail, "detail", DETAIL_RANGE)

    def apply(project: Project) -> Project:
        return with_sound(project, replace(find_sound(project, sound.id), **values))

    words = {"detail": "Detail of", "detail_seed": "Another object for", "variation": "Variation of"}
    return Edit(f"{words[next(reversed(values), 'detail')]} {sound.name}", apply)


def bake_macros(sound: Sound, apply_macros: MakeMacros, complete: MakeWhole) -> Edit:
    """Apply a sound's detail and macros to its own modes and residual, and reset both."""

    def apply(project: Project) -> Project:
        now = find_sound(project, sound.id)
        modes, residual = apply_macros(*complete(now), now.macros)
        layers = []
        for layer in now.layers if now.detail >= 1.0 else ():
            parts = apply_macros(layer.modes, layer.residual, now.macros)
            layers.append(replace(layer, modes=parts[0], residual=parts[1]))
        baked = replace(with_physics(now, modes, residual), macros=Macros(), detail=1.0, layers=tuple(layers))
        return with_sound(project, baked)

    return Edit(f"Bake macros into {sound.name}", apply)


def morphed(sound: Sound, other: Timbre, amount: float, morph: MakeMorph, complete: MakeWhole) -> Sound:
    """Interpolate a sound's physics, macros and variation towards another by ``amount`` (0 to 1).

    Of a sound at a lower detail the physics is what it is completed to, and the result is whole.
    """
    end = complete(other) if isinstance(other, Sound) else (other.modes, other.residual)
    modes, residual = morph(complete(sound), end, amount)
    target = getattr(other, "macros", Macros())
    variation = (1.0 - amount) * sound.variation + amount * getattr(other, "variation", 0.0)
    between = {
        name: (1.0 - amount) * getattr(sound.macros, name) + amount * getattr(target, name) for name in MACRO_NAMES
    }
    kept = sound.macros.keep_loudness or target.keep_loudness
    macros = Macros(**between, keep_loudness=kept)
    made = replace(sound, modes=modes, residual=residual, macros=macros, variation=variation, detail=1.0)
    return replace(made, layers=())  # a layer is of the sound alone


def morph_sound(
    sound: Sound, other: Timbre, amount: Any, morph: MakeMorph, complete: MakeWhole, as_new: Any = False
) -> Edit:
    """Morph a sound towards another, in place or, with ``as_new``, as a new sound; its source names both."""
    share = check_number(amount, "amount", (0.0, 1.0))
    is_new = check_truth(as_new, "as_new")
    source = Source("morph", parents=(sound.name, other.name), amount=share)

    def apply(project: Project) -> Project:
        made = morphed(find_sound(project, sound.id), other, share, morph, complete)
        made = replace(made, source=source, fit=None)
        if not is_new:
            return project if share == 0.0 else with_sound(project, made)
        (new_id,) = next_ids((s.id for s in project.sounds), "s")
        name = free_name(project, f"{sound.name} × {other.name}"[:NAME_LENGTH])
        return replace(project, sounds=(*project.sounds, replace(made, id=new_id, name=name)))

    return Edit(f"Morph {sound.name} {'into a new sound' if is_new else f'towards {other.name}'}", apply)
