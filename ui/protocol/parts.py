"""Parts of a sound, as the browser shows and edits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PartState:
    """Another sound that sounds with every hit of a sound, so long after it and so much louder."""

    id: str
    sound_id: str
    offset_s: float
    gain_db: float
    mute: bool


@dataclass(frozen=True)
class AddPart:
    """Give a sound another one as a part."""

    kind: ClassVar[str] = "add_part"
    sound_id: str
    part_sound_id: str
    offset_s: float | None = None
    gain_db: float | None = None


@dataclass(frozen=True)
class PartValues:
    """New values of a part; those left out stay."""

    sound_id: str | None = None
    offset_s: float | None = None
    gain_db: float | None = None
    mute: bool | None = None


@dataclass(frozen=True)
class SetPart:
    """Change a part of a sound."""

    kind: ClassVar[str] = "set_part"
    sound_id: str
    part_id: str
    values: PartValues


@dataclass(frozen=True)
class DeleteParts:
    """Take parts away from a sound; their sounds stay."""

    kind: ClassVar[str] = "delete_parts"
    sound_id: str
    part_ids: tuple[str, ...]


@dataclass(frozen=True)
class JoinSounds:
    """A new sound without physics of its own, whose parts are these sounds."""

    kind: ClassVar[str] = "join_sounds"
    sound_ids: tuple[str, ...]
