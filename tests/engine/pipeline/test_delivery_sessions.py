"""Sessions of a rendered project, opened again by other readers: their items sum to the track."""

from __future__ import annotations

import csv
import math
import sys
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pycmx
import pypdf
import pytest
import rpp
import soundfile

from engine.core.errors import BadInput
from engine.core.units import db_to_gain
from engine.document.project import Project
from engine.document.strip import Strip
from engine.media.export.endings import check_session
from engine.media.export.markers import read_onsets
from engine.pipeline.deliver_pieces import deliver_session
from engine.pipeline.delivery import Conformed, Delivery, make_stems
from engine.pipeline.events import RenderedHit
from engine.pipeline.placement import FADE_SAMPLES
from engine.pipeline.track import place_hits
from tests.clips import make_clip
from tests.delivered_project import FRAME_RATE, RATE, deliver, make_project, sample

NO_OTIO = "OpenTimelineIO has no build for this system"


@pytest.fixture(scope="module")
def project() -> Project:
    return make_project()


def mix(folder: Path, placed: list[tuple[str, int, float, float]], length: int) -> np.ndarray:
    """Files at samples with gain and pan by the balance law."""
    track = np.zeros((length, 2))
    for file, first, gain, pan in placed:
        sound = soundfile.read(folder / file, always_2d=True)[0][: max(0, length - first)]
        track[first : first + len(sound), 0] += sound[:, 0] * gain * min(1.0, 1.0 - pan)
        track[first : first + len(sound), 1] += sound[:, -1] * gain * min(1.0, 1.0 + pan)
    return track


def check_mix(delivery: Delivery, mixed: np.ndarray) -> None:
    """The items sum to the track, but for the fade at the clip's very end."""
    track = Conformed(place_hits(delivery.project, delivery.rendered), delivery)[:][:-FADE_SAMPLES]
    tolerance = 8 * 2.0**-24 if delivery.options.sample_rate_hz == RATE else 1e-4
    assert np.abs(mixed[: len(track)] - track).max() < tolerance


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_reaper_project_plays_the_track(tmp_path: Path, project: Project, rate_hz: int) -> None:
    delivery = deliver(project, takes=2, two_pop=True, sample_rate_hz=rate_hz)
    deliver_session(delivery, tmp_path / "s.rpp", sample)
    root = rpp.loads((tmp_path / "s.rpp").read_text("utf-8"))
    fields = {child[0]: child[1:] for child in root.children if isinstance(child, list)}
    assert fields["PROJOFFS"][0] == "3598" and fields["SAMPLERATE"][0] == str(rate_hz)
    assert fields["TIMEMODE"][3:5] == ["25", "0"] and fields["PANLAW"] == ["1"]
    markers = [child[1:4] for child in root.children if isinstance(child, list) and child[0] == "MARKER"]
    assert [float(m[1]) - 2.0 for m in markers] == pytest.approx([hit.time_s for hit in project.hits], abs=1e-9)
    tracks = root.findall("TRACK")
    assert [track.find("NAME")[1] for track in tracks] == ["Glass jar", "Wooden crate"]
    placed, heard = [], []
    for item in (item for track in tracks for item in track.findall("ITEM")):
        first = float(item.find("POSITION")[1]) * rate_hz
        assert first == pytest.approx(round(first), abs=1e-5)
        gain, pan = (float(value) for value in item.find("VOLPAN")[1:3])
        sources = [source.find("FILE")[1] for source in item.findall("SOURCE")]
        assert len(sources) == 2 and item.children.count("TAKE") == 1
        placed.append((sources[0], round(first), gain, pan))
        heard += [soundfile.read(tmp_path / source)[0] for source in sources]
    assert len(heard[4]) != len(heard[5]) or np.abs(heard[4] - heard[5]).max() > 0.0  # takes differ
    mixed = mix(tmp_path, placed, round((2.0 + 2.0) * rate_hz))
    check_mix(delivery, mixed + Conformed(place_hits(project, {}), delivery)[:])  # the two-pop is in the track alone


@pytest.mark.slow
@pytest.mark.parametrize("direction_deg", [0.0, 20.0, 90.0])
@pytest.mark.parametrize("width", [0.0, 0.5])
def test_a_room_is_on_both_sides_of_a_hit_that_is_panned_aside(
    tmp_path: Path, project: Project, direction_deg: float, width: float
) -> None:
    """Right aside by its direction or its pans, or nearly so; with another at the centre."""
    strip = Strip(room_db=-3.0, surround_deg=direction_deg, distance_m=2.0)
    sounds = tuple(replace(sound, strip=strip) for sound in project.sounds)
    hits = tuple(replace(hit, pan=pan) for hit, pan in zip(project.hits, (-1.0, 0.3, 0.999, 0.0), strict=True))
    delivery = deliver(replace(project, sounds=sounds, hits=hits, mix=replace(project.mix, width=width)))
    deliver_session(delivery, tmp_path / "s.rpp", sample)
    root = rpp.loads((tmp_path / "s.rpp").read_text("utf-8"))
    placed = []
    for item in (item for track in root.findall("TRACK") for item in track.findall("ITEM")):
        gain, pan = (float(value) for value in item.find("VOLPAN")[1:3])
        first = round(float(item.find("POSITION")[1]) * RATE)
        placed.append((item.find("SOURCE").find("FILE")[1], first, gain, pan))
    check_mix(delivery, mix(tmp_path, placed, 2 * RATE))


@pytest.mark.slow
@pytest.mark.parametrize("room", [False, True])
def test_aaf_links_files_at_their_samples(tmp_path: Path, project: Project, room: bool) -> None:
    otio = pytest.importorskip("opentimelineio", reason=NO_OTIO)
    from otio_aaf_adapter.adapters import advanced_authoring_format as aaf_reader

    if room:  # of hits in the middle all of it is there
        sounds = tuple(replace(sound, strip=Strip(room_db=-3.0, distance_m=2.0)) for sound in project.sounds)
        project = replace(project, sounds=sounds, hits=tuple(replace(hit, pan=0.0) for hit in project.hits))
    delivery = deliver(project)
    deliver_session(delivery, tmp_path / "s.aaf", sample)
    timeline = aaf_reader.read_from_file(str(tmp_path / "s.aaf"))
    assert timeline.global_start_time == otio.opentime.RationalTime(3600 * 25, 25)
    clips = list(timeline.find_clips())
    pans = {hit.id: hit.pan for hit in project.hits}
    placed = []
    for clip in clips:
        file = Path(clip.media_reference.target_url.removeprefix("file://").replace("%20", " "))
        reach = clip.range_in_parent()
        assert file.parent.parent == tmp_path and reach.duration.value == soundfile.info(file).frames
        assert soundfile.info(file).channels == 1
        placed.append((str(file.relative_to(tmp_path)), int(reach.start_time.value), 1.0, pans[clip.name.split()[-1]]))
    check_mix(delivery, mix(tmp_path, placed, 2 * RATE))
    markers = [marker for track in timeline.tracks for clip in track for marker in clip.markers]
    assert sorted(marker.name.split()[-1] for marker in markers) == ["h0", "h1", "h2", "h3"]


def test_aaf_keeps_pan_and_names_no_place_when_portable(tmp_path: Path, project: Project) -> None:
    import aaf2

    deliver_session(deliver(project), tmp_path / "s.aaf", sample, portable=True)
    with aaf2.open(str(tmp_path / "s.aaf")) as file:
        (composition,) = file.content.compositionmobs()
        panned = [slot.segment for slot in composition.slots if type(slot.segment).__name__ == "OperationGroup"]
        values = [[float(point["Value"].value) for point in group.parameters.value[0]["PointList"]] for group in panned]
        assert values == [[0.25, 0.25, 0.875, 0.875]]
        places = [
            locator["URLString"].value
            for mob in file.content.sourcemobs()
            for locator in (mob.descriptor["Locator"].value if "Locator" in mob.descriptor else ())
        ]
    assert sorted(places)[0] == "s%20aaf%20media/Glass%20jar%20h0.wav" and str(tmp_path) not in str(places)


def test_otio_is_refused_where_its_library_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(BadInput, match=r"s\.otio cannot be written: opentimelineio has no build"):
        check_session(Path("s.otio"))
    check_session(Path("s.aaf"))


def test_otio_holds_clips_gaps_markers_and_the_start(tmp_path: Path, project: Project) -> None:
    otio = pytest.importorskip("opentimelineio", reason=NO_OTIO)
    delivery = deliver(project)
    deliver_session(delivery, tmp_path / "s.otio", sample)
    timeline = otio.adapters.read_from_file(str(tmp_path / "s.otio"))
    assert timeline.global_start_time == otio.opentime.RationalTime(3600 * 25, 25)
    placed = [
        (
            clip.media_reference.target_url,
            int(clip.range_in_parent().start_time.value),
            1.0,
            clip.metadata["struck"]["pan"],
        )
        for clip in timeline.find_clips()
    ]
    check_mix(delivery, mix(tmp_path, placed, 2 * RATE))
    times_s = [marker.marked_range.start_time.to_seconds() for marker in timeline.tracks.markers]
    assert times_s == pytest.approx([hit.time_s for hit in project.hits], abs=0.5 / RATE)


@pytest.mark.parametrize("ending", [".otio", ".aaf"])
def test_files_that_hold_a_level_over_full_scale_are_float(tmp_path: Path, project: Project, ending: str) -> None:
    if ending == ".otio":
        pytest.importorskip("opentimelineio", reason=NO_OTIO)
    loud = replace(project, mix=replace(project.mix, gain_db=18.0))
    deliver_session(deliver(loud), tmp_path / f"s{ending}", sample)
    peaks = {}
    for path in tmp_path.glob("*/*.wav"):
        peaks[path.name] = float(np.abs(soundfile.read(path)[0]).max())
        assert soundfile.info(path).subtype == ("FLOAT" if peaks[path.name] > 1.0 else "PCM_24")
    assert max(peaks.values()) > 1.0
    if ending == ".aaf":
        import aaf2

        with aaf2.open(str(tmp_path / "s.aaf")) as file:
            formats = [
                mob.descriptor["Summary"].value for mob in file.content.sourcemobs() if "Summary" in mob.descriptor
            ]
        kinds = [int.from_bytes(form[form.index(b"fmt ") + 8 :][:2], "little") for form in map(bytes, formats)]
        assert kinds.count(3) == sum(peak > 1.0 for peak in peaks.values())


@pytest.mark.parametrize("width", [0.0, 0.6])
@pytest.mark.parametrize("strip", [Strip(), Strip(-3.0, 0.1, 4.0, -6.0, 120.0, 9000.0)])
def test_dawproject_holds_clips_levels_and_files(tmp_path: Path, project: Project, width: float, strip: Strip) -> None:
    sounds = tuple(replace(sound, strip=strip) for sound in project.sounds)
    project = replace(project, mix=replace(project.mix, width=width), sounds=sounds)
    delivery = deliver(project)
    deliver_session(delivery, tmp_path / "s.dawproject", sample)
    with zipfile.ZipFile(tmp_path / "s.dawproject") as archive:
        archive.extractall(tmp_path / "x")
    root = ElementTree.parse(tmp_path / "x" / "project.xml").getroot()
    tracks = {track.get("id"): track.get("name") for track in root.iter("Track")}
    assert {tracks[lane.get("track")] for lane in root.findall("Arrangement/Lanes/Lanes")} == {
        "Glass jar",
        "Wooden crate",
    }
    placed = []
    for clip in root.iter("Clip"):
        values = {
            p.find("Target").get("expression"): float(p.find("RealPoint").get("value")) for p in clip.iter("Points")
        }
        first = round(float(clip.get("time")) * RATE)
        placed.append(
            (clip.find("Lanes/Audio/File").get("path"), first, values["gain"], 2 * values.get("pan", 0.5) - 1)
        )
    check_mix(delivery, mix(tmp_path / "x", placed, 2 * RATE))
    (marks,) = root.findall("Arrangement/Markers")
    seconds = {"seconds": 1.0, "beats": 60.0 / float(root.find("Transport/Tempo").get("value"))}[
        marks.get("timeUnit") or root.find("Arrangement").get("timeUnit") or "beats"  # as the format has it
    ]
    wanted_s = [hit.time_s for hit in project.hits]
    assert [seconds * float(mark.get("time")) for mark in marks] == pytest.approx(wanted_s, abs=0.6 / RATE)
    identities = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize(("start", "counts"), [("00:59:58:00", ["30", "2"]), ("00:59:58;00", ["30", "1"])])
def test_a_reaper_project_at_59_94_counts_the_seconds_of_its_timecode(
    tmp_path: Path, project: Project, start: str, counts: list[str]
) -> None:
    clip = replace(project.clip, frame_rate=Fraction(60000, 1001), start_timecode=start)
    deliver_session(deliver(replace(project, clip=clip)), tmp_path / "s.rpp", sample)
    root = rpp.loads((tmp_path / "s.rpp").read_text("utf-8"))
    assert next(child for child in root.children if child[0] == "TIMEMODE")[4:6] == counts


def test_edl_markers_lie_on_frames(tmp_path: Path, project: Project) -> None:
    deliver_session(deliver(project), tmp_path / "s.edl", sample)
    with open(tmp_path / "s.edl", encoding="utf-8") as file:
        events = pycmx.parse_cmx3600(file).events
    starts = [event.edits[0].record_in for event in events]
    assert starts == ["01:00:00:06", "01:00:00:15", "01:00:00:17", "01:00:01:23"]
    assert " |C:ResolveColorPurple |M:Wooden crate h1 -4.0 dB |D:1" in (tmp_path / "s.edl").read_text("utf-8")
    # A marker has its track's colour, whatever else is heard.
    (crate,) = (sound for sound in project.sounds if sound.name == "Wooden crate")
    alone = replace(project, sounds=tuple(
        replace(sound, strip=replace(sound.strip, solo=sound is crate)) for sound in project.sounds
    ))  # fmt: skip
    deliver_session(deliver(alone), tmp_path / "alone.edl", sample)
    markers = [line for line in (tmp_path / "alone.edl").read_text("utf-8").splitlines() if "|M:" in line]
    assert markers and all("ResolveColorPurple |M:Wooden crate" in line for line in markers)


def read_number(body: bytes, k: int) -> tuple[int, int]:
    """A variable-length quantity and where it ends."""
    value = 0
    while True:
        value = value << 7 | body[k] & 0x7F
        k += 1
        if body[k - 1] < 0x80:
            return value, k


def read_midi(data: bytes) -> list[list[tuple[int, bytes]]]:
    """Events of each track as (tick, bytes), read by the letter of the Standard MIDI File."""
    tracks, at = [], 14
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        body, k, tick, status = data[at + 8 : at + 8 + size], 0, 0, 0
        events = []
        while k < size:
            wait, k = read_number(body, k)
            tick += wait
            if body[k] >= 0x80:
                status, k = body[k], k + 1
            if status == 0xFF:
                kind = body[k]
                length, k = read_number(body, k + 1)
                events.append((tick, bytes([0xFF, kind]) + body[k : k + length]))
                k += length
            else:
                events.append((tick, bytes([status]) + body[k : k + 2]))
                k += 2
        tracks.append(events)
        at += 8 + size
    return tracks


def test_midi_has_a_note_a_hit(tmp_path: Path, project: Project) -> None:
    deliver_session(deliver(project), tmp_path / "s.mid", sample)
    data = (tmp_path / "s.mid").read_bytes()
    ticks = int.from_bytes(data[12:14], "big")
    tracks = read_midi(data)
    assert data[:4] == b"MThd" and len(tracks) == 3
    conductor = {event[1]: event for _, event in tracks[0]}
    assert int.from_bytes(conductor[0x51][2:], "big") == 500_000 and conductor[0x54][2] & 0x1F == 1  # hour 1
    notes = [(tick / ticks * 0.5, e[1], e[2]) for events in tracks[1:] for tick, e in events if e[0] & 0xF0 == 0x90]
    hits = sorted(project.hits, key=lambda hit: (hit.sound_id, hit.time_s))
    assert [note[0] for note in notes] == pytest.approx([hit.time_s for hit in hits], abs=30e-6)
    assert [note[1] for note in notes] == [36, 36, 37, 37]
    levels = [40.0 * math.log10(note[2] / 127.0) + 12.0 for note in notes]
    assert levels == pytest.approx([hit.velocity_db for hit in hits], abs=0.3)
    names = [event[2:].decode() for _, event in tracks[0] if event[1] == 0x06]
    assert names[0] == "Glass jar h0" and len(names) == 4


def test_cue_list_comes_back_as_onsets(tmp_path: Path, project: Project) -> None:
    deliver_session(deliver(project), tmp_path / "s.csv", sample)
    onsets = read_onsets(tmp_path / "s.csv", 2.0)
    assert onsets == [(round(hit.time_s, 6), hit.velocity_db) for hit in project.hits]
    rows = list(csv.DictReader((tmp_path / "s.csv").open(encoding="utf-8")))
    assert rows[1]["timecode"] == "01:00:00:15" and rows[1]["cat_id"] == "WOODImpt"


def test_no_level_or_pan_is_minus_zero(tmp_path: Path, project: Project) -> None:
    """Neither in the marker list nor in the cue list nor in the cue sheet."""
    assert project.mix.gain_db == -1.0
    hits = tuple(replace(hit, velocity_db=-0.004, gain_db=0.999, pan=-0.0001) for hit in project.hits)
    delivery = deliver(replace(project, hits=hits))
    for ending in ("edl", "csv", "html"):
        deliver_session(delivery, tmp_path / f"s.{ending}", sample)
    assert " +0.0 dB |D:1" in (tmp_path / "s.edl").read_text("utf-8")
    for row in csv.DictReader((tmp_path / "s.csv").open(encoding="utf-8")):
        assert (row["velocity_db"], row["gain_db"], row["pan"]) == ("0.00", "0.00", "0.000")
    assert "+0.0 dB" in (page := (tmp_path / "s.html").read_text("utf-8")) and "-0.0 dB" not in page


def test_wwise_import_names_every_file_once(tmp_path: Path, project: Project) -> None:
    deliver_session(deliver(project, layers=2), tmp_path / "s.txt", sample)
    rows = list(csv.DictReader((tmp_path / "s.txt").open(encoding="utf-8", newline=""), delimiter="\t"))
    files = [row["Audio File"].replace("\\", "/") for row in rows if row["Audio File"]]
    assert len(files) == len(set(files)) == 4 and all((tmp_path / file).is_file() for file in files)
    containers = [row for row in rows if row["Object Type"] == "Random Container"]
    assert [row["Event"].rsplit("\\", 1)[1] for row in containers][:2] == [
        "Play_Glass_jar_v1@Play",
        "Play_Glass_jar_v2@Play",
    ]
    assert all(
        row["Object Path"].startswith("\\Actor-Mixer Hierarchy\\Default Work Unit\\<Random Container>") for row in rows
    )


@pytest.mark.slow
def test_cue_sheets_show_the_frame_of_each_hit(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", rate=FRAME_RATE, count=50)
    project = make_project(str(clip))
    delivery = deliver(project)
    for ending in ("html", "pdf"):
        deliver_session(delivery, tmp_path / f"s.{ending}", sample)
    text = (tmp_path / "s.html").read_text("utf-8")
    assert text.count("data:image/jpeg;base64,") == 4 and "01:00:01:23" in text
    assert '<td class="sound">Glass jar' in text
    page = pypdf.PdfReader(tmp_path / "s.pdf").pages[0]
    words = page.extract_text()
    assert all(part in words for part in ("Glass jar", "01:00:00:15", "WOODImpt", "-12.0 dB"))
    # Frames of make_clip are brighter with their number; those of the hits at 0.25 and 1.95 s are 6 and 48.
    greys = sorted(float(np.asarray(image.image.convert("L"))[:, -20:].mean()) for image in page.images)
    assert greys[0] == pytest.approx(40 + 2 * 6, abs=6) and greys[-1] == pytest.approx(40 + 2 * 48, abs=6)
    # The picture lies beside the hits in Reaper.
    deliver_session(delivery, tmp_path / "s.rpp", sample)
    (shown,) = (track for track in rpp.loads((tmp_path / "s.rpp").read_text("utf-8")).findall("TRACK")
                if track.find(".//SOURCE").attrib[0] == "VIDEO")  # fmt: skip
    item = shown.find("ITEM")
    assert item.find(".//FILE")[1] == "c.mp4"
    assert (float(item.find("POSITION")[1]), float(item.find("LENGTH")[1])) == (0.0, 2.0)


def test_a_missing_clip_leaves_the_pictures_out(tmp_path: Path, project: Project) -> None:
    deliver_session(deliver(project), tmp_path / "s.html", sample)
    assert "<img" not in (tmp_path / "s.html").read_text("utf-8")


def test_a_sound_over_full_scale_does_not_clip_in_a_session(tmp_path: Path, project: Project) -> None:
    rendered = {
        key: RenderedHit(key, hit.samples * np.float32(db_to_gain(24.0))) for key, hit in sample(project).items()
    }
    delivery = Delivery(project, rendered)
    deliver_session(delivery, tmp_path / "s.rpp", sample)
    root = rpp.loads((tmp_path / "s.rpp").read_text("utf-8"))
    placed = [
        (item.find(".//FILE")[1], round(float(item.find("POSITION")[1]) * RATE), *map(float, item.find("VOLPAN")[1:3]))
        for item in root.findall(".//ITEM")
    ]
    track = place_hits(project, rendered)[:-FADE_SAMPLES]
    assert np.abs(track).max() > 1.5
    assert np.abs(mix(tmp_path, placed, 2 * RATE)[: len(track)] - track).max() < 1e-5
    assert len(make_stems(delivery)) == 2
