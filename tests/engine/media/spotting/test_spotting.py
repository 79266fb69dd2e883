"""Spotting lists: what Struck exports comes back, what others write is placed to the frame, the rest is refused."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import mido
import pycmx
import pytest

from engine.core.errors import BadInput
from engine.document.edits.hits import set_hits
from engine.media.export.markers import Marker, read_onsets, write_markers
from engine.media.export.options import Start
from engine.media.export.sessions.cue_csv import write_cue_csv
from engine.media.export.sessions.edl import write_edl
from engine.media.export.sessions.midi import write_midi
from engine.media.export.sessions.reaper import write_reaper
from engine.media.export.sessions.session import Item, Session, Track
from engine.media.spotting.read import read_spotting
from engine.media.spotting.spots import Placed
from tests.delivered_project import make_project

PAL, NTSC, FILM = Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001)
DURATION_S = 30.0
HITS_S = (0.0, 1.2345, 17.5, 29.9)


def read(path: Path, rate: Fraction = PAL, clip_start: str | None = None, **wanted: object) -> Placed:
    return read_spotting(path, rate, DURATION_S, clip_start, **wanted)  # type: ignore[arg-type]


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def times_of(placed: Placed) -> list[float]:
    return [spot.time_s for spot in placed.spots]


# --- what Struck writes -----------------------------------------------------------------------


def make_session(rate: Fraction, timecode: str | None, lead_frames: int = 0) -> Session:
    items = tuple(Item(f"Bowl h{k}", s, 0, velocity_db=-6.0 * k) for k, s in enumerate(HITS_S[::2], 1))
    others = tuple(Item(f"Crate h{k}", s, 0, velocity_db=2.0) for k, s in enumerate(HITS_S[1::2], 3))
    start = Start(timecode, rate, lead_frames)
    return Session("scene", 48_000, start, 0, (Track("Bowl", items), Track("Crate", others)))


@pytest.mark.parametrize(
    ("rate", "timecode", "lead_frames", "clip_start"),
    [
        (PAL, None, 0, None),
        (PAL, "00:59:58:00", 50, "01:00:00:00"),  # a two-pop before the picture
        (NTSC, "01:00:00;00", 0, "01:00:00;00"),
        (FILM, "10:00:00:00", 0, "10:00:00:00"),
    ],
)
@pytest.mark.parametrize("ending", [".edl", ".mid", ".csv", ".rpp"])
def test_what_struck_exports_comes_back(
    tmp_path: Path, rate: Fraction, timecode: str | None, lead_frames: int, clip_start: str | None, ending: str
) -> None:
    session = make_session(rate, timecode, lead_frames)
    path = tmp_path / f"list{ending}"
    {".edl": write_edl, ".mid": write_midi, ".csv": write_cue_csv, ".rpp": write_reaper}[ending](path, session)
    placed = read(path, rate, clip_start)
    error_s = {".edl": float(1 / rate), ".mid": 1e-4, ".csv": 1e-6, ".rpp": 1e-6}[ending]
    assert times_of(placed) == pytest.approx(HITS_S, abs=error_s)
    assert placed.note == ""
    if ending == ".edl":  # whole frames: the one that is shown at the time of the hit
        assert times_of(placed) == pytest.approx([int(s * rate + 1e-6) / float(rate) for s in HITS_S], abs=1e-9)
    names = ["Bowl h1", "Crate h3", "Bowl h2", "Crate h4"]
    assert [spot.name.split(" -")[0].split(" +")[0] for spot in placed.spots] == names
    if ending == ".mid":
        assert [spot.sound for spot in placed.spots] == ["Bowl", "Crate", "Bowl", "Crate"]
        assert [spot.velocity_db for spot in placed.spots] == pytest.approx([-6.0, 2.0, -12.0, 2.0], abs=0.6)
    if ending == ".csv":
        assert [spot.velocity_db for spot in placed.spots] == [-6.0, 2.0, -12.0, 2.0]


def test_markers_of_a_render_come_back_exactly(tmp_path: Path) -> None:
    rows = [Marker(s, -3.25, f"step {k}", "Gravel") for k, s in enumerate(HITS_S)]
    write_markers(tmp_path / "m.csv", rows)
    placed = read(tmp_path / "m.csv", clip_start="01:00:00:00")
    assert times_of(placed) == pytest.approx(HITS_S, abs=1e-6)
    assert [(s.name, s.sound, s.velocity_db) for s in placed.spots] == [(r.name, "Gravel", -3.25) for r in rows]


# --- what others write ------------------------------------------------------------------------

EDL = """TITLE: REEL 1
FCM: {fcm}

001  AX       V     C        00:00:00:00 00:00:02:00 01:00:00:00 01:00:02:00
* FROM CLIP NAME: door.mov
{loc}
002  AX       V     C        00:00:10:00 00:00:13:00 01:00:02:00 01:00:05:12
* FROM CLIP NAME: floor.mov
"""


def test_an_edl_gives_its_locators_else_its_cuts(tmp_path: Path) -> None:
    cuts = write(tmp_path, "cuts.edl", EDL.format(fcm="NON-DROP FRAME", loc=""))
    placed = read(cuts, clip_start="01:00:00:00")
    events = pycmx.parse_cmx3600(io.StringIO(cuts.read_text())).events
    record_ins = [str(edit.record_in) for event in events for edit in event.edits]
    assert record_ins == ["01:00:00:00", "01:00:02:00"]
    assert times_of(placed) == [0.0, 2.0]
    assert [spot.name for spot in placed.spots] == ["door.mov", "floor.mov"]
    locators = "* LOC: 01:00:01:06 RED     SLAM, HARD\n* LOC: 01:00:04:24 GREEN"
    placed = read(write(tmp_path, "loc.edl", EDL.format(fcm="NON-DROP FRAME", loc=locators)), clip_start="01:00:00:00")
    assert [(spot.time_s, spot.name) for spot in placed.spots] == [(1.24, "SLAM, HARD"), (4.96, "")]


def test_drop_frame_timecode_is_real_time(tmp_path: Path) -> None:
    text = "TITLE: X\nFCM: DROP FRAME\n001  AX  V  C  00:00:00:00 00:00:01:00 01:10:00:00 01:10:01:00\n"
    placed = read(write(tmp_path, "df.edl", text), NTSC, clip_start="01:09:50;00")
    # 10 s of labels at 29.97: 300 frames less the two that the tenth minute does not drop.
    assert times_of(placed) == pytest.approx([300 * 1001 / 30000], abs=1e-9)


PRO_TOOLS = """SESSION NAME:\tScene 4
SAMPLE RATE:\t48000.000000
BIT DEPTH:\t24-bit
SESSION START TIMECODE:\t00:59:58:00.00
TIMECODE FORMAT:\t25 Frame
# OF AUDIO TRACKS:\t1


T R A C K  L I S T I N G
TRACK NAME:\tFeet
COMMENTS:\t
USER DELAY:\t0 Samples
CHANNEL \tEVENT   \tCLIP NAME                     \tSTART TIME    \tEND TIME      \tDURATION      \tSTATE
1       \t1       \theel                          \t01:00:01:05.00\t01:00:01:10.00\t00:00:00:05.00\tUnmuted
1       \t2       \t(fade out)                    \t01:00:01:10.00\t01:00:01:11.00\t00:00:00:01.00\tUnmuted
1       \t3       \ttoe                           \t01:00:01:12.00\t01:00:01:20.00\t00:00:00:08.00\tUnmuted
2       \t1       \theel                          \t01:00:01:05.00\t01:00:01:10.00\t00:00:00:05.00\tUnmuted

"""
MARKERS = """
M A R K E R S  L I S T I N G
#   \tLOCATION     \tTIME REFERENCE    \tUNITS    \tNAME                             \tCOMMENTS
1   \t01:00:01:05  \t153601            \tSamples  \tdoor slam                        \tloud
2   \t01:00:02:00  \t192000            \tSamples  \tkey
"""


def test_pro_tools_markers_count_samples_and_without_any_its_clips_are_hits(tmp_path: Path) -> None:
    marked = write(tmp_path, "session.txt", (PRO_TOOLS + MARKERS).replace("\n", "\r\n"))
    # The session begins two seconds before the clip: 153601 samples are 3.20002 s, so 1.20002 s in the clip.
    placed = read(marked, clip_start="01:00:00:00")
    assert times_of(placed) == pytest.approx([153_601 / 48_000 - 2.0, 2.0], abs=1e-9)
    assert [spot.name for spot in placed.spots] == ["door slam", "key"]
    clips = read(write(tmp_path, "clips.txt", PRO_TOOLS.encode("utf-16")), clip_start="01:00:00:00")
    assert [(s.time_s, s.name, s.sound) for s in clips.spots] == [(1.2, "heel", "Feet"), (1.48, "toe", "Feet")]
    unknown = read(marked)  # a clip without timecode begins where the session does
    assert times_of(unknown) == pytest.approx([153_601 / 48_000, 4.0]) and "00:59:58:00" in unknown.note
    told = read(marked, wanted_start="01:00:01:00")
    assert times_of(told) == pytest.approx([0.2 + 1 / 48_000, 1.0])


def test_markers_of_reaper_audition_and_audacity(tmp_path: Path) -> None:
    reaper = '#,Name,Start,End,Length\nM1,"door, slam",0:05.480,,\nR2,steps,1:02:03:12,1:02:09:00,0:00:05:13\n'
    placed = read(write(tmp_path, "r.csv", reaper.replace("1:02:03:12", "00:00:07:12")))
    assert [(s.time_s, s.name) for s in placed.spots] == [(5.48, "door, slam"), (7.48, "steps")]
    audition = "Name\tStart\tDuration\tTime Format\tType\tDescription\nMarker 01\t0:05.480\t0:00.000\tdecimal\tCue\t\n"
    assert times_of(read(write(tmp_path, "a.csv", "\ufeff" + audition))) == [5.48]
    frames = audition.replace("0:05.480", "00:00:05:12").replace("decimal", "24 fps")
    assert times_of(read(write(tmp_path, "f.csv", frames))) == [5.5]  # at its own rate, not the clip's
    audacity = "1.500000\t1.500000\tknock\n2.250000\t3.000000\t\n"
    assert [(s.time_s, s.name) for s in read(write(tmp_path, "l.txt", audacity)).spots] == [(1.5, "knock"), (2.25, "")]
    sheet = "Timecode;Velocity;Sound\n10:00:02:00;127;Bell\n10:00:01:00;64;\n"  # of a spreadsheet, in any order
    placed = read(write(tmp_path, "s.csv", sheet))
    assert [s.time_s for s in placed.spots] == [1.0, 2.0] and "10:00:00:00" in placed.note
    assert [s.velocity_db for s in placed.spots] == pytest.approx([0.0, 12.0], abs=0.2)


def test_a_midi_file_follows_its_tempo_changes(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    tempo, notes = mido.MidiTrack(), mido.MidiTrack()
    tempo.extend(
        [mido.MetaMessage("set_tempo", tempo=500_000), mido.MetaMessage("set_tempo", tempo=1_000_000, time=960)]
    )
    for note, time in ((36, 0), (38, 960), (36, 480)):  # beats 0, 2 and 3
        notes.append(mido.Message("note_on", note=note, velocity=64, time=time))
        notes.append(mido.Message("note_on", note=note, velocity=0))
    file.tracks.extend([tempo, notes])
    file.save(tmp_path / "beats.mid")
    assert times_of(read(tmp_path / "beats.mid", clip_start="01:00:00:00")) == pytest.approx([0.0, 1.0, 2.0])


@pytest.mark.parametrize(("beyond_db", "limit"), [(-99.0, "-60"), (99.0, "12")])
def test_a_list_has_the_velocities_that_a_document_has(tmp_path: Path, beyond_db: float, limit: str) -> None:
    hit_id = make_project().hits[0].id
    limit_db = set_hits([hit_id], {"velocity_db": beyond_db}).apply(make_project()).hit(hit_id).velocity_db
    path = write(tmp_path, "m.csv", f"time_s,velocity_db\n1,{limit_db}\n")
    assert limit_db == float(limit) and read(path).spots[0].velocity_db == limit_db
    assert read_onsets(path, DURATION_S) == [(1.0, limit_db)]
    write(tmp_path, "m.csv", f"time_s,velocity_db\n1,{1.001 * limit_db}\n")
    for reader in (read, lambda list_: read_onsets(list_, DURATION_S)):
        with pytest.raises(BadInput, match=r"row 2.* -60 to 12; correct it"):
            reader(path)


def test_what_lies_outside_the_clip_is_left_out_and_told(tmp_path: Path) -> None:
    placed = read(
        write(tmp_path, "m.csv", "timecode,name\n01:00:01:00,in\n01:00:59:00,out\n"), clip_start="01:00:00:00"
    )
    assert times_of(placed) == [1.0] and placed.note == "1 of 2 hits outside the clip left out"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "", "no column of times"),
        ("b.csv", "when,what\n1,2\n", "no column of times"),
        ("c.csv", "time_s\nsoon\n", "row 2"),
        ("d.csv", "time_s,velocity_db\n1,99\n", "row 2"),
        ("e.csv", "#,Name,Start\nM1,x,2.1.00\n", "bars and beats"),
        ("f.csv", "timecode\n01:00:01:27\n", "frame 27"),
        ("g.edl", "TITLE: X\nFCM: NON-DROP FRAME\n", "no column of times"),
        ("h.edl", "001  AX V C 00:00:00:00 00:00:01:00 01:00:00:29 01:00:01:00\n", "line 1"),
        ("i.mid", b"MThd\0\0\0\6\0\1\0\1", "MIDI"),
        ("j.txt", b"\x89PNG\r\n\0\0", "no spotting list"),
        ("k.txt", "SESSION NAME:\tx\n", "no markers"),
        ("l.csv", "timecode\n09:00:00:00\n", ""),
        ("m.csv", "time_s\n1e999\n", "row 2"),
        ("n.csv", "time_s\n99\n", "none of that lies in the clip"),
        ("o.rpp", '<REAPER_PROJECT 0.1 "7.0" 0\n>\n', "no markers"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    path = write(tmp_path, name, content)
    if name == "l.csv":  # a full hour is taken for the clip's first frame
        assert times_of(read(path, clip_start="01:00:00:00")) == [0.0]
        return
    with pytest.raises(BadInput) as refused:
        read(path)
    sentence = str(refused.value)
    assert says in sentence and "\n" not in sentence and len(sentence) < 300
