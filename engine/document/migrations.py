"""Migrations of project files of older versions, one version at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.document.source import INAUDIBLE, SILENT, UNSURE, WAITING

_NUMBER = r"(\d+(?:\.\d+)?)"
_CLIP = re.compile(rf"from the clip's sound at {_NUMBER} s")
_SPAN = re.compile(rf"from the clip's sound, {_NUMBER} to {_NUMBER} s")
_MORPH = re.compile(r"morph of (.+) and (.+), (\d{1,3}) %")
_PART = r"(?:modes|noise|room)"
_BORROWED = re.compile(rf"(?P<before>.*?)(?:; |^)(?P<parts>{_PART}(?: and {_PART})*) of (?P<name>.+)")
_DEFAULT = {
    "default preset until the clip's sound is analysed": WAITING,
    "default preset, since the clip has no sound of its own": SILENT,
    "default preset, since the picture does not tell what is struck": UNSURE,
    "default preset, since no hit can be heard in the clip's sound": INAUDIBLE,
}
"""Reasons by the sentences of version 1, which stay as they were whatever today's sentences are."""
_GENERIC = {
    "from the clip's sound": "clip",
    "from a recording": "file",
    "from the picture": "picture",
    "from words": "text",
    "a preset": "preset",
}
"""What version 1 wrote of an edited sound whose note was empty."""

_LONGEST_NOTE = 2000


def migrate_1(project: dict[str, Any]) -> dict[str, Any]:
    """``origin``, ``origin_note`` (prose) and ``recording`` of a sound become its ``source``; two keys are renamed."""
    sounds, hits, detection = (project.get(name) for name in ("sounds", "hits", "detection"))
    changed = {**project, "version": 2}
    if isinstance(sounds, list):
        changed["sounds"] = [_structure(sound) if isinstance(sound, dict) else sound for sound in sounds]
    if isinstance(hits, list):
        changed["hits"] = [_rename(hit, "tweak", "offsets") if isinstance(hit, dict) else hit for hit in hits]
    if isinstance(detection, dict):
        changed["detection"] = _rename(detection, "refused_s", "dismissed_onsets_s")
    return changed


def _rename(value: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: item for key, item in value.items()}


def _structure(sound: dict[str, Any]) -> dict[str, Any]:
    origin, note, recording = (sound.get(key, "") for key in ("origin", "origin_note", "recording"))
    rest = {key: value for key, value in sound.items() if key not in ("origin", "origin_note", "recording")}
    texts = isinstance(origin, str) and isinstance(note, str) and isinstance(recording, str)
    if not texts or len(note) > _LONGEST_NOTE:
        return {**rest, "source": {"kind": origin, "note": note, "recording": recording}}  # refused when it is read
    source = parse_note(origin, note)
    has_recording = recording and source["kind"] != "morph"
    return {**rest, "source": {**source, **({"recording": recording} if has_recording else {})}}


def parse_note(origin: str, note: str) -> dict[str, Any]:
    """The source, as JSON, that version 1 described by origin and sentence; what cannot be parsed stays a note."""
    if origin == "edited":
        return _parse_edited(note)
    if origin == "preset":
        return _parse_preset(note)
    if origin in ("clip", "reference"):
        return _parse_recorded(note) or ({"kind": "clip"} if origin == "clip" else _bank(note))
    return {"kind": origin, **({"note": note} if note else {})}


def _parse_edited(note: str) -> dict[str, Any]:
    borrowed: list[list[str]] = []
    while (taken := _BORROWED.fullmatch(note)) is not None:
        borrowed = [[part, taken["name"]] for part in taken["parts"].split(" and ")] + borrowed
        note = taken["before"]
    more: dict[str, Any] = {"borrowed": borrowed} if borrowed else {}
    was = note.removeprefix("was: ")
    if was != note:
        more["edited"] = True
    morph = _MORPH.fullmatch(was)
    if morph:
        return {"kind": "morph", "parents": [morph[1], morph[2]], "amount": int(morph[3]) / 100.0, **more}
    if was in _GENERIC:
        return {"kind": _GENERIC[was], **more}
    recorded = _parse_recorded(was)
    if recorded:
        return {**recorded, **more}
    if was.startswith("the picture looks like "):
        return {"kind": "picture", "note": was, **more}
    return {**_parse_preset(was), **more} if was else {"kind": "hand", **more}


def _parse_recorded(note: str) -> dict[str, Any] | None:
    clip, span = _CLIP.fullmatch(note), _SPAN.fullmatch(note)
    if clip:
        return {"kind": "clip", "time_s": float(clip[1])}
    if span:
        return {"kind": "span", "time_s": float(span[1]), "end_s": float(span[2])}
    if note == "from a physics file":
        return {"kind": "physics"}
    return {"kind": "file", "name": note.removeprefix("from ")} if note.startswith("from ") else None


def _bank(note: str) -> dict[str, Any]:
    return {"kind": "bank", **({"note": note} if note else {})}


def _parse_preset(note: str) -> dict[str, Any]:
    words, _, rest = note.partition(": ")
    if words in _DEFAULT and rest.endswith(")"):
        name, _, credit = rest[:-1].partition(" (")
        return {"kind": "preset", "reason": _DEFAULT[words], "name": name, "note": credit}
    return {"kind": "preset", **({"note": note} if note else {})}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: migrate_1}
"""From version k, the function that makes a file's JSON version k + 1."""
