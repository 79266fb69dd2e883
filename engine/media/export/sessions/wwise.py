"""Tab-delimited import file of Wwise: a random container a sound or velocity layer, an event that plays it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.files import create_file
from engine.core.names import to_text

_WORK_UNIT = "\\Actor-Mixer Hierarchy\\Default Work Unit"
_EVENTS = "\\Events\\Default Work Unit"
_COLUMNS = ("Audio File", "Object Path", "Object Type", "Event")


@dataclass(frozen=True)
class PackFile:
    """A one-shot of a pack: its file relative to the import file with ``/``, its sound, its layer from 1.

    ``clipped`` of its samples are over full scale.
    """

    file: str
    sound: str
    layer: int = 1
    clipped: int = 0


def write_wwise(path: Path, files: Sequence[PackFile]) -> None:
    """Write the import file as UTF-8; where a sound has layers, each has its own container ``_v1`` (softest) and up."""
    layered = {file.sound for file in files if file.layer > 1}
    rows = [_COLUMNS]
    known: set[str] = set()
    for file in files:
        name = _clean(file.sound) + (f"_v{file.layer}" if file.sound in layered else "")
        container = f"{_WORK_UNIT}\\<Random Container>{name}"
        if container not in known:
            known.add(container)
            rows.append(("", container, "Random Container", f"{_EVENTS}\\Play_{name.replace(' ', '_')}@Play"))
        windows = to_text(file.file).replace("/", "\\")
        rows.append((windows, f"{container}\\<Sound SFX>{_clean(Path(file.file).stem)}", "Sound SFX", ""))
    text = "".join("\t".join(row) + "\r\n" for row in rows)
    with create_file(path) as target:
        target.write(text.encode("utf-8"))


def _clean(name: str) -> str:
    """A name that Wwise accepts: without its reserved characters and tabs."""
    return re.sub(r"[\\/<>:\"|*?\t\r\n]+", "_", to_text(name)).strip() or "Sound"
