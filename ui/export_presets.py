"""The user's own presets of the export dialog, in one file of the data folder that all sessions share."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput
from engine.core.file_lock import hold_lock
from engine.core.files import make_write_error, write_file
from engine.core.words import counted
from ui.export_plan import KINDS
from ui.protocol.codec import decode_fields
from ui.protocol.exporting import ExportPreset

FILE = "export_presets.json"
VERSION = 1
MOST = 100
LONGEST_NAME = 40


class ExportPresets:
    """Presets by name, read at first use and written whole at every change; thread safe."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._lock = threading.Lock()
        self._presets: tuple[ExportPreset, ...] | None = None

    def list(self) -> tuple[ExportPreset, ...]:
        """All presets by name. A file that cannot be read counts as none here, and is never written over."""
        with self._lock:
            try:
                return self._read()
            except BadInput:
                return ()

    def put(self, preset: ExportPreset) -> None:
        """Add a preset; one of the same name is replaced. Raises BadInput."""
        name = preset.name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadInput(f"a preset's name has 1 to {LONGEST_NAME} letters; choose another name")
        with self._changing():
            kept = {other.name: other for other in self._read()}
            kept[name] = ExportPreset(name, preset.what, preset.options)
            if len(kept) > MOST:
                raise BadInput(f"there would be more than {counted(MOST, 'preset')} of exports; delete some first")
            self._write(tuple(kept[known] for known in sorted(kept, key=str.casefold)))

    def remove(self, name: str) -> None:
        """Delete a preset. Raises BadInput."""
        with self._changing():
            left = tuple(preset for preset in self._read() if preset.name != name)
            if left == self._presets:
                raise BadInput(f"there is no export preset of your own called {name!r}; choose one from the list")
            self._write(left)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the file, which another process may have changed since it was read."""
        with self._lock, hold_lock(self._path.with_suffix(".lock")):
            self._presets = None
            yield

    def _read(self) -> tuple[ExportPreset, ...]:
        if self._presets is None:
            self._presets = _read_file(self._path) if self._path.exists() else ()
        return self._presets

    def _write(self, presets: tuple[ExportPreset, ...]) -> None:
        table = {"version": VERSION, "presets": [asdict(preset) for preset in presets]}
        try:
            write_file(self._path, json.dumps(table, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise make_write_error(self._path, error) from None
        self._presets = presets


def _read_file(path: Path) -> tuple[ExportPreset, ...]:
    """The presets of a file. Raises BadInput, with the reason."""
    try:
        table: Any = read_json_file(path)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise BadInput(f"the export presets in {path.name} cannot be read ({reason}); move that file away") from None
    rows = table.get("presets") if isinstance(table, Mapping) else None
    if not isinstance(rows, list) or table.get("version") != VERSION:
        raise BadInput(
            f"{path.name} holds no export presets of this version of Struck; move that file away, or use the version "
            "that wrote it"
        )
    return tuple(_read_preset(row) for row in rows[:MOST])


def _read_preset(row: Any) -> ExportPreset:
    preset: ExportPreset = decode_fields(ExportPreset, row if isinstance(row, Mapping) else {}, "an export preset")
    return ExportPreset(preset.name, tuple(kind for kind in KINDS if kind in preset.what), preset.options)
