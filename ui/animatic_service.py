"""Animatics of a session: a still becomes a film that is struck at the project's hits, with their sound."""

from __future__ import annotations

import urllib.parse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.core.names import make_file_stem
from engine.document.edits.values import check_number
from engine.document.project import Project
from ui import clip_service, uploads
from ui.export_plan import number_name
from ui.jobs import Job
from ui.named_paths import resolve_path
from ui.protocol.animating import AnimaticMade, AnimaticProgressed, AnimaticStopped, MakeAnimatic, StopAnimatic
from ui.session import Session

if TYPE_CHECKING:
    from engine.animate.still import Still

MOST_ROWS = 720
"""Rows of a frame of the clip that is taken as the still, at most."""
MOST_SEED = 2**31 - 1


def make_animatic(session: Session, request: MakeAnimatic) -> None:
    """Make the film in the background, once the sound is up to date; a later request replaces this. Raises BadInput."""
    from engine.pipeline.make_animatic import MOST_GUIDANCE, AnimaticOptions, find_motion_network

    project = session.require_project()
    if not project.hits:
        raise BadInput("the project has no hits yet, so nothing would move; detect or add some first")
    if (request.at_x is None) != (request.at_y is None):
        raise BadInput("the place struck has one number; give at_x and at_y, or neither to have it found")
    place = None
    if request.at_x is not None and request.at_y is not None:
        place = _check_range(request.at_x, "at_x", 1.0), _check_range(request.at_y, "at_y", 1.0)
    guidance = _check_range(request.guidance, "guidance", MOST_GUIDANCE)
    if request.time_s < 0.0:
        raise BadInput(f"time_s is {request.time_s:g}, which is before the clip; give a time in the clip")
    if not 0 <= request.seed <= MOST_SEED:
        raise BadInput(f"the seed {request.seed} is out of range; give a whole number from 0 to {MOST_SEED}")
    network = find_motion_network(session.context.options.checkpoint_folder)
    image = None if request.image is None else resolve_path(session, request.image)
    options = AnimaticOptions(place, request.seed, guidance, _choose_rate(project), request.striker)

    def run(job: Job) -> None:
        try:
            session.send_result(_make(session, job, image, request.time_s, options, network))
        except BaseException:
            session.send(AnimaticStopped())
            raise

    session.animatics.start(run)


def _check_range(value: float, name: str, most: float) -> float:
    number = check_number(value, name, (0.0, most))
    if number != value:
        raise BadInput(f"{name} {value:g} is out of range; give 0 to {most:g}")
    return number


def stop_animatic(session: Session, request: StopAnimatic) -> None:
    """Cancel the film, if one is being made."""
    session.animatics.cancel()


def _make(
    session: Session, job: Job, image: Path | None, time_s: float, options: object, network: Path
) -> AnimaticMade:
    from engine.animate.still import read_still
    from engine.pipeline import make_animatic as pipeline

    session.send(AnimaticProgressed(0.0))
    project, rendered = session.renderer.wait_for_mix(job.check)
    heard = pipeline.hear_project(project, rendered)
    target = choose_export(session, " animatic.mp4")
    with session.context.analysis_lock.acquire(job.check) as yield_lock:

        def show(fraction: float) -> None:
            job.check()
            session.send(AnimaticProgressed(fraction))
            yield_lock()

        still = read_clip_still(session, project, time_s) if image is None else read_still(image)
        made = pipeline.make_animatic(still, heard, options, network, target, show)  # type: ignore[arg-type]
    if image is not None:
        uploads.touch(session, image)
    return AnimaticMade(
        target.name, address_export(session, target), *made.place, len(made.blows), made.struck.count(True)
    )


def choose_export(session: Session, ending: str) -> Path:
    """A free name among the session's exports: the project's with an ending."""
    folder = session.folder("exports")
    taken = {path.name.casefold() for path in folder.iterdir() if path.is_file()}
    name = f"{make_file_stem(session.name or 'project', ending)}{ending}"
    return folder / (number_name(name, taken) if name.casefold() in taken else name)


def address_export(session: Session, target: Path) -> str:
    """Where the browser gets a file among the session's exports."""
    return f"/struck/export/{session.export_key}/{urllib.parse.quote(target.name)}?v={target.stat().st_mtime_ns}"


def read_clip_still(session: Session, project: Project, time_s: float) -> Still:
    """The frame of the clip's picture that is shown at a time, of at most MOST_ROWS rows. Raises BadInput."""
    from engine.animate.still import LEAST_PX, Still
    from engine.media.frames import iter_frames

    clip_service.check_clip(session)
    clip = project.clip
    if time_s > clip.duration_s + 1.0 / float(clip.frame_rate):
        raise BadInput(f"{time_s:.3f} s lies past the clip's end at {clip.duration_s:.3f} s; give a time in the clip")
    at_s = min(max(0.0, time_s), clip.duration_s)
    shown = None
    rows = max(LEAST_PX, min(MOST_ROWS, clip.height) // 2 * 2)
    for frame_s, frame in iter_frames(clip.path, rows, max(0.0, at_s - 1.0), gray=False):
        if shown is not None and frame_s > at_s + 1e-3:
            break
        shown = frame
    if shown is None or min(shown.shape[:2]) < LEAST_PX:
        raise BadInput(f"{Path(clip.path).name} has no frame there that is large enough; drop a picture instead")
    return Still(shown[:, : shown.shape[1] // 2 * 2].copy(), f"a frame of {Path(clip.path).name}")


def _choose_rate(project: Project) -> Fraction:
    """The clip's frame rate where an animatic can have it, else 24."""
    from engine.animate.motion import RATE_HZ
    from engine.pipeline.make_animatic import FRAME_RATES

    rate = Fraction(project.clip.frame_rate)
    return rate if FRAME_RATES[0] <= rate <= FRAME_RATES[1] else Fraction(RATE_HZ)
