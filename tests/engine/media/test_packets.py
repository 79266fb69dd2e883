"""Joined transport streams are read as one clip, with sound and picture in step."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from engine.core.errors import BadInput
from engine.media.export.video import write_video
from engine.media.frames import iter_frames, make_filmstrip
from engine.media.packets import scan_packets
from engine.media.probe import probe, scan_picture
from engine.media.sound import read_clip_audio
from tests.clips import SOUND_RATE_HZ, draw_frame, find_attacks, make_clicks, read_number

FLASHES = (10, 30)
"""Frames of each part that are numbered 90, with a click at their time."""


def _make_part(path: Path, start_s: float, count: int = 50, options: dict[str, str] | None = None) -> bytes:
    """A transport stream of 25 frames a second whose clock starts at a time."""
    with av.open(str(path), "w", format="mpegts", options=options or {}) as output:
        video = output.add_stream("libx264", rate=25, options={"bf": "2"})
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 90_000)
        audio = output.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
        packets = []
        for number in range(count):
            frame = VideoFrame.from_ndarray(draw_frame(90 if number in FLASHES else 20), "rgb24")
            frame.pts, frame.time_base = round((start_s + number / 25) * 90_000), Fraction(1, 90_000)
            packets += video.encode(frame)
        sound = make_clicks([number / 25 for number in FLASHES], count / 25)
        frame = AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = SOUND_RATE_HZ, Fraction(1, SOUND_RATE_HZ)
        frame.pts = round(start_s * SOUND_RATE_HZ)
        packets += [*video.encode(None), *audio.encode(frame), *audio.encode(None)]
        for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
            output.mux(packet)
    return path.read_bytes()


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three parts whose clocks start at 20, at 3 and at 60 s."""
    folder = tmp_path_factory.mktemp("joined")
    path = folder / "joined.ts"
    path.write_bytes(b"".join(_make_part(folder / "part.ts", start_s) for start_s in (20.0, 3.0, 60.0)))
    return path


EXPECTED_S = [2.0 * part + number / 25 for part in range(3) for number in FLASHES]


def test_all_parts_are_shown_on_one_clock(joined: Path) -> None:
    assert len(scan_packets(joined).splices) == 2
    info = probe(joined)
    assert (info.duration_s, info.frame_rate, info.variable_frame_rate) == (6.0, 25, False)
    frames = list(iter_frames(joined, 24))
    assert [time_s for time_s, _ in frames] == pytest.approx([k / 25 for k in range(150)], abs=1e-3)
    assert [time_s for time_s, frame in frames if read_number(frame) > 60] == pytest.approx(EXPECTED_S, abs=1e-3)


def test_sound_stays_in_step_with_the_picture(joined: Path) -> None:
    sound = read_clip_audio(joined, SOUND_RATE_HZ)
    assert find_attacks(sound, SOUND_RATE_HZ, EXPECTED_S) == pytest.approx(EXPECTED_S, abs=2e-3)
    piece = read_clip_audio(joined, SOUND_RATE_HZ, start_s=5.0, duration_s=0.5)
    assert find_attacks(piece, SOUND_RATE_HZ, [0.2]) == pytest.approx([0.2], abs=2e-3)


def test_later_parts_are_sought_and_exported(joined: Path, tmp_path: Path) -> None:
    times_s = [time_s for time_s, _ in iter_frames(joined, 24, start_s=4.5, end_s=4.7)]
    assert times_s == pytest.approx([4.52, 4.56, 4.6, 4.64, 4.68], abs=1e-3)
    assert len(make_filmstrip(joined, [0.0, 3.0, 5.9], 24)) > 100
    note = write_video(joined, np.zeros(6 * SOUND_RATE_HZ, np.float32), SOUND_RATE_HZ, tmp_path / "o.mp4")
    assert note is not None and "clock" in note
    assert scan_picture(tmp_path / "o.mp4").frame_times_s == pytest.approx([k / 25 for k in range(150)], abs=2e-3)


@pytest.mark.parametrize("gap_s", [0.4, 4.0])
def test_a_pause_of_a_continuing_clock_stays(tmp_path: Path, gap_s: float) -> None:
    path = tmp_path / "pause.ts"
    path.write_bytes(_make_part(tmp_path / "a.ts", 5.0) + _make_part(tmp_path / "b.ts", 7.0 + gap_s))
    assert scan_packets(path).splices == ()
    assert probe(path).duration_s == pytest.approx(4.0 + gap_s, abs=0.05)


def test_a_part_that_begins_before_the_end_of_the_one_before_follows_it(tmp_path: Path) -> None:
    path = tmp_path / "overlap.ts"
    path.write_bytes(_make_part(tmp_path / "a.ts", 5.0) + _make_part(tmp_path / "b.ts", 6.6))
    assert len(scan_packets(path).splices) == 1 and probe(path).duration_s == 4.0


@pytest.mark.parametrize("late", [False, True])
def test_a_part_with_streams_of_its_own_is_refused_and_not_left_out(tmp_path: Path, late: bool) -> None:
    """``late``: the other streams begin after all that is looked at when the file is opened."""
    parts = [_make_part(tmp_path / "a.ts", 5.0)]
    if late:
        null = b"\x47\x1f\xff\x10" + b"\xff" * 184
        parts = [parts[0], null * 40_000]
    options = {"mpegts_start_pid": "0x200", "mpegts_pmt_start_pid": "0x1100"}
    parts.append(_make_part(tmp_path / "b.ts", 7.0, options=options))
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    with pytest.raises(BadInput, match="goes on in another stream, since files were joined that do not match"):
        probe(tmp_path / "joined.ts")


def test_a_scrambled_transport_stream_is_refused_as_encrypted(tmp_path: Path) -> None:
    data = bytearray(_make_part(tmp_path / "a.ts", 0.0))
    for at in range(0, len(data), 188):
        if int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF >= 0x100:
            data[at + 3] |= 0x80
    for name, between in (("scrambled.ts", 0), ("scrambled.m2ts", 4)):
        packets = [bytes(between) + data[at : at + 188] for at in range(0, len(data), 188)]
        (tmp_path / name).write_bytes(b"".join(packets))
        with pytest.raises(BadInput, match="is encrypted"):
            probe(tmp_path / name)
