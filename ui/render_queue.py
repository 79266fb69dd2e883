"""The queue of a session: clips that are rendered one after another by the batch's code, with progress and links."""

from __future__ import annotations

import argparse
import threading
import time
import urllib.parse
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.console import Listener
from engine.core.errors import BadInput, Cancelled
from engine.core.files import replace_file
from engine.core.words import counted
from engine.media.export.endings import find_media_folder
from ui.context import AppContext
from ui.export_plan import SESSIONS, check_export
from ui.fair_lock import acquire_all
from ui.jobs import Job, Worker, hide_folders
from ui.protocol.exporting import ExportedFile, ExportOptions
from ui.protocol.queue import QueueItem, QueueState

if TYPE_CHECKING:
    from engine.cli.batch import Batch
    from engine.cli.batch_report import Outcome

MOST_QUEUED = 500
SEND_EVERY_S = 0.1
PARTS = {
    "detecting": (0.0, 0.3),
    "analysing": (0.3, 0.5),
    "looking at what is struck": (0.3, 0.5),
    "sampling": (0.5, 0.9),
    "writing the video": (0.9, 1.0),
}
"""Shares of a clip's rendering by step."""


@dataclass
class _Entry:
    """A clip, how it is rendered, and its state as it is shown."""

    source: Path
    options: argparse.Namespace
    shown: QueueItem
    cancelled: bool = False
    outcome: Outcome | None = None


class RenderQueue:
    """Thread safe. Its files lie in the session's exports under ``queue``; none is replaced."""

    def __init__(
        self,
        context: AppContext,
        folder_name: str,
        export_key: str,
        send: Callable[[QueueState], None],
        report: Callable[[Exception, str], str],
    ) -> None:
        self._context, self._folder_name, self._export_key = context, folder_name, export_key
        self._send_message, self._report = send, report
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._number = 0
        self._paused = False
        self._sent_at = 0.0
        self._worker = Worker("queue", self._excuse)

    @property
    def busy(self) -> bool:
        """Whether a clip is being rendered or about to be."""
        return self._worker.busy

    def folder(self) -> Path:
        """Where its files are."""
        return self._context.folder("exports", self._folder_name, "queue")

    def message(self) -> QueueState:
        """The queue as a tab is sent it."""
        with self._lock:
            items = tuple(entry.shown for entry in self._entries)
        from engine.cli.batch_report import REPORT_NAME

        is_there = bool(items) and (self.folder() / REPORT_NAME).exists()
        return QueueState(items, self._address(REPORT_NAME) if is_there else "")

    # --- what the user asks for ---------------------------------------------------------------

    def add(self, sources: Sequence[Path], what: Sequence[str], wanted: ExportOptions) -> None:
        """Queue clips. Raises BadInput, and then none is."""
        options = self._make_options(what, wanted)
        with self._lock:
            if len(self._entries) + len(sources) > MOST_QUEUED:
                raise BadInput(f"the queue takes {MOST_QUEUED} clips; clear what is done, or render them by batches")
            for source in sources:
                self._number += 1
                self._entries.append(_Entry(source, options, QueueItem(f"q{self._number}", source.name, "waiting")))
        self._send()
        self._start()

    def cancel(self, item_id: str | None) -> None:
        """Cancel one clip by its id, or all."""
        with self._lock:
            for entry in self._entries:
                if item_id in (None, entry.shown.id) and entry.shown.phase in ("waiting", "rendering"):
                    entry.cancelled = True
                    if entry.shown.phase == "waiting":
                        entry.shown = replace(entry.shown, phase="cancelled")
        self._send()

    def clear(self) -> None:
        """Forget what has ended."""
        with self._lock:
            self._entries = [e for e in self._entries if e.shown.phase in ("waiting", "rendering")]
        self._send()

    def pause(self) -> bool:
        """Stop until ``resume``, since no tab waits; whether there is something to go on with."""
        self._paused = self._paused or self.busy  # a second pause finds it stopped already
        self._worker.cancel()
        return self._paused

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._paused:
            self._paused = False
            self._start()

    def _start(self) -> None:
        self._worker.start(self._run, replace_others=False)

    # --- work ---------------------------------------------------------------------------------

    def _make_options(self, what: Sequence[str], wanted: ExportOptions) -> argparse.Namespace:
        """The options of the command line that do the same as an export of these kinds."""
        from engine.cli.delivery import write_options
        from engine.cli.render import add_arguments

        wanted = replace(wanted, start_timecode=(wanted.start_timecode or "").strip() or None)
        kinds = check_export(what, wanted)
        endings = {"wav": wanted.sound_ending, "mp4": wanted.video_ending, **SESSIONS}
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        options = parser.parse_args([])
        write_options(options, wanted)
        context = self._context
        options.ucs_names = wanted.ucs_names
        options.formats = [endings.get(kind, kind) for kind in kinds]
        options.out_dir, options.device = str(self.folder()), context.options.device
        options.ckpt_dir, options.data_dir = str(context.options.checkpoint_folder), str(context.wanted_home)
        return options

    def _run(self, job: Job) -> None:
        while (entry := self._next()) is not None:
            try:
                self._render(entry, job)
            except Cancelled:
                if not entry.cancelled:  # the queue pauses, and begins with this clip again
                    self._show(entry, phase="waiting", fraction=0.0, message="")
                    return
                self._show(entry, phase="cancelled", message="")
            except Exception as error:
                self._fail(entry, self._report(error, "queue"))

    def _next(self) -> _Entry | None:
        with self._lock:
            return next((entry for entry in self._entries if entry.shown.phase == "waiting"), None)

    def _render(self, entry: _Entry, job: Job) -> None:
        from engine.cli.batch import Batch
        from engine.cli.batch_job import render_job
        from engine.cli.render import render_one

        self._show(entry, phase="rendering", message="opening")
        batch = Batch(entry.options, keeps_names=True, describe=lambda source: Path(source).name)
        source = str(entry.source)
        rendering = batch.add(source)
        if rendering is not None:
            batch.begin([rendering])

            def check() -> None:
                job.check()
                if entry.cancelled:
                    raise Cancelled

            locks = (self._context.analysis_lock, self._context.sampling_lock)
            with acquire_all(locks, check) as yield_locks:
                progress = _Progress(entry, check, yield_locks, self._show)
                batch.finish(source, render_job(rendering, render_one, progress))
        outcome = batch.outcomes[source]
        if outcome.failure:
            self._fail(entry, outcome.failure)
        else:
            files = self._list_files(batch, outcome)
            message = f"{counted(outcome.hits, 'hit')}, {counted(len(outcome.sounds), 'sound')}"
            self._show(entry, phase="done", fraction=1.0, message=message, files=files, warning=outcome.warning)
        entry.outcome = outcome
        self._write_report()

    def _write_report(self) -> None:
        """The page about the clips of the queue that are done or failed."""
        from engine.cli.batch_report import REPORT_NAME, write_report

        with self._lock:
            outcomes = [entry.outcome for entry in self._entries if entry.outcome is not None]
        write_report(self.folder() / REPORT_NAME, outcomes)

    def _list_files(self, batch: Batch, outcome: Outcome) -> tuple[ExportedFile, ...]:
        """Links to a clip's files; those that come with folders are in one ZIP."""
        places = [batch.folder / name for name in outcome.outputs]
        folders = [place for place in (*places, *map(_find_folder, places)) if place is not None and place.is_dir()]
        if not folders:
            return tuple(ExportedFile(place.name, self._address(place.name), "") for place in places)
        path = batch.folder / f"{outcome.stem or outcome.name}.zip"
        found = {file for place in (*places, *folders) for file in (place, *place.rglob("*"))}
        inside = sorted(file for file in found if file.is_file())
        with replace_file(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for file in inside:
                archive.write(file, file.relative_to(batch.folder).as_posix())
        return (ExportedFile(path.name, self._address(path.name), counted(len(inside), "file")),)

    def _address(self, name: str) -> str:
        return f"/struck/queue/{self._export_key}/{urllib.parse.quote(name)}"

    # --- what is shown ------------------------------------------------------------------------

    def _fail(self, entry: _Entry, reason: str) -> None:
        self._show(entry, phase="failed", message=hide_folders(reason, self._context.home))

    def _show(self, entry: _Entry, **values: object) -> None:
        with self._lock:
            entry.shown = replace(entry.shown, **values)  # type: ignore[arg-type]
            now = time.monotonic()
            is_repeat = "phase" not in values and now - self._sent_at < SEND_EVERY_S
            self._sent_at = self._sent_at if is_repeat else now
        if not is_repeat:
            self._send()

    def _send(self) -> None:
        self._send_message(self.message())

    def _excuse(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self._report(error, "queue")


class _Progress(Listener):
    """Hears how far a clip is; ends its rendering where it is cancelled, and lets the editor work between its steps."""

    def __init__(
        self,
        entry: _Entry,
        check: Callable[[], None],
        yield_locks: Callable[[], None],
        show: Callable[..., None],
    ) -> None:
        self._entry, self._check_wanted, self._yield_locks, self._show = entry, check, yield_locks, show

    def say(self, message: str) -> None:
        self._check()

    def show(self, what: str, fraction: float) -> None:
        self._check()
        first, last = PARTS.get(what, (0.0, 1.0))
        done = first + (last - first) * min(1.0, max(0.0, fraction))
        self._show(self._entry, fraction=round(max(done, self._entry.shown.fraction), 3), message=what)

    def _check(self) -> None:
        self._check_wanted()
        self._yield_locks()


def _find_folder(path: Path) -> Path | None:
    """Folder of the sound files of a session, if a file is one."""
    return find_media_folder(path) if path.suffix.lower() in SESSIONS.values() else None
