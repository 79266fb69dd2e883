"""Preset sounds: parameter tables in assets/presets.json."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.physics.model import Modes, Residual, modes_from_json, residual_from_json

PRESETS_PATH = ASSETS / "presets.json"


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
        rows = read_json_file(path)["presets"]
        return tuple(
            Preset(
                str(row["name"]),
                str(row["material"]),
                modes_from_json(row["modes"], f"preset {row['name']}"),
                residual_from_json(row["residual"], f"preset {row['name']}"),
                str(row["origin_note"]),
            )
            for row in rows
        )
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read ({error.strerror}); restore it from the project's files") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path.name} is damaged; restore it from the project's files") from None
