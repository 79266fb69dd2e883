"""Presets of a person's own, in a file: with tags and parts, kept, taken in and given away in one form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput, quote
from engine.document.edits.values import NAME_LENGTH
from engine.document.json_fields import Fields
from engine.document.part_json import parts_to_json, read_parts
from engine.document.parts import MOST_PARTS, check_parts
from engine.document.presets import OwnPreset
from engine.document.project import Sound
from engine.document.source import Source
from engine.physics.model import Modes, Physics, Residual, modes_from_json, physics_to_json, residual_from_json

FORMAT, VERSION = "struck-presets", 2
FIRST_VERSION = 1
"""Files of it have no parts; all else is as it is now."""

MOST_SOUNDS = MOST_PARTS * (1 + MOST_PARTS)
"""Of the parts of one preset."""

MOST_PRESETS, MOST_TAGS = 500, 12
LONGEST_NAME, LONGEST_TAG = 120, 40
MAX_BYTES = 64 << 20


def read_presets(path: Path, shown_as: str = "") -> tuple[OwnPreset, ...]:
    """All presets of a file. Raises BadInput for one that cannot be read or is no file of presets."""
    name = shown_as or path.name
    try:
        top = read_json_file(path, MAX_BYTES)
    except OSError as error:
        raise BadInput(f"{name} cannot be read ({error.strerror}); check the file and its permissions") from None
    except ValueError as error:
        raise BadInput(f"{name} is no file of presets, since {error}; choose one that Struck exported") from None
    rows = top.get("presets") if isinstance(top, dict) and top.get("format") == FORMAT else None
    if not isinstance(rows, list) or not _is_known(top) or len(rows) > MOST_PRESETS:
        raise BadInput(f"{name} is no file of presets of this Struck; choose one that Struck exported")
    return tuple(_read_row(row, name) for row in rows)


def _is_known(top: dict[str, Any]) -> bool:
    version = top.get("version")
    return isinstance(version, int) and FIRST_VERSION <= version <= VERSION


def _read_row(row: Any, source: str) -> OwnPreset:
    texts = [row.get("name"), row.get("credit", "")] if isinstance(row, dict) else [None]
    tags = row.get("tags", []) if isinstance(row, dict) else None
    if not all(isinstance(text, str) and len(text) <= 1000 for text in texts) or not isinstance(tags, list):
        raise BadInput(f"{source} holds a preset without name or tags; choose a file that Struck exported")
    where = f"{source}: {quote(texts[0])}"
    name, checked, credit = check_preset_name(texts[0]), check_tags(tags), str(texts[1])
    modes, residual = modes_from_json(row.get("modes"), where), residual_from_json(row.get("residual"), where)
    sounds = _read_sounds(row.get("sounds", []), source, quote(texts[0]))
    main = Sound("", name, modes, residual, Source("preset"), parts=read_parts(Fields(row, source, quote(texts[0]))))
    check_parts((main, *sounds), f"{where}: ")
    return OwnPreset(name, checked, modes, residual, credit, main.parts, sounds)


def _read_sounds(rows: Any, source: str, of: str) -> tuple[Sound, ...]:
    """The sounds of a preset's parts."""
    if not isinstance(rows, list) or len(rows) > MOST_SOUNDS:
        raise BadInput(
            f"{source}: {of} has no list of at most {MOST_SOUNDS} sounds; choose a file that Struck exported"
        )
    sounds = []
    for number, row in enumerate(rows, 1):
        fields = Fields(row, source, f"{of}: sound {number}")
        where = f"{source}: {of}: sound {number}"
        modes, residual = modes_from_json(row.get("modes"), where), residual_from_json(row.get("residual"), where)
        name = check_preset_name(fields.text("name"))[:NAME_LENGTH].strip()
        sounds.append(Sound(fields.text("id"), name, modes, residual, Source("preset"), parts=read_parts(fields)))
    ids = [sound.id for sound in sounds]
    if "" in ids or len(set(ids)) < len(ids):
        raise BadInput(f"{source}: {of} has two sounds of one id, or one of none; choose a file that Struck exported")
    return tuple(sounds)


def presets_to_bytes(presets: Sequence[OwnPreset]) -> bytes:
    """The file of presets, as ``read_presets`` reads it."""
    rows = []
    for preset in presets:
        about = {"name": preset.name, "tags": list(preset.tags), "credit": preset.credit}
        sounds = [
            {"id": one.id, "name": one.name, **_physics_to_json(one.modes, one.residual), **parts_to_json(one.parts)}
            for one in preset.sounds
        ]
        own = {**_physics_to_json(preset.modes, preset.residual), **parts_to_json(preset.parts)}
        rows.append({**about, **own, **({"sounds": sounds} if sounds else {})})
    return json.dumps({"format": FORMAT, "version": VERSION, "presets": rows}, ensure_ascii=False).encode("utf-8")


def _physics_to_json(modes: Modes, residual: Residual) -> dict[str, Any]:
    physics = physics_to_json(Physics(modes, residual))
    return {"modes": physics["modes"], "residual": physics["residual"]}


def check_preset_name(value: Any) -> str:
    """A preset's name on one line. Raises BadInput."""
    name = " ".join(value.split()) if isinstance(value, str) else ""
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise BadInput(f"a preset needs a name of 1 to {LONGEST_NAME} characters that can be shown; type another")
    return name


def check_tags(values: Sequence[Any]) -> tuple[str, ...]:
    """Tags without repetition, in small letters. Raises BadInput."""
    tags = [" ".join(value.split()).casefold() if isinstance(value, str) else "" for value in values]
    tags = list(dict.fromkeys(tag for tag in tags if tag))
    if len(tags) > MOST_TAGS or not all(tag.isprintable() and len(tag) <= LONGEST_TAG for tag in tags):
        raise BadInput(f"a preset has at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters; shorten them")
    return tuple(tags)
