"""Sounds of several: what a hit of a sound with parts strikes, and which sounds need which.

A hit of such a sound is one hit of the document. It sounds its own physics, if it has any, and every part's sound, each
struck with the hit's velocity, offsets and stroke, a time before or after the hit and at a level of its own. All of it
passes through the strip of the hit's sound; the strips of the parts' sounds are for their own hits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.core.errors import BadInput, quote
from engine.core.units import SILENCE_DB
from engine.document.project import Hit, Project, Sound
from engine.document.seeds import derive_seed

MOST_PARTS = 8
DEEPEST = 2
"""A part may be a sound with parts, whose parts are not."""

OFFSET_RANGE_S = (-5.0, 10.0)
"""A part may begin before its hit, as a whoosh does before a knock."""


@dataclass(frozen=True)
class PartStrike:
    """One strike of a hit: the hit with a sound without regard to its parts, so long after it and so much louder.

    One before the hit has a negative ``offset_s``.
    """

    hit: Hit
    offset_s: float = 0.0
    gain_db: float = 0.0


def expand_hit(project: Project, hit: Hit) -> tuple[PartStrike, ...]:
    """What a hit strikes: its own sound first, then the parts that are not muted; never nothing.

    Ids and seeds of the parts' strikes come from the hit and the part's id, so that a change of one part leaves the
    others as they are, and each take of a hit has its own take of every part.
    """
    sound = project.sound(hit.sound_id)
    if not sound.parts:  # as almost all, and this is asked of every hit at every edit
        return (PartStrike(hit),)
    strikes = [PartStrike(hit)] if has_own(sound) else []
    for part in sound.parts:
        if part.mute:
            continue
        seed = derive_seed(hit.seed, f"part {part.id}")
        struck = replace(hit, id=f"{hit.id}:{part.id}", sound_id=part.sound_id, seed=seed)
        strikes += [
            PartStrike(one.hit, part.offset_s + one.offset_s, part.gain_db + one.gain_db)
            for one in expand_hit(project, struck)
        ]
    return tuple(strikes) or (PartStrike(hit),)


def has_own(sound: Sound) -> bool:
    """Whether a sound has physics of its own that is heard: a mode that is not muted, or noise."""
    noise = (power_db > SILENCE_DB for _, component in sound.residual.components for power_db in component.power_db)
    return not all(sound.modes.mute_mask) or any(noise)


def with_parts(sounds: Iterable[Sound], ids: Iterable[str]) -> set[str]:
    """Ids of sounds and of all that they need as parts, and these as theirs."""
    needs = {sound.id: [part.sound_id for part in sound.parts] for sound in sounds}
    found: set[str] = set()
    open_ids = list(ids)
    while open_ids:
        sound_id = open_ids.pop()
        if sound_id not in found:
            found.add(sound_id)
            open_ids += needs.get(sound_id, [])
    return found


def keep_needed(sounds: Sequence[Sound], kept: Iterable[str]) -> tuple[Sound, ...]:
    """Those sounds, of some that are kept and others that may go, which are kept or needed by such."""
    needed = with_parts(sounds, kept)
    return tuple(sound for sound in sounds if sound.id in needed)


def find_user(project: Project, sound_id: str) -> Sound | None:
    """The first sound of which another is a part; None where there is none."""
    return next((one for one in project.sounds if any(part.sound_id == sound_id for part in one.parts)), None)


def check_parts(sounds: Sequence[Sound], where: str = "") -> None:
    """Raises BadInput for a part that is no sound, a sound within itself, and parts within parts within parts."""
    by_id = {sound.id: sound for sound in sounds}
    for sound in sounds:
        if len({part.id for part in sound.parts}) != len(sound.parts):
            raise BadInput(f"{where}{quote(sound.name)} has two parts of one id; give each its own")
        for part in sound.parts:
            if part.sound_id not in by_id:
                raise BadInput(
                    f"{where}{quote(sound.name)} has the part {quote(part.sound_id)}, which is no sound of the "
                    "project; choose one that is"
                )
    for sound in sounds:
        _check_below(sound, by_id, (), where)


def _check_below(sound: Sound, by_id: Mapping[str, Sound], above: tuple[Sound, ...], where: str) -> None:
    if any(sound.id == one.id for one in above):
        raise BadInput(f"{where}{quote(sound.name)} would be a part of itself; choose another sound")
    if len(above) > DEEPEST:
        raise BadInput(
            f"{where}{quote(above[0].name)} would have parts within parts within parts, one level too many; "
            "choose a sound with fewer"
        )
    for part in sound.parts:
        _check_below(by_id[part.sound_id], by_id, (*above, sound), where)
