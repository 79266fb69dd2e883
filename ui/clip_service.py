"""Opening of clips, projects and demos, and the pipeline's runs as jobs of a session."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.core.words import counted
from engine.document.edits.values import Edit, count_of
from engine.document.project import Project
from engine.document.storage import ClipMissing, is_project_file, load_project
from engine.media.export.endings import EMBEDDING_ENDINGS
from engine.pipeline.events import (
    AnalysisProgress,
    ClipOpened,
    DetectionProgress,
    Event,
    Notice,
    OnsetsFound,
    OnsetsUpdated,
    PictureProgress,
    SoundsFound,
)
from ui.clip_playback import note_frame_rate, serve_clip
from ui.document_state import ClipSearch
from ui.jobs import Job
from ui.onset_curve import draw_curve, process_settings, show_curve
from ui.openable import check_opens, read_project_inside
from ui.session_autosave import ANALYSIS
from ui.welcome import PROJECT_ENDING, demos, recent, remember_recent

if TYPE_CHECKING:
    from engine.pipeline.process import ProcessSettings
    from ui.session import Session

SHOW_FOUND_EVERY_S = 0.25


# --- opening ----------------------------------------------------------------------------------


def open_path(session: Session, path: Path) -> None:
    """Start opening a clip or project; the current document stays until the new one is read.

    Where the document's clip is still analysed, BadInput for a file that cannot be opened, and the analysis goes on.
    """
    if session.worker.busy:
        check_opens(path)
    session.worker.start(lambda job: _open(session, path, job))


def open_demo(session: Session, name: Any) -> None:
    """Open a demo, analysed and rendered."""
    if name not in [demo.name for demo in demos()]:
        raise BadInput(f"demo {name!r} is not known; choose one from the list")
    path = ASSETS / f"demo_{name}{PROJECT_ENDING}"

    def run(job: Job) -> None:
        from engine.core.cache import read_bundle

        sounds = ASSETS / f"demo_{name}.sounds"
        if sounds.is_file():
            for key, samples in read_bundle(sounds).items():
                if session.context.cache.get(key) is None:
                    session.context.cache.put(key, samples)
                session.renderer.remember(key, len(samples))
        _open_project(session, path, job, None)

    session.worker.start(run)


def resume_clip(session: Session) -> None:
    """After a restart, start ``take_up_clip``."""
    session.worker.start(lambda job: take_up_clip(session, job))


def take_up_clip(session: Session, job: Job) -> None:
    """Probe the document's clip for playback, waveform and onset curve, and find hits if that was cut short."""
    unfinished = session.unfinished
    _look_at_clip(session, job)
    if unfinished:
        _detect_hits(session, job)


def _open(session: Session, path: Path, job: Job) -> None:
    started = time.monotonic()
    session.set_status("work", "opening", message=f"Opening {path.name}", started=started)
    embedded = read_project_inside(path)
    if embedded is not None or is_project_file(path):
        _open_project(session, path, job, path, embedded)
    else:
        from engine.pipeline.process import process_clip

        _process(session, job, lambda settings: process_clip(path, settings, session.require_project), started)
    remember_recent(session.context, path)
    session.send_welcome()


def _open_project(session: Session, path: Path, job: Job, saved_as: Path | None, embedded: bytes | None = None) -> None:
    def digest_of(clip_path: str) -> str:
        from engine.media.open import digest_file

        return digest_file(clip_path)

    # Each upload lies in a folder of its own.
    folders = [folder for folder in session.folder("uploads").iterdir() if folder.is_dir()]
    confined = session.context.options.public and saved_as is not None
    if embedded is not None:  # it names no folder
        folders += [Path(place).parent for place in recent(session.context)]
    try:
        project = load_project(path, folders, digest_of if saved_as else None, confined=confined, content=embedded)
    except ClipMissing as error:
        session.want_clip(ClipSearch(error.project, path))
        raise
    show_project(session, project, saved_as, job)


def show_project(session: Session, project: Project, path: Path | None, job: Job) -> None:
    """Begin with a project whose clip was found; ``path`` is its file, None for a demo."""
    from engine.pipeline.open_clip import match_clip

    if path is not None:
        project = match_clip(project)
    is_kept = path is not None and path.suffix.lower() in EMBEDDING_ENDINGS  # inside an export
    saved_as = None if is_kept or path is None or path.is_relative_to(session.context.folder("uploads")) else path
    job.check()
    if path is not None and not is_kept:
        from engine.pipeline.collect import restore_recordings

        restore_recordings(project, path, session.context.cache)
    session.show(project, saved_as=saved_as)
    if saved_as is not None and session.context.project_files.open(session, saved_as):
        name = saved_as.name
        session.note(f"{name} is open in another tab too; the one saved second gets a file of its own beside it")
    session.renderer.request()
    _look_at_clip(session, job)


def go_on(session: Session) -> None:
    """Begin again what stopped while no tab was open: the clip's proxy, waveform and curve, the search for hits."""
    if session.info is not None and session.project is not None:
        serve_clip(session, session.info)
    if session.unfinished:
        detect_again(session)
    elif session.info is not None and session.track is None:
        draw_curve(session)


def _look_at_clip(session: Session, job: Job) -> None:
    """Playback, waveform and onset curve of a document that already has hits."""
    from engine.media.probe import probe

    project = session.require_project()
    session.renderer.request()
    if not os.path.isfile(project.clip.path):
        check_clip(session)
    info = probe(project.clip.path)
    job.check()
    if info.digest != project.clip.digest:
        check_clip(session)
    session.info = info
    serve_clip(session, info)
    job.check()
    session.clear_status("work")
    draw_curve(session)


# --- detection and analysis ---------------------------------------------------------------------


def detect_again(session: Session, gesture: str | None = None) -> None:
    """Detect hits again, keeping those that the user edited; with the edit of ``gesture`` it is one to undo."""
    session.require_project()

    def run(job: Job) -> None:
        check_clip(session)
        _detect_hits(session, job, gesture)

    session.worker.start(run)


def _detect_hits(session: Session, job: Job, gesture: str | None = None) -> None:
    from engine.pipeline.process import process_project

    started = time.monotonic()
    _begin_detection(session, started)
    _process(session, job, lambda settings: process_project(settings, session.require_project), started, None, gesture)


def analyse_again(session: Session, hit_ids: Any) -> None:
    """Estimate the physics of hits again from the clip's audio."""
    from engine.pipeline.process import estimate_sounds

    project = session.require_project()
    known = {hit.id for hit in project.hits}
    if not isinstance(hit_ids, list) or not hit_ids or not set(map(str, hit_ids)) <= known:
        raise BadInput("the hits to analyse are not in this project; select some first")

    def run(job: Job) -> None:
        check_clip(session)
        started = time.monotonic()
        count = len(hit_ids)
        session.set_status("work", "analysing", 0, count, f"Analysing {counted(count, 'hit')}", started)
        _process(
            session,
            job,
            lambda settings: estimate_sounds(session.require_project(), settings, hit_ids),
            started,
            hit_count=count,
        )

    session.worker.start(run, replace_others=False)


def snap_hits(session: Session, hit_ids: Sequence[str]) -> None:
    """Move hits, each to the transient nearest to it, as one edit; a note tells of those that have none near."""
    from engine.document.edits.values import check_hits

    wanted = check_hits(session.require_project(), hit_ids)

    def run(job: Job) -> None:
        from engine.document.edits.hits import set_each_hit
        from engine.pipeline.snap_hits import nearest_transient

        check_clip(session)
        project = session.require_project()
        onsets_s = [onset.time_s for onset in session.track.candidates] if session.track is not None else []
        hits = [hit for hit in project.hits if hit.id in wanted]
        found = {}
        for hit in hits:
            job.check()
            found[hit.id] = nearest_transient(project.clip, hit.time_s, onsets_s)
        moved = {hit_id: {"time_s": time_s} for hit_id, time_s in found.items() if time_s is not None}
        if moved:
            edit = set_each_hit(moved)
            session.commit(replace(edit, label=f"Snap {count_of(len(moved), 'hit')} to transients"))
        if len(moved) < len(hits):
            job.check()
            session.note(f"{len(hits) - len(moved)} of {len(hits)} stay where they are: no transient is near")

    session.leveller.start(run, replace_others=False)


def check_clip(session: Session) -> None:
    """BadInput when the document's clip is missing or replaced by another; the tab is then asked for it."""
    from engine.media.open import check_content

    project = session.require_project()
    try:
        check_content(project.clip.path, project.clip.digest)
    except BadInput:
        session.want_clip(ClipSearch(project))
        raise


def choose_hits(session: Session, edit: Edit, gesture: str | None) -> None:
    """Commit a new threshold together with the hits it chooses."""
    from engine.document.edits.values import chain
    from engine.pipeline.detect_onsets import hits_from_track

    track = session.track
    if track is not None:
        edit = chain(edit.label, edit, hits_from_track(track))
    session.commit(edit, gesture)


def _process(
    session: Session,
    job: Job,
    start: Callable[[ProcessSettings], Iterator[Event]],
    started: float,
    hit_count: int | None = None,
    gesture: str | None = None,
) -> None:
    """Run the pipeline in turn with other sessions; its edits are one entry of the history, under one gesture."""
    gesture = gesture or f"{ANALYSIS}{started}"
    with session.context.analysis_lock.acquire(job.check) as yield_lock:

        def check() -> None:
            job.check()
            yield_lock()

        shown_at = 0.0
        for event in start(process_settings(session.context, check)):
            job.check()
            if isinstance(event, OnsetsUpdated):
                now = time.monotonic()
                if now - shown_at < SHOW_FOUND_EVERY_S:
                    continue
                shown_at = now
            _show_event(session, job, event, gesture, started)
            yield_lock()
    hits = session.require_project().hits
    total = len(hits) if hit_count is None else hit_count
    message = f"{counted(len(hits), 'hit')}, {counted(len({hit.sound_id for hit in hits}), 'sound')}"
    session.mark_unfinished(False)
    session.headroom_gesture = gesture
    session.set_status("work", "done", total, total, message, started)
    session.renderer.request(asked=True)


def _show_event(session: Session, job: Job, event: Event, gesture: str, started: float) -> None:
    """Apply an event's edit to the document and show the pipeline's progress."""

    def show(phase: str, done: int, total: int, message: str) -> None:
        session.set_status("work", phase, done, total, message, started)

    match event:
        case ClipOpened():
            session.show(event.project, event.info)
            serve_clip(session, event.info)
            note_frame_rate(session, event.info)
            _begin_detection(session, started)
        case DetectionProgress():
            percent = round(100 * event.fraction)
            show("detecting", percent, 100, f"Looking for hits, {percent} %")
        case OnsetsUpdated():
            session.show_provisional(event.edit, gesture)
        case OnsetsFound():
            with session.lock:
                job.check()
                session.track = event.track
                session.provisional = None
                session.commit(event.edit, gesture)
                session.push_document()
                show_curve(session)
            count = len(session.require_project().hits)
            show("analysing", 0, count, f"Analysing {counted(count, 'hit')}")
        case AnalysisProgress():
            show("analysing", event.done, event.total, f"Analysing {event.done} of {counted(event.total, 'hit')}")
        case PictureProgress():
            show("analysing", round(100 * event.fraction), 100, "Looking at what is struck")
        case Notice():
            session.note(event.message)
        case SoundsFound():
            with session.lock:
                job.check()
                session.hold_sampling = False
                session.commit(event.edit, gesture)
                session.push_document()


def _begin_detection(session: Session, started: float) -> None:
    session.hold_sampling = not session.require_project().hits
    session.mark_unfinished(True)
    session.detector.cancel()
    session.set_status("work", "detecting", 0, 100, "Looking for hits", started)
