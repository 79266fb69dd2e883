"""Edit decision lists: how their record timecodes count, and dissolves."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction

import pycmx
import pytest

from engine.core.errors import BadInput
from engine.media.spotting.spots import Placed

PAL, NTSC = Fraction(25), Fraction(30000, 1001)
LABELS = ("01:00:00;00", "01:00:59;29", "01:01:00;02", "01:01:30;15")
HEAD = "TITLE: X\nFCM: DROP FRAME\n\n"


def count_drop_frames(label: str) -> int:
    """Frames from 01:00:00;00, counted one after the other as SMPTE 12M names them."""
    hours, minutes, seconds, frames = (int(part) for part in label.replace(";", ":").split(":"))
    at, count = [1, 0, 0, 0], 0
    while at != [hours, minutes, seconds, frames]:
        at[3] += 1
        for place, size in ((3, 30), (2, 60), (1, 60)):
            if at[place] == size:
                at[place], at[place - 1] = 0, at[place - 1] + 1
        if at[2:] == [0, 0] and at[1] % 10:
            at[3] = 2
        count += 1
    return count


def make_edl(labels: tuple[str, ...], head: str = HEAD) -> str:
    source = "00:00:00:00 00:00:01:00"
    return head + "".join(
        f"{number:03d}  001      V     C        {source} {label} {label}  \n |C:Blue |M:M{number} |D:1\n\n"
        for number, label in enumerate(labels, 1)
    )


@pytest.mark.parametrize(
    "edl",
    [
        make_edl(LABELS),
        make_edl(LABELS, "TITLE: X\n\n"),
        make_edl(LABELS, HEAD.replace("DROP", "NON-DROP")),
        make_edl(tuple(label.replace(";", ":") for label in LABELS)),
        make_edl(LABELS[:2]) + "FCM: NON-DROP FRAME\n" + make_edl(LABELS[2:], ""),
        make_edl(tuple(label.replace(";", ":") for label in LABELS)) + "FCM: NON-DROP FRAME\n",
        # One ';' tells how all of them count, since they lie on one timeline.
        make_edl((LABELS[0].replace(";", ":"), *LABELS[1:]), "TITLE: X\n"),
    ],
)
def test_record_timecodes_count_drop_frame_whatever_later_fcm_lines_say(place: Callable[..., Placed], edl: str) -> None:
    wanted_s = [float(count_drop_frames(label) * 1001 / Fraction(30000)) for label in LABELS]
    placed = place("df.edl", edl, NTSC, "01:00:00;00")
    assert [spot.time_s for spot in placed.spots] == pytest.approx(wanted_s, abs=1e-8)
    assert placed.note == ""


def test_a_drop_frame_line_about_later_sources_leaves_a_list_non_drop(place: Callable[..., Placed]) -> None:
    edl = make_edl(("01:00:01:00",), "TITLE: X\n") + "FCM: DROP FRAME\n" + make_edl(("01:01:00:00",), "")
    placed = place("ndf.edl", edl, NTSC, "01:00:00:00")
    assert [spot.time_s for spot in placed.spots] == pytest.approx([1.001, 60.06], abs=1e-9)


DISSOLVE = """TITLE: X
FCM: NON-DROP FRAME
001  AX       V     C        01:00:00:00 01:00:05:00 01:00:00:00 01:00:05:00
* FROM CLIP NAME: A.mov
002  AX       V     C        01:00:05:00 01:00:05:00 01:00:05:00 01:00:05:00
002  BX       V     D    025 01:00:20:00 01:00:25:00 01:00:05:00 01:00:10:00
* FROM CLIP NAME: A.mov
* TO CLIP NAME: B.mov
003  AX       V     C        01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00
* FROM CLIP NAME: C.mov
"""


def test_a_dissolve_is_one_hit_of_the_incoming_clip(place: Callable[..., Placed]) -> None:
    events = pycmx.parse_cmx3600(io.StringIO(DISSOLVE)).events
    assert [len(event.edits) for event in events] == [1, 2, 1]
    wanted = [(0.0, "A.mov"), (5.0, "B.mov"), (10.0, "C.mov")]
    assert [(spot.time_s, spot.name) for spot in place("d.edl", DISSOLVE, PAL, "01:00:00:00").spots] == wanted
    # Some systems name each line of the event, with the words of a cut.
    each = DISSOLVE.replace("* TO CLIP", "* FROM CLIP").replace(
        "002  BX       V     D    025 01:00:20:00 01:00:25:00 01:00:05:00 01:00:10:00\n* FROM CLIP NAME: A.mov\n",
        "* FROM CLIP NAME: A.mov\n002  BX       V     D    025 01:00:20:00 01:00:25:00 01:00:05:00 01:00:10:00\n",
    )
    assert [(spot.time_s, spot.name) for spot in place("e.edl", each, PAL, "01:00:00:00").spots] == wanted


def test_a_label_that_drop_frame_leaves_out_is_refused(place: Callable[..., Placed]) -> None:
    for label, frames in (("01:01:00;00", "00"), ("01:01:00;01", "01"), ("01:59:00:01", "01")):
        with pytest.raises(BadInput) as refused:
            place("no.edl", make_edl(("01:00:00;00", label)), NTSC, "01:00:00;00")
        minute = label[:8]
        assert str(refused.value) == (
            f"no.edl, line 7: timecode '{minute};{frames}' is that of no frame, since drop-frame leaves it out; "
            f"give {minute};02"
        )
    fine = place("yes.edl", make_edl(("01:10:00;00", "01:10:00;01")), NTSC, "01:10:00;00")
    assert [spot.time_s for spot in fine.spots] == pytest.approx([0.0, 1001 / 30000], abs=1e-9)
