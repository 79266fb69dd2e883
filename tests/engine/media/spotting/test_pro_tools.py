"""Pro Tools' text: subframes, fades and muted clips."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from engine.media.spotting.spots import Placed

PAL, NTSC = Fraction(25), Fraction(30000, 1001)

SESSION = """SESSION NAME:\tReel 1
SAMPLE RATE:\t48000.000000
SESSION START TIMECODE:\t{start}
TIMECODE FORMAT:\t{format}


T R A C K  L I S T I N G
TRACK NAME:\tCup
CHANNEL \tEVENT   \tCLIP NAME           \tSTART TIME    \tEND TIME      \tDURATION      \tTIMESTAMP      \tSTATE
{clips}

"""
CLIPS = (
    ("cup_01", "10:00:01:00.75", "Unmuted"),
    ("(cross fade)", "10:00:02:00.00", "Unmuted"),
    ("(fade in)", "10:00:02:01.00", "Unmuted"),
    ("(Fade Out)", "10:00:02:02.00", "Unmuted"),
    ("cup_02", "10:00:02:02.50", "Muted"),
    ("door (fade in)", "10:00:03:24.99", "Unmuted"),
)


def make_session(clips: tuple[tuple[str, str, str], ...], start: str, rate: str = "25 Frame") -> str:
    rows = (
        f"1       \t{number}       \t{name:20}\t   {at}\t{at}\t00:00:00:00.00\t10:00:00:00.00\t{state}"
        for number, (name, at, state) in enumerate(clips, 1)
    )
    return SESSION.format(start=start, format=rate, clips="\n".join(rows))


def test_subframes_count_and_fades_and_muted_clips_are_no_hits(place: Callable[..., Placed]) -> None:
    placed = place("pt.txt", make_session(CLIPS, "10:00:00:00.00"), PAL, "10:00:00:00")
    assert [spot.name for spot in placed.spots] == ["cup_01", "door (fade in)"]
    assert [spot.time_s for spot in placed.spots] == pytest.approx([1.0 + 0.75 / 25, 3.0 + 24.99 / 25], abs=1e-9)


def test_subframes_of_drop_frame_and_of_the_session_s_start(place: Callable[..., Placed]) -> None:
    clips = (("cup", "01:01:00;02.50", "Unmuted"),)
    placed = place("df.txt", make_session(clips, "01:00:00;00.00", "29.97 Drop Frame"), NTSC, "01:00:00;00")
    # 01:01:00;02 is the frame after 01:00:59;29: the 1800th.
    assert [spot.time_s for spot in placed.spots] == pytest.approx([1800.5 * 1001 / 30000], abs=1e-9)
    markers = (
        "M A R K E R S  L I S T I N G\n#\tLOCATION\tTIME REFERENCE\tUNITS\tNAME\n1\t10:00:01:00\t48000\tSamples\tdoor\n"
    )
    placed = place("s.txt", make_session((), "10:00:00:10.50") + markers, PAL, "10:00:00:00")
    assert [spot.time_s for spot in placed.spots] == pytest.approx([1.0 + 10.5 / 25], abs=1e-9)


@pytest.mark.parametrize(
    ("state", "heard"), [("Muted", 0), ("Solo Muted", 0), ("Inactive, Hidden", 0), ("Hidden", 1), ("", 1)]
)
def test_clips_of_tracks_that_do_not_sound_are_no_hits(state: str, heard: int, place: Callable[..., Placed]) -> None:
    own = make_session((("cup", "10:00:01:00.00", "Unmuted"),), "10:00:00:00.00")
    own = own.replace("TRACK NAME:\tCup\n", f"TRACK NAME:\tCup\nCOMMENTS:\t\nUSER DELAY:\t0 Samples\nSTATE: {state}\n")
    other = make_session((("door", "10:00:02:00.00", "Unmuted"),), "10:00:00:00.00").partition("L I S T I N G\n")[2]
    placed = place("pt.txt", own + other, PAL, "10:00:00:00")
    assert [spot.name for spot in placed.spots] == ["cup", "door"][1 - heard :]
