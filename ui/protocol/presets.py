"""Presets of the user's own, as the browser keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class SavePreset:
    """Keep a sound, as it is heard, as a preset under a name and tags."""

    type: ClassVar[str] = "save_preset"
    sound_id: str
    name: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeletePreset:
    """Delete a preset of one's own."""

    type: ClassVar[str] = "delete_preset"
    name: str


@dataclass(frozen=True)
class ImportPresets:
    """Take in a file of presets; ``path`` as in ``open``."""

    type: ClassVar[str] = "import_presets"
    path: str
