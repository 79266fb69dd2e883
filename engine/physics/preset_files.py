"""Presets of a person's own, in a file: with tags, kept, taken in and given away in one form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput, quote
from engine.physics.model import Modes, Physics, Residual, modes_from_json, physics_to_json, residual_from_json

FORMAT, VERSION = "struck-presets", 1
MOST_PRESETS, MOST_TAGS = 500, 12
LONGEST_NAME, LONGEST_TAG = 120, 40
MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class OwnPreset:
    """A sound that a person has kept as it was heard, under a name and tags; ``credit`` is where it came from."""

    name: str
    tags: tuple[str, ...]
    modes: Modes
    residual: Residual
    credit: str = ""

    @property
    def material(self) -> str:
        """What it is listed under."""
        return "Your presets"


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
    if not isinstance(rows, list) or top.get("version") != VERSION or len(rows) > MOST_PRESETS:
        raise BadInput(f"{name} is no file of presets of this Struck; choose one that Struck exported")
    return tuple(_read_row(row, name) for row in rows)


def _read_row(row: Any, source: str) -> OwnPreset:
    texts = [row.get("name"), row.get("credit", "")] if isinstance(row, dict) else [None]
    tags = row.get("tags", []) if isinstance(row, dict) else None
    if not all(isinstance(text, str) and len(text) <= 1000 for text in texts) or not isinstance(tags, list):
        raise BadInput(f"{source} holds a preset without name or tags; choose a file that Struck exported")
    where = f"{source}: {quote(texts[0])}"
    name, checked, credit = check_preset_name(texts[0]), check_tags(tags), str(texts[1])
    residual = residual_from_json(row.get("residual"), where)
    return OwnPreset(name, checked, modes_from_json(row.get("modes"), where), residual, credit)


def presets_to_bytes(presets: Sequence[OwnPreset]) -> bytes:
    """The file of presets, as ``read_presets`` reads it."""
    rows = []
    for preset in presets:
        physics = physics_to_json(Physics(preset.modes, preset.residual))
        about = {"name": preset.name, "tags": list(preset.tags), "credit": preset.credit}
        rows.append({**about, "modes": physics["modes"], "residual": physics["residual"]})
    return json.dumps({"format": FORMAT, "version": VERSION, "presets": rows}, ensure_ascii=False).encode("utf-8")


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
