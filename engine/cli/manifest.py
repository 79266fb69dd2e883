"""The manifest of a batch's folder: what is done there, by content and settings, and what was begun."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.cli.batch_report import REPORT_NAME, Outcome
from engine.core.bounded_json import read_json_file
from engine.core.files import make_write_error, write_file

MANIFEST_NAME = "struck-batch.json"


class Manifest:
    """Outcomes by key in the file of a folder; a key is the digest of a clip's content, settings and outputs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: dict[str, Outcome] = {}
        self._begun: dict[str, Sequence[str]] = {}
        self.is_new = not (folder / MANIFEST_NAME).exists()
        try:
            table = read_json_file(folder / MANIFEST_NAME)
            self._done = {key: _read_outcome(row) for key, row in table["done"].items()}
            self._begun = {key: tuple(files) for key, files in table.get("begun", {}).items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # none yet, or of another Struck: everything is rendered

    def find(self, key: str) -> Outcome | None:
        """The outcome of a key whose files are all there; None otherwise."""
        outcome = self._done.get(key)
        is_there = outcome is not None and all(os.path.exists(self._folder / file) for file in outcome.outputs)
        return outcome if is_there else None

    def list_names(self) -> tuple[tuple[str, str], ...]:
        """Clips that are done, by path, and their names."""
        return tuple((outcome.source, outcome.name) for outcome in self._done.values())

    def owns(self, key: str) -> bool:
        """Whether the files of a key, as far as they are there, were written for it, perhaps not to the end."""
        return key in self._done or key in self._begun

    def owns_report(self) -> bool:
        """Whether the report page in the folder, if any, is a batch's own."""
        return not self.is_new or not (self._folder / REPORT_NAME).exists()

    def begin(self, outputs: Mapping[str, Sequence[str]]) -> None:
        """Note files by key before they are written: an interrupted batch may replace them. Raises BadInput."""
        self._begun |= {key: files for key, files in outputs.items() if key}
        self._write()

    def finish(self, key: str, outcome: Outcome) -> None:
        """Note the outcome of a clip. Raises BadInput."""
        self._begun.pop(key, None)
        self._done[key] = outcome
        self._write()

    def _write(self) -> None:
        done = {key: asdict(outcome) for key, outcome in self._done.items()}
        text = json.dumps({"version": 1, "done": done, "begun": self._begun}, indent=1)
        try:
            write_file(self._folder / MANIFEST_NAME, text.encode("utf-8"))
        except OSError as error:
            raise make_write_error(self._folder / MANIFEST_NAME, error) from None


def _read_outcome(row: Mapping[str, Any]) -> Outcome:
    """An outcome as ``asdict`` wrote it. Raises TypeError and ValueError for anything else."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    outcome = Outcome(**values)
    texts = (outcome.source, outcome.name, outcome.stem, outcome.picture, outcome.failure)
    for text in (*texts, *outcome.outputs, *outcome.sounds):
        text.encode("utf-8")
    levels = [level for level in (outcome.loudness_lufs, outcome.true_peak_dbtp) if level is not None]
    for number in (outcome.duration_s, outcome.hits, *levels):
        math.isfinite(number)
    return outcome
