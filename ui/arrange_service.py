"""Arranging hits where the onset curve or a file is needed."""

from __future__ import annotations

from dataclasses import replace

from engine.core.errors import BadInput
from engine.core.units import parse_frame_rate
from engine.core.words import counted
from engine.document.edits.arranging import draw_hits, nearest_of
from ui import uploads
from ui.named_paths import resolve_path
from ui.protocol.requests import DrawToPeaks, ImportHits
from ui.session import Session

PEAK_REACH_S = 0.25
"""Largest distance of a hit from its peak."""


def draw_to_peaks(session: Session, request: DrawToPeaks) -> None:
    """Draw hits to the nearest peaks of the onset curve, in one edit; a note tells of those that have none near."""
    track = session.track
    if track is None:
        raise BadInput("the onset curve is not there yet, so there are no peaks; wait until hits were looked for")
    with session.lock:
        session.adopt_provisional()
        project = session.require_project()
        find_peak = nearest_of([onset.time_s for onset in track.candidates], PEAK_REACH_S)
        session.commit(draw_hits(request.hits, find_peak, request.strength))
    far = sum(find_peak(hit.time_s) is None for hit in project.hits if hit.id in set(request.hits))
    if far:
        stay = "stays where it is" if far == 1 else "stay where they are"
        session.note(f"{far} of {counted(len(request.hits), 'hit')} {stay}: no peak of the onset curve is near")


def import_hits(session: Session, request: ImportHits) -> None:
    """Add the hits of a spotting list, or put them in the place of all, in one edit; a note tells what was read."""
    from engine.pipeline.spot_hits import spot_hits

    session.require_project()
    path = resolve_path(session, request.path)
    rate = parse_frame_rate(request.frame_rate) if request.frame_rate else None
    try:
        with session.lock:
            session.adopt_provisional()
            project = session.require_project()
            edit, words = spot_hits(project, path, request.replace, request.start or None, rate)
            if request.replace and project.hits:
                edit = replace(edit, label=f"{edit.label} in place of {len(project.hits)}")
                words = f"{counted(len(project.hits), 'hit')} replaced by {words}"
            session.commit(edit)
    finally:
        uploads.remove(session, path)
    session.note(words)
