"""The user's own presets, in one file of the data folder that all sessions share."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.file_lock import hold_lock
from engine.core.files import make_write_error, write_file
from engine.document.preset_files import MOST_PRESETS, presets_to_bytes, read_presets
from engine.document.presets import OwnPreset

FILE = "presets.json"


class OwnPresets:
    """Presets by name, read at first use and written whole at every change; thread safe."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._lock = threading.Lock()
        self._presets: tuple[OwnPreset, ...] | None = None

    def list(self) -> tuple[OwnPreset, ...]:
        """All presets by name. A file that cannot be read counts as none here, and is never written over."""
        with self._lock:
            try:
                return self._read()
            except BadInput:
                return ()

    def put(self, presets: Sequence[OwnPreset]) -> None:
        """Add presets; one of the same name is replaced. Raises BadInput."""
        with self._changing():
            kept = {preset.name: preset for preset in (*self._read(), *presets)}
            if len(kept) > MOST_PRESETS:
                raise BadInput(f"there would be more than {MOST_PRESETS} presets of your own; delete some first")
            self._write(tuple(kept[name] for name in sorted(kept, key=str.casefold)))

    def remove(self, name: str) -> None:
        """Delete a preset. Raises BadInput."""
        with self._changing():
            left = tuple(preset for preset in self._read() if preset.name != name)
            if left == self._presets:
                raise BadInput(f"there is no preset of your own called {name!r}; choose one from the list")
            self._write(left)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the file, which another process may have changed since it was read."""
        with self._lock, hold_lock(self._path.with_suffix(".lock")):
            self._presets = None
            yield

    def _read(self) -> tuple[OwnPreset, ...]:
        if self._presets is None:
            self._presets = read_presets(self._path) if self._path.exists() else ()
        return self._presets

    def _write(self, presets: tuple[OwnPreset, ...]) -> None:
        try:
            write_file(self._path, presets_to_bytes(presets))
        except OSError as error:
            raise make_write_error(self._path, error) from None
        self._presets = presets
