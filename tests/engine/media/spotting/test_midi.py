"""MIDI's start: written in frames that MIDI has and read back exactly, at the rate that the file names."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mido
import pytest

from engine.core.errors import BadInput
from engine.media.export.options import Start
from engine.media.export.sessions.midi import write_midi
from engine.media.export.sessions.session import Item, Session, Track
from engine.media.spotting.read import read_spotting
from engine.media.spotting.spots import Placed

FILM, PAL, NTSC, NTSC_FAST = Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)
HITS_S = (0.0, 1.2345, 17.5)


@pytest.mark.parametrize(
    ("rate", "start", "named", "frames", "sub_frames"),
    [
        (FILM, "01:00:00:23", 24, 23, 0),
        (Fraction(24), "01:00:00:23", 24, 23, 0),
        (PAL, "01:00:00:24", 25, 24, 0),
        (NTSC, "01:00:00:29", 30, 29, 0),
        (NTSC, "01:02:03;29", 29.97, 29, 0),
        (Fraction(48), "01:00:00:47", 24, 23, 50),
        (Fraction(50), "01:00:00:30", 25, 15, 0),
        (Fraction(50), "01:00:00:49", 25, 24, 50),
        (Fraction(60), "01:00:00:45", 30, 22, 50),
        (NTSC_FAST, "01:00:00:58", 30, 29, 0),
        (NTSC_FAST, "01:02:03;59", 29.97, 29, 50),
        (NTSC_FAST, "01:01:00;04", 29.97, 2, 0),
        (Fraction(100), "01:00:00:99", 25, 24, 75),
        (Fraction(120), "01:00:00:119", 30, 29, 75),
        (Fraction(15), "01:00:00:14", 30, 28, 0),
        (Fraction(12), "01:00:00:07", 24, 14, 0),
    ],
)
def test_a_start_of_any_rate_comes_back_exactly(
    tmp_path: Path, rate: Fraction, start: str, named: float, frames: int, sub_frames: int
) -> None:
    items = tuple(Item(f"Bowl h{k}", hit_s, 0) for k, hit_s in enumerate(HITS_S))
    write_midi(tmp_path / "m.mid", Session("scene", 48_000, Start(start, rate), 0, (Track("Bowl", items),)))
    offset = next(m for m in mido.MidiFile(tmp_path / "m.mid").tracks[0] if m.type == "smpte_offset")
    hours, minutes, seconds, _ = (int(part) for part in start.replace(";", ":").split(":"))
    assert (offset.frame_rate, offset.frames, offset.sub_frames) == (named, frames, sub_frames)
    assert (offset.hours, offset.minutes, offset.seconds) == (hours, minutes, seconds)
    for wanted in ((start,), (None,), (None, start, rate)):  # the clip's timecode, none, and the one that is given
        placed = read_spotting(tmp_path / "m.mid", rate, 100.0, *wanted)
        assert [spot.time_s for spot in placed.spots] == pytest.approx(HITS_S, abs=1e-4)
    # A clip that begins a frame of its own earlier.
    earlier = f"{start[: -len(start.split(start[8])[-1])]}{int(start[9:]) - 1:02d}"
    if (rate, start) != (NTSC_FAST, "01:01:00;04"):  # whose frame before has another second
        placed = read_spotting(tmp_path / "m.mid", rate, 100.0, earlier)
        assert [spot.time_s for spot in placed.spots] == pytest.approx([s + 1 / rate for s in HITS_S], abs=1e-4)


def make_midi(named: float, frames: int, sub_frames: int = 0, hours: int = 10, minutes: int = 0) -> bytes:
    """A file with one note half a second after its start."""
    file = mido.MidiFile(ticks_per_beat=480)
    offset = mido.MetaMessage(
        "smpte_offset", frame_rate=named, hours=hours, minutes=minutes, seconds=1, frames=frames, sub_frames=sub_frames
    )
    note = mido.Message("note_on", note=36, velocity=64, time=480)
    file.tracks.append(mido.MidiTrack([offset, note, mido.Message("note_off", note=36)]))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("named", "frames", "sub_frames", "rate", "start_s"),
    [
        (25, 5, 50, PAL, 1 + Fraction(11, 50)),
        (25, 0, 24, PAL, 1 + Fraction(24, 2500)),
        (30, 15, 0, PAL, 1 + Fraction(1, 2)),
        (30, 24, 0, Fraction(24), 1 + Fraction(24, 30)),
        (25, 24, 0, Fraction(24), 1 + Fraction(24, 25)),
        (24, 12, 0, Fraction(30), 1 + Fraction(1, 2)),
        (30, 15, 50, Fraction(60), 1 + Fraction(31, 60)),
        (24, 12, 0, FILM, Fraction(36 * 1001, 24000)),
        (30, 24, 0, FILM, Fraction(54 * 1001, 30000)),  # slowed as the picture is: non-drop
        (30, 24, 0, NTSC, Fraction(54 * 1001, 30000)),
        (25, 5, 0, FILM, 1 + Fraction(1, 5)),
    ],
)
def test_the_file_s_own_rate_and_hundredths_count(
    place: Callable[..., Placed], named: float, frames: int, sub_frames: int, rate: Fraction, start_s: Fraction
) -> None:
    placed = place("m.mid", make_midi(named, frames, sub_frames), rate, "10:00:00:00")
    assert [spot.time_s for spot in placed.spots] == pytest.approx([float(start_s) + 0.5], abs=1e-8)
    assert placed.note == ""


def test_drop_frame_counts_on_clips_that_drop_none(place: Callable[..., Placed]) -> None:
    # 01:01:01;02 is frame 30 after 01:01:00;02, which is 1800 after 01:00:00;00.
    data = make_midi(29.97, 2, hours=1, minutes=1)
    for rate, clip_start in ((NTSC, "01:01:00;02"), (NTSC_FAST, "01:01:00;04"), (Fraction(30), "01:01:00:02")):
        assert [spot.time_s for spot in place("d.mid", data, rate, clip_start).spots] == pytest.approx(
            [1.501], abs=1e-8
        )


def test_a_rate_that_is_given_counts_before_the_file_s(place: Callable[..., Placed]) -> None:
    data = make_midi(30, 15)
    placed = place("m.mid", data, PAL, "10:00:00:00", wanted_rate=PAL)
    assert [spot.time_s for spot in placed.spots] == pytest.approx([1.6 + 0.5])
    placed = place("m.mid", data, PAL, "10:00:00:00", wanted_rate=Fraction(60), wanted_start="10:00:01:01")
    assert [spot.time_s for spot in placed.spots] == pytest.approx([29 / 60 + 0.5])
    with pytest.raises(BadInput, match="begins at 10:00:01:27, which its frame rate does not have; tell its rate"):
        place("m.mid", make_midi(30, 27), PAL, "10:00:00:00", wanted_rate=PAL)
    with pytest.raises(BadInput, match="begins at 10:00:01:30, which its frame rate does not have; tell its rate"):
        place("m.mid", make_midi(30, 30), Fraction(60), "10:00:00:00")


def test_notes_at_one_time_have_each_their_own_marker(tmp_path: Path) -> None:
    named = [("Bowl", "h1 left"), ("Bowl", "h3 right"), ("Cup", "h2 rim")]
    tracks = [
        Track(sound, tuple(Item(f"{sound} {hit}", 1.0, 0) for own, hit in named if own == sound))
        for sound in ("Cup", "Bowl")
    ]
    write_midi(tmp_path / "m.mid", Session("scene", 48_000, Start(None, PAL), 0, tuple(tracks)))
    spots = read_spotting(tmp_path / "m.mid", PAL, 100.0, None).spots
    assert sorted((spot.sound, spot.name) for spot in spots) == [(sound, f"{sound} {hit}") for sound, hit in named]
