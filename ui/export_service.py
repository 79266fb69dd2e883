"""Export: track, video, stems, pieces, sessions, markers and project, as downloads."""

from __future__ import annotations

import shutil
import time
import urllib.parse
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput, StruckError
from engine.core.names import make_file_stem
from engine.core.words import counted
from engine.document.project import Project
from engine.document.storage import save_project
from engine.media.export.endings import SOUND_ENDINGS, VIDEO_ENDINGS
from engine.media.export.options import DeliveryOptions
from ui.clip_service import check_clip
from ui.jobs import Job
from ui.protocol.events import Exported, ExportedFile
from ui.protocol.requests import ExportOptions

if TYPE_CHECKING:
    from engine.pipeline.delivery import Delivery
    from ui.session import Session

LONGEST_ENDING = "_dawproject media.zip"
SESSIONS = {
    "reaper": ".rpp",
    "aaf": ".aaf",
    "otio": ".otio",
    "dawproject": ".dawproject",
    "edl": ".edl",
    "midi": ".mid",
    "csv": ".csv",
    "wwise": ".txt",
    "html": ".html",
    "pdf": ".pdf",
}
"""Endings of session files by kind."""

KINDS = ("wav", "mp4", "stems", "pieces", *SESSIONS, "markers", "project")
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


def export(session: Session, what: Sequence[str], given: ExportOptions) -> None:
    """Write the chosen kinds of file once the sound is up to date, then send their addresses. Raises BadInput."""
    from engine.media.export.options import find_start
    from engine.media.export.sound import check_form
    from engine.media.export.ucs import check_pattern

    clip = session.require_project().clip
    if not what or any(kind not in KINDS for kind in what):
        raise BadInput("no known kind of file was chosen to export; choose among WAV, MP4, stems, markers and project")
    if given.sound_ending not in SOUND_ENDINGS or given.video_ending not in VIDEO_ENDINGS:
        raise BadInput("no known format was chosen to export; reload the page")
    fields = {name: value for name, value in asdict(given).items() if name not in _OWN}
    options = DeliveryOptions(**{**fields, "start_timecode": given.start_timecode.strip() or None})
    check_pattern(options.name_pattern)
    find_start(options, clip.start_timecode, clip.frame_rate)
    if "wav" in what:
        check_form(f"track{given.sound_ending}", options.sample_rate_hz, options.channel_count, options.bits)
    chosen = [kind for kind in KINDS if kind in what]
    session.exports.start(lambda job: _export(session, chosen, given, options, job))


_OWN = ("sound_ending", "video_ending", "ucs_names")
"""Fields of ExportOptions that are not DeliveryOptions."""


def _export(session: Session, what: list[str], given: ExportOptions, options: DeliveryOptions, job: Job) -> None:
    from engine.pipeline.delivery import Delivery

    started = time.monotonic()

    def show(done: int, message: str) -> None:
        job.check()
        session.set_status("export", "exporting", done, 100 * len(what), message, started)

    show(0, "Waiting for the last hits")
    while True:
        session.renderer.wait(job.check)
        mixed = session.renderer.mix()
        if mixed is not None:
            break
        job.check()
        time.sleep(0.05)
    delivery = Delivery(*mixed, options, datetime.now(), job.check)
    folder = session.folder("exports")
    files = []
    for number, kind in enumerate(what):
        show(100 * number, f"Writing {_WORDS[kind]}")

        def show_part(fraction: float, number: int = number, kind: str = kind) -> None:
            show(round(100 * (number + fraction)), f"Writing {_WORDS[kind]}, {100 * fraction:.0f} %")

        path, note = _write(session, kind, delivery, given, folder, show_part)
        url = f"/struck/export/{session.export_key}/{urllib.parse.quote(path.name)}?v={path.stat().st_mtime_ns}"
        files.append(ExportedFile(path.name, url, note))
    session.send(Exported(tuple(files)))
    session.set_status("export", "done", 100 * len(what), 100 * len(what), "Exported", started)


def _write(
    session: Session,
    kind: str,
    delivery: Delivery,
    given: ExportOptions,
    folder: Path,
    on_progress: Callable[[float], None],
) -> tuple[Path, str]:
    """One file and a note on it."""
    from engine.media.export.markers import write_markers
    from engine.pipeline.delivery import deliver_track, deliver_video
    from engine.pipeline.render import marker_rows

    project, options = delivery.project, delivery.options
    plain = make_file_stem(session.name, LONGEST_ENDING)
    stem = delivery.name(ending=LONGEST_ENDING) if given.ucs_names else plain
    if kind == "wav":
        path = folder / f"{stem}{given.sound_ending}"
        clipped = deliver_track(delivery, path)
        loud = f"; over full scale in {counted(clipped, 'sample')}: lower the mix" if clipped else ""
        return path, f"{options.sample_rate_hz / 1000:g} kHz, {options.bits} bit, {options.channels}{loud}"
    if kind == "mp4":
        path = folder / f"{plain}_struck{given.video_ending}"
        check_clip(session)
        return path, deliver_video(delivery, path, on_progress) or "picture untouched"
    if kind in ("stems", "pieces"):
        return _write_folder(session, kind, delivery, folder / f"{stem}_{kind}.zip")
    if kind in SESSIONS:
        return _write_session(session, kind, delivery, folder, stem)
    if kind == "markers":
        path = folder / f"{plain}_markers.csv"
        write_markers(path, marker_rows(project))
        return path, counted(len(project.hits), "hit")
    if kind == "project":
        path = folder / f"{plain}.struck.json"
        if _is_foreign(session, project):  # no place of this machine
            beside = replace(project.clip, path=str(folder / Path(project.clip.path).name))
            save_project(replace(project, clip=beside), path, portable=True)
        else:
            save_project(project, path)
        return path, "put the clip beside it"
    raise StruckError(f"export of {kind} is not known; reload the page")


def _is_foreign(session: Session, project: Project) -> bool:
    """Whether the clip lies where only the server can read it."""
    return session.context.options.public or session.id in Path(project.clip.path).parts


def _write_folder(session: Session, kind: str, delivery: Delivery, path: Path) -> tuple[Path, str]:
    from engine.pipeline.deliver_pieces import deliver_pieces
    from engine.pipeline.delivery import deliver_stems

    with _Folder(path.with_suffix("")) as inner:
        if kind == "stems":
            deliver_stems(delivery, inner)
            note = f"one WAV a {delivery.options.stems}"
        else:
            files = deliver_pieces(delivery, inner, _sampler(session, delivery))
            note = f"{len(files)} one-shots"
        _zip(path, inner)
    return path, note


def _write_session(session: Session, kind: str, delivery: Delivery, folder: Path, stem: str) -> tuple[Path, str]:
    """A session: the file itself, or a ZIP with the sound files that it refers to."""
    from engine.pipeline.deliver_pieces import deliver_session

    ending = SESSIONS[kind]
    portable = _is_foreign(session, delivery.project)
    with _Folder(folder / f"{stem} {kind}") as inner:
        file = inner / f"{stem}{ending}"
        beside = deliver_session(delivery, file, _sampler(session, delivery), portable or ending == ".aaf")
        if not beside or ending == ".dawproject":
            path = folder / file.name
            file.replace(path)
            return path, counted(len(delivery.project.hits), "hit")
        path = folder / f"{stem}_{kind}.zip"
        _zip(path, inner)
    return path, f"{file.name} and {len(beside)} sound files"


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
    """A folder for files on their way into a ZIP; gone when the block ends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        return self.path

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _zip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
