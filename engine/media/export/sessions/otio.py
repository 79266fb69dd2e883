"""OpenTimelineIO: the picture, a track a sound, clips at hits, gaps between, markers; written by opentimelineio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.core.files import create_file
from engine.core.names import to_text
from engine.media.export.endings import check_session
from engine.media.export.sessions.session import Item, Session, Track, separate


def write_otio(path: Path, session: Session) -> None:
    """Write a .otio; sound is in samples, the picture in frames. Level and pan are in the metadata ``struck``.

    Overlapping hits of one sound lie on tracks of their own. Raises BadInput where the library is missing.
    """
    check_session(path)
    import opentimelineio as otio

    schema, rate = otio.schema, session.sample_rate_hz
    frame_rate = float(session.start.frame_rate)
    timeline = schema.Timeline(to_text(session.title))
    timeline.global_start_time = otio.opentime.RationalTime(session.start.frame, frame_rate)
    if session.picture is not None:
        timeline.tracks.append(_make_picture(otio, session, frame_rate))
    for track in session.tracks:
        for number, items in enumerate(separate(track), 1):
            name = track.name if number == 1 else f"{track.name} {number}"
            timeline.tracks.append(_make_track(otio, name, track, items, rate))
    for track, item in session.hits():
        at = otio.opentime.TimeRange(
            otio.opentime.RationalTime(session.hit_sample(item), rate), otio.opentime.RationalTime(0, rate)
        )
        struck = {"sound": track.name, "velocity_db": item.velocity_db}
        timeline.tracks.markers.append(schema.Marker(to_text(item.name), at, metadata={"struck": struck}))
    with create_file(path) as file:
        file.write(timeline.to_json_string(indent=2).encode("utf-8"))


def _make_track(otio: Any, name: str, track: Track, items: list[Item], rate: int) -> Any:
    made = otio.schema.Track(to_text(name), kind=otio.schema.TrackKind.Audio)
    made.metadata["struck"] = {"cat_id": track.category.cat_id}
    position = 0
    for item in items:
        if item.first_sample > position:
            made.append(otio.schema.Gap(source_range=_range(otio, 0, item.first_sample - position, rate)))
        clip = otio.schema.Clip(to_text(item.name), source_range=_range(otio, 0, item.takes[0].length, rate))
        references = {}
        for number, take in enumerate(item.takes):
            reference = otio.schema.ExternalReference(take.file, _range(otio, 0, take.length, rate))
            references["DEFAULT_MEDIA" if number == 0 else f"take {number + 1}"] = reference
        clip.set_media_references(references, "DEFAULT_MEDIA")
        clip.metadata["struck"] = {
            "gain_db": item.gain_db,
            "pan": item.pan,
            "velocity_db": item.velocity_db,
            "hit_s": item.hit_s,
        }
        made.append(clip)
        position = item.first_sample + item.takes[0].length
    return made


def _make_picture(otio: Any, session: Session, frame_rate: float) -> Any:
    assert session.picture is not None
    track = otio.schema.Track("Picture", kind=otio.schema.TrackKind.Video)
    if session.start.lead_frames:
        track.append(otio.schema.Gap(source_range=_range(otio, 0, session.start.lead_frames, frame_rate)))
    frames = _range(otio, 0, round(session.picture_s * frame_rate), frame_rate)
    place = session.picture
    address = place.as_uri() if place.is_absolute() else to_text(place.name)
    reference = otio.schema.ExternalReference(address, frames)
    track.append(otio.schema.Clip(to_text(session.picture.name), reference, frames))
    return track


def _range(otio: Any, start: int, length: int, rate: float) -> Any:
    return otio.opentime.TimeRange(otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(length, rate))
