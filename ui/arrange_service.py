"""Arranging hits where the onset curve is needed."""

from __future__ import annotations

from engine.core.errors import BadInput
from engine.core.words import counted
from engine.document.edits.arranging import draw_hits, nearest_of
from ui.protocol.requests import DrawToPeaks
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
