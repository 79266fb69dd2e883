"""The manifest of a batch's folder: what is done there, by content and settings, and what was begun."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.cli.batch_report import REPORT_NAME, Outcome
from engine.core.bounded_json import MAX_BYTES, parse_json, read_json_file
from engine.core.files import make_write_error

MANIFEST_NAME = "struck-batch.jsonl"
EARLIER_NAME = "struck-batch.json"
"""Of earlier versions: one object that was written anew for each clip. It is read where there is no other."""


class Manifest:
    """Outcomes by key in the file of a folder; a key is the digest of a clip's content, settings and outputs.

    The file grows by a line for each clip, so that noting one takes as long whatever was noted before: a JSON object of
    what is ``done``, outcomes by key, or ``begun``, files by key. A line that was cut short counts as none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / MANIFEST_NAME
        self._done: dict[str, Outcome] = {}
        self._begun: dict[str, Sequence[str]] = {}
        self._writers: dict[str, str] = {}  # the key by which each file was written last
        self.is_new = not (self._path.exists() or (folder / EARLIER_NAME).exists())
        self._line_is_open = False
        if self._path.is_file():  # a device or a pipe may have no end
            with contextlib.suppress(OSError):
                self._read_lines()
        else:
            with contextlib.suppress(OSError, ValueError):  # none yet: everything is rendered
                self._take(read_json_file(folder / EARLIER_NAME))

    @property
    def done(self) -> Mapping[str, Outcome]:
        """Outcomes by key of clips that were rendered."""
        return self._done

    @property
    def begun(self) -> Mapping[str, Sequence[str]]:
        """Files by key of clips that were begun and not finished."""
        return self._begun

    def find(self, key: str) -> Outcome | None:
        """The outcome of a key whose files are all there and were written by no other key since; None otherwise."""
        outcome = self._done.get(key)
        if outcome is None or not self._wrote_last(key, outcome.outputs):
            return None
        return outcome if all(os.path.exists(self._folder / file) for file in outcome.outputs) else None

    def list_names(self) -> tuple[tuple[str, str], ...]:
        """Clips that are done, by path, and their names."""
        return tuple((outcome.source, outcome.name) for outcome in self._done.values())

    def owns(self, key: str) -> bool:
        """Whether the files of a key, as far as they are there, were written for it, perhaps not to the end."""
        outcome = self._done.get(key)
        files = outcome.outputs if outcome is not None else self._begun.get(key)
        return files is not None and self._wrote_last(key, files)

    def _wrote_last(self, key: str, files: Sequence[str]) -> bool:
        return all(self._writers.get(file, key) == key for file in files)

    def owns_report(self) -> bool:
        """Whether the report page in the folder, if any, is a batch's own."""
        return not self.is_new or not (self._folder / REPORT_NAME).exists()

    def begin(self, outputs: Mapping[str, Sequence[str]]) -> None:
        """Note files by key before they are written: an interrupted batch may replace them. Raises BadInput."""
        if not self._path.exists() and (self._done or self._begun):  # read from an earlier version's file
            self._append(done=self._done, begun=self._begun)
        self.is_new = False  # from now on a report here is this batch's own
        begun = {key: files for key, files in outputs.items() if key}
        self._note(begun=begun)
        self._append(begun=begun)

    def finish(self, key: str, outcome: Outcome) -> None:
        """Note the outcome of a clip. Raises BadInput."""
        self._note(done={key: outcome})
        self._append(done={key: outcome})

    def _note(
        self, done: Mapping[str, Outcome] | None = None, begun: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Take in what was done, then what was begun."""
        for key, outcome in (done or {}).items():
            self._begun.pop(key, None)
            self._done[key] = outcome
            self._writers |= dict.fromkeys(outcome.outputs, key)
        for key, files in (begun or {}).items():
            self._begun[key] = files
            self._writers |= dict.fromkeys(files, key)

    def _append(
        self, done: Mapping[str, Outcome] | None = None, begun: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        entry = {"done": {key: asdict(outcome) for key, outcome in (done or {}).items()}, "begun": begun}
        line = json.dumps({name: part for name, part in entry.items() if part}) + "\n"
        try:  # a line that the disk had no room for is ended before the next
            with open(self._path, "ab") as file:
                was_open, self._line_is_open = self._line_is_open, True
                file.write(("\n" if was_open else "").encode() + line.encode("utf-8"))
            self._line_is_open = False
        except OSError as error:
            raise make_write_error(self._path, error) from None

    def _read_lines(self) -> None:
        """Take what the file's lines tell. Raises OSError."""
        with open(self._path, "rb") as file:
            while line := file.readline(MAX_BYTES):
                self._line_is_open = not line.endswith(b"\n")
                with contextlib.suppress(ValueError):  # cut short, or of another Struck
                    self._take(parse_json(line))

    def _take(self, entry: Any) -> None:
        """Add what an object of the file tells; none of it where it is of another Struck."""
        try:
            done = {key: _read_outcome(row) for key, row in entry.get("done", {}).items()}
            begun = {key: tuple(files) for key, files in entry.get("begun", {}).items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        self._note(done, begun)


def _read_outcome(row: Mapping[str, Any]) -> Outcome:
    """An outcome as ``asdict`` wrote it. Raises TypeError and ValueError for anything else."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    outcome = Outcome(**values)
    texts = (outcome.source, outcome.name, outcome.stem, outcome.picture, outcome.failure, outcome.warning)
    for text in (*texts, *outcome.outputs, *outcome.sounds):
        text.encode("utf-8")
    levels = [level for level in (outcome.loudness_lufs, outcome.true_peak_dbtp) if level is not None]
    for number in (outcome.duration_s, outcome.hits, *levels):
        math.isfinite(number)
    return outcome
