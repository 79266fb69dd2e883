"""The parts of a sound as JSON, left out where it has none, as in files of before there were any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from engine.core.errors import BadInput
from engine.document.edits.values import GAIN_RANGE_DB
from engine.document.json_fields import Fields
from engine.document.parts import MOST_PARTS, OFFSET_RANGE_S
from engine.document.project import Part


def parts_to_json(parts: Sequence[Part]) -> dict[str, Any]:
    """The member ``parts`` of a sound's JSON."""
    return {"parts": [asdict(part) for part in parts]} if parts else {}


def read_parts(fields: Fields) -> tuple[Part, ...]:
    """The parts of a sound. Raises BadInput; whether their sounds exist is checked by ``check_parts``."""
    rows = fields.get("parts", [])
    if not isinstance(rows, list) or len(rows) > MOST_PARTS:
        raise BadInput(f"{fields.source}: {fields.where} has no list of at most {MOST_PARTS} parts; open another copy")
    return tuple(_read_part(Fields(v, fields.source, f"{fields.where}: part {k + 1}")) for k, v in enumerate(rows))


def _read_part(fields: Fields) -> Part:
    return Part(
        id=fields.text("id"),
        sound_id=fields.text("sound_id"),
        offset_s=fields.number("offset_s", *OFFSET_RANGE_S, Part.offset_s),
        gain_db=fields.number("gain_db", *GAIN_RANGE_DB, Part.gain_db),
        mute=fields.truth("mute", Part.mute),
    )
