"""Export: track, video, stems, markers and project, as downloads."""

from __future__ import annotations

import shutil
import time
import urllib.parse
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput, StruckError
from engine.core.names import make_file_stem
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.storage import save_project
from ui.clip_service import check_clip
from ui.jobs import Job
from ui.protocol.events import Exported, ExportedFile

if TYPE_CHECKING:
    from ui.session import Session

LONGEST_ENDING = "_markers.csv"
KINDS = ("wav", "mp4", "stems", "markers", "project")


def export(session: Session, what: Sequence[str]) -> None:
    """Write the chosen kinds of file once the sound is up to date, then send their addresses."""
    session.require_project()
    if not what or any(kind not in KINDS for kind in what):
        raise BadInput("no known kind of file was chosen to export; choose among WAV, MP4, stems, markers and project")
    chosen = [kind for kind in KINDS if kind in what]
    session.exports.start(lambda job: _export(session, chosen, job))


def _export(session: Session, what: list[str], job: Job) -> None:
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
    folder = session.folder("exports")
    files = []
    for number, kind in enumerate(what):
        show(100 * number, f"Writing {_WORDS[kind]}")
        path, note = _write(
            session,
            kind,
            mixed,
            folder,
            lambda f, n=number, k=kind: show(round(100 * (n + f)), f"Writing {_WORDS[k]}, {100 * f:.0f} %"),
        )
        url = f"/struck/export/{session.export_key}/{urllib.parse.quote(path.name)}?v={path.stat().st_mtime_ns}"
        files.append(ExportedFile(path.name, url, note))
    session.send(Exported(tuple(files)))
    session.set_status("export", "done", 100 * len(what), 100 * len(what), "Exported", started)


_WORDS = {"wav": "the WAV", "mp4": "the MP4", "stems": "the stems", "markers": "the markers", "project": "the project"}


def _write(
    session: Session, kind: str, mixed: tuple[Any, Mapping[str, Any]], folder: Path, on_progress: Any
) -> tuple[Path, str]:
    """One file and a note on it."""
    from engine.media.export.markers import write_markers
    from engine.media.export.stems import write_stems
    from engine.media.export.video import write_video
    from engine.media.export.wave import find_time_reference, write_wave
    from engine.pipeline.render import Track, marker_rows, stems_by_sound

    project, rendered = mixed
    stem = make_file_stem(session.name, LONGEST_ENDING)
    reference = find_time_reference(project.clip.start_timecode, project.clip.frame_rate, SAMPLE_RATE_HZ)
    if kind == "wav":
        path = folder / f"{stem}.wav"
        clipped = write_wave(path, Track(project, rendered), SAMPLE_RATE_HZ, time_reference_samples=reference)
        loud = f"; {clipped} samples are over full scale: lower the mix" if clipped else ""
        return path, f"48 kHz, 24 bit{loud}"
    if kind == "mp4":
        path = folder / f"{stem}_struck.mp4"
        check_clip(session)
        track = Track(project, rendered)
        note = write_video(Path(project.clip.path), track, SAMPLE_RATE_HZ, path, on_progress, project.clip.digest)
        return path, note or "picture untouched"
    if kind == "stems":
        path = folder / f"{stem}_stems.zip"
        inner = folder / f"{stem}_stems"
        shutil.rmtree(inner, ignore_errors=True)
        inner.mkdir()
        write_stems(inner, stems_by_sound(project, rendered), SAMPLE_RATE_HZ, reference)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(inner.rglob("*.wav")):
                archive.write(file, file.name)
        shutil.rmtree(inner, ignore_errors=True)
        return path, "one WAV a sound"
    if kind == "markers":
        path = folder / f"{stem}_markers.csv"
        write_markers(path, marker_rows(project))
        return path, f"{len(project.hits)} hits"
    if kind == "project":
        path = folder / f"{stem}.struck.json"
        clip = Path(project.clip.path)
        if session.context.options.public or session.id in clip.parts:  # no place of this machine
            beside = replace(project.clip, path=str(folder / clip.name))
            save_project(replace(project, clip=beside), path, portable=True)
        else:
            save_project(project, path)
        return path, "put the clip beside it"
    raise StruckError(f"export of {kind} is not known; reload the page")
