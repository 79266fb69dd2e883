"""``render --watch``: render the clips that come into a folder, each once it is whole."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from engine.cli.batch import Batch, list_clips
from engine.cli.batch_job import render_job
from engine.cli.batch_report import Outcome
from engine.cli.console import say, warn
from engine.core.errors import BadInput
from engine.core.names import to_text
from engine.document.storage import SUFFIX

if TYPE_CHECKING:
    from engine.cli.batch_job import Render

POLL_S = 1.0
SETTLE_S = 3.0
"""A file that neither grows nor changes for so long is taken to be whole."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in ns."""


def find_stamp(path: str) -> Stamp | None:
    """A file's stamp; None where it was moved away."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class SettledFiles:
    """Files that were written to their end, each once for each content."""

    def __init__(self, settle_s: float = SETTLE_S) -> None:
        self._settle_s = settle_s
        self._seen: dict[str, tuple[Stamp, float]] = {}  # and since when it is so
        self._taken: dict[str, Stamp] = {}

    def take(self, paths: Iterable[str], now_s: float) -> Iterator[str]:
        """The files whose size has settled since they were new or changed; ``now_s`` is on a clock of its own."""
        for path in paths:
            stamp = find_stamp(path)
            if stamp is None:
                continue
            since = self._seen.get(path)
            if since is None or since[0] != stamp:
                self._seen[path] = (stamp, now_s)
            elif now_s - since[1] >= self._settle_s and stamp[0] and self._taken.get(path) != stamp:
                self._taken[path] = stamp
                yield path


def watch_folder(options: argparse.Namespace, render: Render) -> None:
    """Render each new or changed clip of a folder into ``--out-dir``, one at a time, until Ctrl-C. Raises BadInput.

    The manifest is the batch's: what is done is not done again. A clip that fails is said and does not end the watch.
    """
    if options.source:
        raise BadInput(f"{to_text(options.source[0])} and --watch were both given; put it into that folder")
    if options.farm is not None:
        raise BadInput("--watch renders on this machine; leave --farm out")
    if options.jobs not in (None, 1):
        raise BadInput("--watch renders one clip at a time; leave --jobs out")
    if not os.path.isdir(options.watch):
        raise BadInput(f"--watch {to_text(options.watch)} is not a folder; give one that clips come into")
    batch, files = Batch(options, keeps_names=True), SettledFiles()
    say(f"watching {to_text(options.watch)}; Ctrl-C ends it")
    try:
        while True:
            come = list(files.take(list_clips([options.watch], batch.folder), time.monotonic()))
            for path in come:
                _render_clip(batch, path, render)
            _retry_projects(batch, come, render)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        say("stopped watching; the same command goes on")


def _retry_projects(batch: Batch, come: Sequence[str], render: Render) -> None:
    """Render projects again that failed, since what they lack may be among the files that have come."""
    for path in [path for path, outcome in batch.outcomes.items() if outcome.failure and path.endswith(SUFFIX)]:
        if os.path.exists(path) and any(other != path for other in come):
            _render_clip(batch, path, render)


def _render_clip(batch: Batch, path: str, render: Render) -> None:
    before, stamp = batch.outcomes.get(path), find_stamp(path)
    job = batch.add(path)
    if job is None:
        say(f"{to_text(path)} is done already")
    else:
        try:
            batch.begin([job])
            outcome = render_job(job, render)
            while find_stamp(path) not in (stamp, None):
                say(f"{to_text(path)} was written on meanwhile and is rendered again")
                stamp = _wait_until_settled(path)
                batch.begin_again(job)
                outcome = render_job(job, render)
        except BadInput as error:  # its files are there, and none of a batch's
            outcome = Outcome(to_text(path), job.batch_name, failure=str(error))
        batch.finish(path, outcome)
        if not outcome.failure or before is None or before.failure != outcome.failure:
            written = ", ".join(outcome.outputs)
            say(f"{to_text(path)}: {outcome.failure or f'wrote {written}'}")
        if outcome.warning:
            warn(f"{to_text(path)}: {outcome.warning}")
    batch.write_report()


def _wait_until_settled(path: str) -> Stamp | None:
    """The stamp of a file once it has settled; at once where it is gone or empty."""
    files = SettledFiles(SETTLE_S)
    while (stamp := find_stamp(path)) and stamp[0] and not list(files.take([path], time.monotonic())):
        time.sleep(POLL_S)
    return stamp
