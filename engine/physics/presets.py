"""Preset sounds: parameter tables in assets/presets.json."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput, quote
from engine.core.paths import ASSETS
from engine.physics.model import Modes, Residual, modes_from_json, residual_from_json

PRESETS_PATH = ASSETS / "presets.json"
LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Preset:
    """A ready-made sound; ``credit`` says which recording or which material constants it comes from."""

    name: str
    material: str
    modes: Modes
    residual: Residual
    credit: str


@functools.cache
def load_presets(path: Path = PRESETS_PATH) -> tuple[Preset, ...]:
    """All presets in the order of the file, materials together. Raises BadInput when the file is missing or broken.

    Built by ``engine/lab/data/presets.py``.
    """
    try:
        return tuple(map(_read_preset, read_json_file(path)["presets"]))
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read ({error.strerror}); restore it from the project's files") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path.name} is damaged; restore it from the project's files") from None


def _read_preset(row: Any) -> Preset:
    """A row of the file; ValueError, KeyError, TypeError or BadInput for one that is no preset."""
    name, material, credit = (row[key] for key in ("name", "material", "origin_note"))
    if not all(isinstance(text, str) and len(text) <= LONGEST_TEXT for text in (name, material, credit)):
        raise ValueError("a text is none, or too long")
    source = f"preset {quote(name)}"
    return Preset(
        name, material, modes_from_json(row["modes"], source), residual_from_json(row["residual"], source), credit
    )
