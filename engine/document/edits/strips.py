"""Edits of a sound's channel strip and colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.core.errors import BadInput, quote
from engine.document.edits.values import COLOR, STRIP_RANGES, Edit, check_number, check_truth, find_sound, with_sound
from engine.document.project import Hit, Project, Sound
from engine.document.strip import CUTOFF_RANGE_HZ, DISTANCE_RANGE_M

_SWITCHES = ("mute", "solo")


def set_strip(sound_id: str, values: Mapping[str, Any]) -> Edit:
    """Change some values of a sound's strip; a cutoff under the lowest audible frequency leaves the filter out."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        checked = {name: _check(name, value) for name, value in values.items()}
        return with_sound(project, replace(sound, strip=replace(sound.strip, **checked)))

    return Edit(f"Set {', '.join(_WORDS.get(str(name), str(name)) for name in values)} of the sound", apply)


_WORDS = {
    "gain_db": "level",
    "distance_m": "distance",
    "room_db": "room",
    "high_pass_hz": "high pass",
    "low_pass_hz": "low pass",
    "surround_deg": "direction",
    "lfe_db": "LFE",
}


def _check(name: str, value: Any) -> Any:
    if name in _SWITCHES:
        return check_truth(value, name)
    if name not in STRIP_RANGES:
        raise BadInput(f"a strip has no {quote(name)}; set a property that it has")
    number = check_number(value, name, STRIP_RANGES[name])
    return 0.0 if name.endswith("_hz") and number < CUTOFF_RANGE_HZ[0] else number


def set_color(sound_id: str, color: str) -> Edit:
    """Give a sound a colour, ``#rrggbb``; "" gives it that of its place in the list."""
    if not isinstance(color, str) or not COLOR.fullmatch(color):
        raise BadInput(f"colour {quote(color)} is not known; give one such as #4fd1c5")

    def apply(project: Project) -> Project:
        return with_sound(project, replace(find_sound(project, sound_id), color=color))

    return Edit("Change colour", apply)


def keep_place(hit: Hit, before: Sound, after: Sound) -> Hit:
    """A hit that goes from one sound to another, at the level, pan and distance in the mix that it had."""
    old, new = before.strip, after.strip
    if old == new:
        return hit
    pan = min(1.0, max(-1.0, hit.pan + old.pan)) - new.pan
    least, most = DISTANCE_RANGE_M
    distance_m = min(most, max(least, old.distance_m + hit.distance_m)) - new.distance_m
    low_db, high_db = STRIP_RANGES["gain_db"]
    gain_db = min(high_db, max(low_db, hit.gain_db + old.gain_db - new.gain_db))
    return replace(hit, gain_db=gain_db, pan=min(1.0, max(-1.0, pan)), distance_m=distance_m)
