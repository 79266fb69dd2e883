"""Presets of a person's own: sounds kept as they were heard, with the sounds of their parts."""

from __future__ import annotations

from dataclasses import dataclass

from engine.document.project import Part, Sound
from engine.physics.model import Modes, Residual


@dataclass(frozen=True)
class OwnPreset:
    """A sound that a person has kept as it was heard, under a name and tags; ``credit`` is where it came from.

    ``parts`` name sounds of ``sounds``, which may have parts among these themselves.
    """

    name: str
    tags: tuple[str, ...]
    modes: Modes
    residual: Residual
    credit: str = ""
    parts: tuple[Part, ...] = ()
    sounds: tuple[Sound, ...] = ()

    @property
    def material(self) -> str:
        """What it is listed under."""
        return "Your presets"
