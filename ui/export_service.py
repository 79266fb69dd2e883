"""Export: track, video, stems, pieces, sessions, markers and project, as downloads."""

from __future__ import annotations

import shutil
import time
import urllib.parse
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput, StruckError
from engine.core.files import create_file
from engine.core.words import counted
from engine.document.history import note_export
from engine.document.project import Project
from engine.document.storage import save_project
from ui.clip_service import check_clip
from ui.export_plan import SESSIONS, ZIPPED, check_export, choose_stem, name_files, number_name, write_settings
from ui.jobs import Job
from ui.protocol.exporting import Export, Exported, ExportedFile, ExportOptions, ExportPlan, PlanExport

if TYPE_CHECKING:
    from engine.pipeline.delivery import Delivery
    from ui.session import Session

_WORDS = {
    "wav": "the sound",
    "mp4": "the video",
    "stems": "the stems",
    "pieces": "the pieces",
    "reaper": "the Reaper project",
    "aaf": "the AAF",
    "otio": "the timeline",
    "dawproject": "the DAWproject",
    "edl": "the EDL",
    "midi": "the MIDI file",
    "csv": "the cue list",
    "wwise": "the Wwise pack",
    "html": "the cue sheet",
    "pdf": "the cue sheet",
    "markers": "the markers",
    "project": "the project",
}


def export(session: Session, message: Export) -> None:
    """Write the chosen kinds of file once the sound is up to date, then send their addresses. Raises BadInput.

    Where files of these names exist and the message does not say whether to replace them, it asks the tab.
    """
    from engine.media.export.options import find_start

    project = session.require_project()
    options = _clean(message.options)
    kinds = check_export(message.what, options)
    find_start(options, project.clip.start_timecode, project.clip.frame_rate)
    names = name_files(project, session.name, kinds, options)
    taken = _list_exports(session)
    existing = tuple(name for name in names.values() if name.casefold() in taken)
    if existing and message.existing == "ask":
        session.send(ExportPlan(tuple(names.values()), existing, asks=True))
        return
    if message.existing == "keep":
        names = {kind: number_name(name, taken) for kind, name in names.items()}
    session.exports.start(lambda job: _export(session, names, options, job))


def plan_export(session: Session, message: PlanExport) -> None:
    """Send the names of the files that an export would write."""
    from engine.media.export.options import find_start

    project, options = session.require_project(), _clean(message.options)
    try:
        kinds = check_export(message.what, options) if message.what else []
        find_start(options, project.clip.start_timecode, project.clip.frame_rate)
        names = tuple(name_files(project, session.name, kinds, options).values())
    except BadInput as error:
        session.send(ExportPlan(fault=str(error)))
        return
    taken = _list_exports(session)
    session.send(ExportPlan(names, tuple(name for name in names if name.casefold() in taken)))


def _clean(options: ExportOptions) -> ExportOptions:
    return replace(options, start_timecode=(options.start_timecode or "").strip() or None)


def _list_exports(session: Session) -> set[str]:
    """Names of the session's exported files, in lower case."""
    return {path.name.casefold() for path in session.folder("exports").iterdir() if path.is_file()}


def _export(session: Session, names: Mapping[str, str], options: ExportOptions, job: Job) -> None:
    from engine.pipeline.delivery import Delivery
    from engine.pipeline.master import describe_left_out

    started = time.monotonic()

    def show(done: int, message: str) -> None:
        job.check()
        session.set_status("export", "exporting", done, 100 * len(names), message, started)

    show(0, "Waiting for the last hits")
    delivery = Delivery(*session.renderer.wait_for_mix(job.check), options, datetime.now(), job.check)
    folder = session.folder("exports")
    files = []
    for number, (kind, name) in enumerate(names.items()):
        show(100 * number, f"Writing {_WORDS[kind]}")

        def show_part(fraction: float, number: int = number, kind: str = kind) -> None:
            show(round(100 * (number + fraction)), f"Writing {_WORDS[kind]}, {100 * fraction:.0f} %")

        path = folder / name
        note, warning = _write(session, kind, delivery, options, path, show_part)
        left_out = describe_left_out(delivery.project) if kind != "project" else ""
        url = f"/struck/export/{session.export_key}/{urllib.parse.quote(path.name)}?v={path.stat().st_mtime_ns}"
        files.append(ExportedFile(path.name, url, "; ".join(filter(None, (note, left_out))), warning))
    settings = write_settings(list(names), options)
    with session.lock:
        is_current = session.project is delivery.project
        session.change_history(lambda history: note_export(history, settings))
        exported = Exported(tuple(files), is_current)
        session.send_result(exported)
        session.exported = exported, session.require_project() if is_current else delivery.project
        # Under the same lock: a page that was told of the files must not hear once more that they are being written.
        session.set_status("export", "done", 100 * len(names), 100 * len(names), "Exported", started)


def _write(
    session: Session,
    kind: str,
    delivery: Delivery,
    options: ExportOptions,
    path: Path,
    on_progress: Callable[[float], None],
) -> tuple[str, str]:
    """Write one file; returns a note on it, and a warning or ""."""
    from engine.media.export.markers import write_markers
    from engine.pipeline.delivery import deliver_track, deliver_video
    from engine.pipeline.track import marker_rows

    project = delivery.project
    if kind == "wav":
        clipped = deliver_track(delivery, path)
        return _describe_form(delivery, options), _warn_of_level(clipped)
    if kind == "mp4":
        check_clip(session)
        note, clipped = deliver_video(delivery, path, on_progress)
        return note or "picture untouched", _warn_of_level(clipped)
    if kind in ("stems", "pieces"):
        return _write_folder(session, kind, delivery, path)
    if kind in SESSIONS:
        stem = choose_stem(project, session.name, options)
        return _write_session(session, kind, delivery, path, f"{stem}{SESSIONS[kind]}"), ""
    if kind == "markers":
        write_markers(path, marker_rows(project))
        return counted(len(project.heard_hits()), "hit"), ""
    if kind == "project":
        if _is_foreign(session, project):  # no place of this machine
            beside = replace(project.clip, path=str(path.with_name(Path(project.clip.path).name)))
            save_project(replace(project, clip=beside), path, portable=True)
        else:
            save_project(project, path)
        return "put the clip beside it", ""
    raise StruckError(f"export of {kind} is not known; reload the page")


def _describe_form(delivery: Delivery, options: ExportOptions) -> str:
    """The form of the track's file, and its loudness where it is not what is heard, which is stereo."""
    from engine.media.export.loudness import can_measure
    from engine.media.export.sound import LOSSY
    from engine.pipeline.loudness import describe_loudness, measure_track

    bits = "" if options.sound_ending in LOSSY else f"{options.bits} bit"
    loudness = ""
    if options.channels != "stereo" and can_measure():
        measured = measure_track(delivery.project, delivery.rendered, delivery.check, options.channels)
        loudness = describe_loudness(measured)
    return ", ".join(filter(None, (f"{options.sample_rate_hz / 1000:g} kHz", bits, options.channels, loudness)))


def _warn_of_level(clipped: int) -> str:
    return f"over full scale in {counted(clipped, 'sample')}: lower the mix" if clipped else ""


def _is_foreign(session: Session, project: Project) -> bool:
    """Whether the clip lies where only the server can read it."""
    return session.context.options.public or session.id in Path(project.clip.path).parts


def _write_folder(session: Session, kind: str, delivery: Delivery, path: Path) -> tuple[str, str]:
    """Write a ZIP of a folder; returns a note on it, and a warning or ""."""
    from engine.pipeline.deliver_pieces import deliver_pieces
    from engine.pipeline.delivery import deliver_stems

    with _Folder(path.with_suffix("")) as inner:
        if kind == "stems":
            _, clipped = deliver_stems(delivery, inner)
            note = f"one WAV a {delivery.options.stems}"
        else:
            files = deliver_pieces(delivery, inner, _sampler(session, delivery))
            note, clipped = f"{len(files)} one-shots", sum(file.clipped for file in files)
        _zip(path, inner)
    return note, _warn_of_level(clipped)


def _write_session(session: Session, kind: str, delivery: Delivery, path: Path, name: str) -> str:
    """A session: the file itself, or a ZIP that holds it by its ``name`` with the sound files that it refers to."""
    from engine.pipeline.deliver_pieces import deliver_session

    portable = _is_foreign(session, delivery.project) or kind == "aaf"
    with _Folder(path.with_name(f"{path.stem} {kind}")) as inner:
        file = inner / name
        beside = deliver_session(delivery, file, _sampler(session, delivery), portable)
        if kind not in ZIPPED:
            file.replace(path)
            return counted(len(delivery.project.heard_hits()), "hit")
        _zip(path, inner)
    return f"{file.name} and {len(beside)} sound files"


def _sampler(session: Session, delivery: Delivery) -> Callable[[Project], Mapping[str, Any]]:
    """Renders the hits of another project by the session's sampler."""

    def sample(project: Project) -> Mapping[str, Any]:
        from engine.pipeline.render import render_hits

        context = session.context
        with context.sampling_lock.acquire(delivery.check) as yield_lock:

            def check() -> None:
                delivery.check()
                yield_lock()

            return render_hits(project, context.sampler(project.render), context.cache, check)

    return sample


class _Folder:
    """A temporary folder for the files of a ZIP, deleted when the block ends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        return self.path

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _zip(path: Path, folder: Path) -> None:
    with create_file(path) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
