"""OpenTimelineIO timelines as lists of hits: made by its own library, by hand, and by Struck's export."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.media.spotting.spots import Placed
from engine.pipeline.deliver_pieces import deliver_session
from tests.delivered_project import deliver, make_project, sample

otio = pytest.importorskip("opentimelineio", reason="opentimelineio has no build for this system")

PAL = Fraction(25)
Place = Callable[..., Placed]


def at(value: float, rate: float, length: float = 0.0) -> Any:
    return otio.opentime.TimeRange(otio.opentime.RationalTime(value, rate), otio.opentime.RationalTime(length, rate))


def make_timeline(rate: float, start: int) -> Any:
    """A gap of 2 s, a clip of 3 s that begins 10 s into its file, and one without media."""
    timeline = otio.schema.Timeline("reel")
    timeline.global_start_time = otio.opentime.RationalTime(start, rate)
    track = otio.schema.Track("Cup", kind=otio.schema.TrackKind.Audio)
    track.append(otio.schema.Gap(source_range=at(0, rate, 2 * rate)))
    track.append(otio.schema.Clip("cup_01", otio.schema.ExternalReference("cup.wav"), at(10 * rate, rate, 3 * rate)))
    track.append(otio.schema.Clip("offline", source_range=at(0, rate, rate)))
    timeline.tracks.append(track)
    return timeline


def test_without_markers_clips_begin_hits(place: Place) -> None:
    timeline = make_timeline(25.0, 3600 * 25)
    placed = place("reel.otio", timeline.to_json_string(), PAL, "01:00:00:00")
    assert [(spot.time_s, spot.name, spot.sound) for spot in placed.spots] == [(2.0, "cup_01", "Cup")]
    for clip in timeline.find_clips():
        clip.enabled = False
    with pytest.raises(BadInput, match="holds no markers, notes or events"):
        place("reel.otio", timeline.to_json_string(), PAL, "01:00:00:00")


def test_markers_of_timeline_track_and_clip_lie_where_the_film_shows_them(place: Place) -> None:
    timeline = make_timeline(25.0, 3600 * 25)
    timeline.tracks.markers.append(otio.schema.Marker("door", at(48_000, 48_000.0)))
    timeline.tracks[0].markers.append(otio.schema.Marker("step", at(75, 25.0)))
    timeline.tracks[0][1].markers.append(otio.schema.Marker("cup", at(10 * 25 + 12.5, 25.0)))  # in the clip's own time
    placed = place("reel.otio", timeline.to_json_string(), PAL, "01:00:00:00")
    assert [(spot.name, spot.time_s) for spot in placed.spots] == [("door", 1.0), ("cup", 2.5), ("step", 3.0)]


def test_a_rate_that_is_written_rounded_counts_exactly(place: Place) -> None:
    timeline = make_timeline(23.976023976, 3600 * 24)
    timeline.tracks.markers.append(otio.schema.Marker("late", at(24 * 60, 23.976023976)))
    placed = place("reel.otio", timeline.to_json_string(), Fraction(24000, 1001), "01:00:00:00")
    assert placed.spots[0].time_s == pytest.approx(60.06, abs=1e-9)


def test_what_struck_wrote_comes_back(place: Place, tmp_path: Path) -> None:
    project = make_project()
    deliver_session(deliver(project), tmp_path / "s.otio", sample)
    placed = place("s.otio", (tmp_path / "s.otio").read_text(), PAL, "01:00:00:00")
    assert [spot.time_s for spot in placed.spots] == pytest.approx([hit.time_s for hit in project.hits], abs=1e-4)
    names = {sound.id: sound.name for sound in project.sounds}
    assert [spot.sound for spot in placed.spots] == [names[hit.sound_id] for hit in project.hits]
    assert [spot.velocity_db for spot in placed.spots] == [hit.velocity_db for hit in project.hits]


@pytest.mark.parametrize(
    ("told", "read"),
    [("loud", None), (99.0, None), (None, None), (True, None), (-60.1, None), (-60.0, -60.0), (12.0, 12.0)],
)
def test_a_marker_with_no_force_that_can_be_has_none(told: object, read: float | None, place: Place) -> None:
    timeline = make_timeline(25.0, 3600 * 25)
    timeline.tracks.markers.append(otio.schema.Marker("a", at(25, 25.0), metadata={"struck": {"velocity_db": told}}))
    (spot,) = place("reel.otio", timeline.to_json_string(), PAL, "01:00:00:00").spots
    assert (spot.time_s, spot.velocity_db) == (1.0, read)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"OTIO_SCHEMA": "Timeline.1", "name": "torn"', "is no whole timeline"),
        ('{"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [7]}}', "export it again"),
        (otio.schema.Clip("alone").to_json_string(), "holds Clip instead of a timeline"),
        (otio.schema.Timeline("empty").to_json_string(), "holds no markers, notes or events"),
    ],
)
def test_what_is_no_timeline_is_refused_in_a_sentence(content: str, reason: str, place: Place) -> None:
    with pytest.raises(BadInput, match=reason):
        place("bad.otio", content, PAL)


def test_without_the_library_the_remedy_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    text = make_timeline(25.0, 0).to_json_string()
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(BadInput, match="opentimelineio has no build for this system; give CSV, MIDI or EDL"):
        place("reel.otio", text, PAL)
