"""Tables: letters of Windows, Excel's separators, cells that do not fit, labels that do not exist, the first frame."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.media.export.markers import Marker, write_markers
from engine.media.export.options import Start
from engine.media.export.sessions.cue_csv import write_cue_csv
from engine.media.export.sessions.session import Item, Session, Track
from engine.media.spotting.spots import Placed

PAL, NTSC = Fraction(25), Fraction(30000, 1001)


def list_spots(placed: Placed) -> list[tuple[float, str]]:
    return [(round(spot.time_s, 8), spot.name) for spot in placed.spots]


def test_letters_are_those_of_windows_but_in_pro_tools_those_of_the_mac(place: Callable[..., Placed]) -> None:
    csv = "time_s;name;sound\r\n1,5;Tür zu – fällt;Küche\r\n"
    for encoding in ("cp1252", "utf-8", "utf-8-sig", "utf-16"):
        spot = place("w.csv", csv.encode(encoding), PAL).spots[0]
        assert (spot.name, spot.sound) == ("Tür zu – fällt", "Küche")
    markers = "M A R K E R S  L I S T I N G\n#\tLOCATION\tTIME REFERENCE\tUNITS\tNAME\n1\t0:01.000\t48000\tSamples\t"
    text = f"SESSION NAME:\tKüche\nSAMPLE RATE:\t48000\n\n{markers}Tür zu\n"
    for encoding in ("mac_roman", "utf-8"):
        assert list_spots(place("p.txt", text.encode(encoding), PAL)) == [(1.0, "Tür zu")]
    assert list_spots(place("odd.csv", b"time_s,name\n1,\x81x\n", PAL)) == [(1.0, "\ufffdx")]  # no letter of Windows


# 01:00:01;12 is 42 frames after 01:00:00;00; 01:01:00;02 is 1800.
@pytest.mark.parametrize(
    "table",
    [
        "Timecode;Name\r\n01:00:01;12;step left\r\n01:01:00;02;12\r\n",
        'Timecode;Name\r\n"01:00:01;12";step left\r\n01:01:00;02;12;;\r\n',
        "sep=;\r\nTimecode;Name\r\n01:00:01;12;step left\r\n01:01:00;02;12\r\n",
        "No;In;Out;Name;\r\n1;01:00:01;12;01:00:02;00;step left;\r\n2;01:01:00;02;01:01:01;00;12;\r\n",
        '"sep=,"\nTimecode,Name\n01:00:01;12,step left\n01:01:00;02,12\n',
        "SEP=|\nTimecode|Name\n01:00:01;12|step left\n01:01:00;02|12\n",
    ],
)
def test_drop_frame_timecode_without_quotes_and_excel_s_separators(place: Callable[..., Placed], table: str) -> None:
    wanted = [(round(frames * 1001 / 30000, 8), name) for frames, name in ((42, "step left"), (1800, "12"))]
    assert list_spots(place("x.csv", table, NTSC, "01:00:00;00")) == wanted


def test_a_clock_time_with_a_number_behind_it_stays_two_cells(place: Callable[..., Placed]) -> None:
    assert list_spots(place("t.csv", "Time;Name\n00:00:01;12\n", PAL)) == [(1.0, "12")]
    assert list_spots(place("e.csv", "time_s,name\n1,a,,\n", PAL)) == [(1.0, "a")]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("time_s,name\n1,a\n2,door, slam\n", "row 3 has 3 cells, more than the 2 columns that the first row names; "
         "put text with ',' in quotes"),
        ("time_s,velocity_db\n1,5,-3\n", "row 2 has 3 cells, more than the 2 columns that the first row names; "
         "put text with ',' in quotes"),
        ("sep=;\nTimecode;Name\n01:00:01;12;door; slam\n", "row 3 has 3 cells, more than the 2 columns that the first "
         "row names; put text with ';' in quotes"),
        ("TC,Name\n01:00:00;00,fine\n01:01:00;01,none\n", "row 3: timecode '01:01:00;01' is that of no frame, since "
         "drop-frame leaves it out; give 01:01:00;02"),
        ("TC,Name\n25:00:00:00,late\n", "row 2: timecode '25:00:00:00' is that of no frame, since days end after "
         "24 hours; give 01:00:00:00"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_and_labels_of_no_frame_are_refused(
    place: Callable[..., Placed], table: str, sentence: str
) -> None:
    with pytest.raises(BadInput) as refused:
        place("x.csv", table, NTSC, "01:00:00;00")
    assert str(refused.value) == f"x.csv, {sentence}"


def test_a_start_of_no_frame_is_refused_and_that_of_a_clip_counted(place: Callable[..., Placed]) -> None:
    table = "TC,Name\n01:01:00;02,a\n01:01:00;03,b\n"
    with pytest.raises(
        BadInput, match=r"^the start of the list: timecode '01:01:00;00' is that of no frame, since .*;02$"
    ):
        place("x.csv", table, NTSC, wanted_start="01:01:00;00")
    with pytest.raises(BadInput, match=r"^the start of the list: timecode 'soon' is not of the form HH:MM:SS:FF"):
        place("x.csv", table, NTSC, wanted_start="soon")
    assert list_spots(place("x.csv", table, NTSC, "01:01:00;00"))[0] == (round(2 * 1001 / 30000, 8), "a")


def test_a_clip_s_start_counts_in_frames_of_its_own(place: Callable[..., Placed]) -> None:
    table = "Name\tStart\tDuration\tTime Format\nx\t01:00:01:00\t\t24 fps\n"
    assert list_spots(place("a.csv", table, Fraction(50), "01:00:00:40")) == [(0.2, "x")]
    assert list_spots(place("a.csv", table, PAL, "01:00:00:05")) == [(0.8, "x")]


@pytest.mark.parametrize(
    ("rate", "start", "labels", "seconds"),
    [
        (Fraction(60), "23:59:58:00", ("23:59:58:30", "00:00:01:54"), (0.5, 3.9)),
        (PAL, "23:59:59:00", ("23:59:59:05", "00:00:00:00", "00:00:01:24"), (0.2, 1.0, 2.96)),
        (NTSC, "23:59:59;00", ("23:59:59;29", "00:00:00;00"), (29 * 1001 / 30000, 1.001)),
        (NTSC, "23:59:59:00", ("23:59:59:29", "00:00:00:00"), (29 * 1001 / 30000, 1.001)),
    ],
)
def test_a_clock_goes_on_after_midnight(
    place: Callable[..., Placed], rate: Fraction, start: str, labels: tuple[str, ...], seconds: tuple[float, ...]
) -> None:
    placed = place("x.csv", "TC\n" + "".join(f"{label}\n" for label in labels), rate, start)
    assert [spot.time_s for spot in placed.spots] == pytest.approx(seconds, abs=1e-9) and not placed.note


def test_no_time_is_below_zero(place: Callable[..., Placed], tmp_path: Path) -> None:
    # A float of the first frame's time may lie below the exact one of the clip's start.
    for minute in range(60):
        label = f"01:{minute:02d}:00;{0 if minute % 10 == 0 else 2:02d}"
        time_s = place("x.csv", f"TC\n{label}\n", NTSC, label).spots[0].time_s
        assert str(time_s) == "0.0"
    rows = [Marker(-0.0), Marker(-1e-9, 0.0, "a"), Marker(0.5)]
    write_markers(tmp_path / "m.csv", rows)
    assert [line.split(",")[0] for line in (tmp_path / "m.csv").read_text().splitlines()[1:]] == [
        "0.000000", "0.000000", "0.500000",
    ]  # fmt: skip
    items = (Item("Bowl h1", -0.0, 0), Item("Bowl h2", -1e-9, 0))
    write_cue_csv(tmp_path / "c.csv", Session("s", 48_000, Start("01:00:00;00", NTSC), 0, (Track("Bowl", items),)))
    assert "-0.000000" not in (tmp_path / "c.csv").read_text()
