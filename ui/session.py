"""One tab's session: its document and history, its messages, its autosave."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput, Cancelled
from engine.document.edits.values import Edit
from engine.document.history import History, commit, redo, undo
from engine.document.project import Project
from ui.change_numbers import ChangeNumbers
from ui.context import AppContext
from ui.document_state import ClipSearch, Playback, project_name, project_state
from ui.headroom import keep_headroom
from ui.jobs import Worker, check_running_job, describe_error, hide_folders
from ui.protocol.events import ClipWanted, DocumentState, ErrorNotice, Media, Note, ServerMessage, Status
from ui.protocol.exporting import Exported
from ui.render_queue import RenderQueue
from ui.renderer import Focus, RenderCallbacks, Renderer
from ui.search_results import SearchResults
from ui.send_queue import CoalescingSendQueue
from ui.session_autosave import SessionAutosave
from ui.status_board import StatusBoard
from ui.welcome import welcome_message

log = logging.getLogger("struck")


class Session:
    """State of one tab; thread safe. The document changes only through ``commit``, ``step`` and ``show``."""

    def __init__(self, context: AppContext, session_id: str) -> None:
        self.context = context
        self.id = session_id
        # Paths are shown, and addresses of exports listed; whoever knows the id itself could use the session.
        self.folder_name = hashlib.sha256(f"folder of {session_id}".encode()).hexdigest()[:24]
        self.export_key = hashlib.sha256(f"exports of {session_id}".encode()).hexdigest()[:24]
        self.lock = threading.RLock()
        self.history: History | None = None
        self.name = ""
        self.info: Any = None
        self.track: Any = None
        self.playback = Playback()
        self.saved_as: Path | None = None
        self.saved_project: Project | None = None
        self.provisional: tuple[Edit, str] | None = None
        self.hold_sampling = False
        self.media = Media()
        self.exported: tuple[Exported, Project] | None = None  # the last files, and what they are of
        self.clip_search: ClipSearch | None = None
        self.worker = Worker("work", self.fail)
        self.helper, self.detector = Worker("clip", self._excuse), Worker("onsets", self._excuse)
        self.leveller, self.meter = Worker("level", self._excuse), Worker("meter", self._excuse)
        self.auditions, self.search_worker = Worker("audition", self._excuse), Worker("find", self._excuse)
        self.search_results = SearchResults()
        self.focus = Focus()
        self.sync_meter, self.animatics = Worker("sync", self._excuse), Worker("animatic", self._excuse)
        self.picturing, self.thumbnails = Worker("picturing", self._excuse), Worker("thumbnails", self._excuse)
        self.storyboards, self.exports = Worker("storyboard", self._excuse), Worker("export", self.fail_export)
        self.queue = RenderQueue(context, self.folder_name, self.export_key, self.send, self.report)
        self.renderer = Renderer(
            context,
            RenderCallbacks(
                lock=self.lock,
                project=self.project_to_render,
                focus=lambda: self.focus,
                send=self.send,
                send_welcome=self.send_welcome,
                set_status=self.set_status,
                clear_status=self.clear_status,
                rendered=lambda: keep_headroom(self),
                report=self.report,
            ),
        )
        self.headroom_gesture: str | None = None  # of the analysis whose sounds are not sampled yet
        self.uploading = 0
        self._rested = False
        self.opened = False  # its first document: what it held before a restart, or another
        self.edited = False  # it holds changes that no project file does
        self.goes_on = False  # what stopped while no tab was open
        self.unfinished = False  # its hits are still being looked for
        self._autosave = SessionAutosave(self)
        self.kept_ids: list[str] = []  # of documents that others took the place of
        self.used_at = time.monotonic()
        self.dirty = False
        self.clip_number = 0  # grows with every document that is shown
        self._send_queues: set[CoalescingSendQueue] = set()
        self._revision = 0
        self.changes = ChangeNumbers()
        self.board = StatusBoard(self.send)

    def folder(self, kind: str) -> Path:
        """This session's own folder among the uploads, exports or projects."""
        return self.context.folder(kind, self.folder_name)

    # --- conversation ---------------------------------------------------------------------------

    def join(self, send_queue: CoalescingSendQueue) -> None:
        """Add a tab's connection and send it everything."""
        with self.lock:
            self._send_queues.add(send_queue)
            if self.opened:  # else a page that shows it still would be emptied before it is taken up
                self._put_document(send_queue, self._document())
            send_queue.put(self.media)
            send_queue.put(self.renderer.message())
            if self.exported is not None:  # before the status, which may tell that they are done
                told, project = self.exported
                send_queue.put(replace(told, is_current=self.project is project, again=True))
            send_queue.put(self.board.shown())
            send_queue.put(self.queue.message())
            if self.clip_search is not None:
                send_queue.put(self.clip_search.message())
            rested, self._rested = self._rested, False
        if rested:
            self.renderer.request()
            self.queue.resume()
            self.goes_on = True
            what = "the search for hits and sampling go on" if self.unfinished else "sampling goes on"
            send_queue.put(Note(f"work paused while no tab was open; {what} now, start an export again"))

    def leave(self, send_queue: CoalescingSendQueue) -> None:
        """Remove a tab's connection."""
        with self.lock:
            self._send_queues.discard(send_queue)
            self.used_at = time.monotonic()

    @property
    def tab_count(self) -> int:
        """Number of different tabs that are connected; a tab that connects anew counts once."""
        with self.lock:
            return len({send_queue.tab for send_queue in self._send_queues})

    @property
    def connection_count(self) -> int:
        """Number of connections."""
        return len(self._send_queues)

    @property
    def watched(self) -> bool:
        """Whether a tab is connected."""
        return bool(self._send_queues)

    def send(self, message: ServerMessage) -> None:
        """Send a message to every tab of this session."""
        with self.lock:
            for send_queue in self._send_queues:
                send_queue.put(message)

    def send_result(self, message: ServerMessage) -> None:
        """Send what the calling job found; Cancelled where its document is gone, or the job cancelled."""
        with self.lock:
            check_running_job()
            self.send(message)

    def send_welcome(self) -> None:
        """Send every tab of this session the checkpoints, presets and recent files as they are now."""
        self.send(welcome_message(self.context, self.kept_ids))

    def note(self, message: str) -> None:
        """Show the user a note that is no error."""
        self.send(Note(message))

    def report(self, error: Exception, what: str = "") -> str:
        """Show an error as one sentence, and log it unless it is bad input; returns the sentence."""
        message = hide_folders(describe_error(error), self.context.home)
        if not isinstance(error, BadInput):
            log.error("%s in session %s failed", what or "work", self.folder_name, exc_info=error)
        self.send(ErrorNotice(message))
        return message

    def fail(self, error: Exception) -> None:
        """Status of a job that was cancelled or failed."""
        with self.lock:
            self.provisional = None
            self.hold_sampling = False
            if not self._rested:
                self.mark_unfinished(False)
            self.push_document()
        if isinstance(error, Cancelled):
            if self.worker.waiting <= 1:  # else a newer job has taken the place of this one
                self.set_status("work", "cancelled", message="Stopped")
        else:
            self.set_status("work", "error", message=self.report(error, "job"))
        self.renderer.request()

    def fail_export(self, error: Exception) -> None:
        """Status of an export that was cancelled or failed."""
        if isinstance(error, Cancelled):
            self.set_status("export", "cancelled", message="Export stopped")
        else:
            self.set_status("export", "error", message=self.report(error, "export"))

    def _excuse(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self.report(error, "side job")

    # --- status ---------------------------------------------------------------------------------

    def set_status(
        self, activity: str, phase: str, done: int = 0, total: int = 0, message: str = "", started: float | None = None
    ) -> None:
        """Send the progress of an activity, "work", "sampling", "export" or "proxy"; one does not hide another."""
        elapsed_s = 0.0 if started is None else round(time.monotonic() - started, 2)
        with self.lock:
            self.board.set(activity, Status(phase, done, total, message, elapsed_s))  # type: ignore[arg-type]

    def clear_status(self, activity: str) -> None:
        """Drop the status of an activity."""
        with self.lock:
            self.board.clear(activity)

    # --- document -------------------------------------------------------------------------------

    @property
    def project(self) -> Project | None:
        """The document as it stands."""
        return self.history.now if self.history else None

    def require_project(self) -> Project:
        """The document; BadInput when none is open."""
        project = self.project
        if project is None:
            raise BadInput("no clip is open; open one first")
        return project

    def show(
        self, project: Project | None, info: Any = None, saved_as: Path | None = None, resumed: bool = False
    ) -> None:
        """Begin anew with a document or none, once unsaved changes to the one before are kept; or raise BadInput."""
        with self.lock:
            self._autosave.set_aside(resumed)
            self.opened = True
            for worker in self._workers():
                worker.leave_document()
            self.clip_number += 1
            self.context.project_files.forget(self)
            self.history = None if project is None else History(project)
            self.name = "" if project is None else project_name(project)
            self.info = info
            self.track = self.provisional = None
            self.want_clip(None)
            self.saved_as = saved_as
            self.saved_project = project if saved_as else None
            self.edited = False
            self.playback = Playback()
            self.focus = Focus()
            self.headroom_gesture = None
            self.media = Media(filmstrip=project is not None)
            if self.exported is not None:
                self.exported = None
                self.send(Exported((), is_current=True, again=True))
            self.board.reset()
            self.dirty = not resumed
            self.unfinished = False
            self.context.changed.set()
            self.push_document()
            self.send(self.media)
            self.renderer.reset()
            self.send(self.board.shown())

    def commit(self, edit: Edit, gesture: str | None = None, renames: bool = False) -> None:
        """Apply an edit and show the result; BadInput leaves everything as it was."""
        with self.lock:
            self.require_project()
            self.board.forget_errors()
            self.change_history(lambda history: commit(history, edit, gesture, renames))

    def step(self, back: bool) -> None:
        """Undo or redo."""
        with self.lock:
            if self.history is not None:
                self.board.forget_errors()
                self._take(undo(self.history) if back else redo(self.history))

    def _take(self, history: History) -> None:
        check_running_job()
        if history is self.history:
            return
        self.history = history
        self.edited = history.now is not self.saved_project
        self.dirty = True
        self.context.changed.set()
        self.push_document()
        self.renderer.request()

    def show_provisional(self, edit: Edit, gesture: str) -> None:
        """Show the document with the hits found so far; the edit enters the history only before another one."""
        with self.lock:
            check_running_job()
            self.provisional = (edit, gesture)
            self.push_document()

    def adopt_provisional(self) -> None:
        """Commit the hits found so far, since the user is about to edit them."""
        with self.lock:
            if self.provisional is not None:
                edit, gesture = self.provisional
                self.provisional = None
                self.commit(edit, gesture)

    def want_clip(self, search: ClipSearch | None) -> None:
        """Ask the tab for a project's missing clip, or withdraw the request."""
        with self.lock:
            if search or self.clip_search:
                self.send(search.message() if search else ClipWanted())
            self.clip_search = search

    def change_history(self, change: Callable[[History], History]) -> None:
        """Change every document of the history, so that undo does not restore the former state."""
        with self.lock:
            if self.history is not None:
                self._take(change(self.history))

    def push_document(self) -> None:
        """Send the document as it stands."""
        with self.lock:
            self._revision += 1
            document = self._document()
            for send_queue in self._send_queues:
                self._put_document(send_queue, document)

    def finish_change(self, tab: str, number: int) -> None:
        """Acknowledge a tab's change that was applied or refused, unless that was done already."""
        with self.lock:
            self.changes.handle(tab, number)
            if not self.changes.is_announced(tab):
                self.push_document()

    def _put_document(self, send_queue: CoalescingSendQueue, document: DocumentState) -> None:
        send_queue.put(replace(document, handled=self.changes.announce(send_queue.tab)))

    def _document(self) -> DocumentState:
        history = self.history
        if history is None:
            return DocumentState(self._revision, None, None, None)
        shown = self.provisional[0].apply(history.now) if self.provisional else history.now
        state = project_state(shown, self.name, history.now is self.saved_project, self.playback)
        labels = history.undo_label, history.redo_label
        return DocumentState(self._revision, state, *labels, undo_gesture=history.undo_gesture)

    def set_media(self, **values: Any) -> None:
        """Announce the curve, waveform or filmstrip."""
        with self.lock:
            check_running_job()
            self.media = replace(self.media, **values)
            self.send(self.media)

    def set_playback(self, playback: Playback) -> None:
        """Announce a new address of the clip's media."""
        with self.lock:
            check_running_job()
            self.playback = playback
            self.push_document()

    def media_path(self) -> Path | None:
        """The file the browser plays: the clip, or its proxy; None while there is none."""
        return self.playback.path

    def project_to_render(self) -> Project | None:
        """The document to render now; None while there is none or analysis is about to replace it."""
        return None if self.hold_sampling else self.project

    def rest(self) -> None:
        """Stop all work, since no tab is connected; ``join`` resumes sampling."""
        busy = [worker for worker in self._workers() if worker.busy]
        self._rested = self._rested or bool(busy) or self.renderer.busy  # before what is cancelled asks for it
        for worker in busy:
            worker.cancel()
        if self.renderer.busy:
            self.renderer.stop()
        self._rested = self.queue.pause() or self._rested

    def _workers(self) -> list[Worker]:
        return [own for own in vars(self).values() if isinstance(own, Worker)]

    # --- keeping --------------------------------------------------------------------------------

    def mark_unfinished(self, unfinished: bool) -> None:
        """Record in the autosave whether hits are being detected, so that a restart resumes the detection."""
        with self.lock:
            if unfinished != self.unfinished:
                self.unfinished = unfinished
                self.dirty = True
                self.context.changed.set()

    def keep(self, is_last: bool = False) -> None:
        """Write the autosave if the document changed; ``is_last`` tries once more also soon after a failure."""
        self._autosave.write(is_last)

    def resume(self) -> bool:
        """Restore the document of this session before a restart; False when there is none."""
        return self._autosave.restore()
