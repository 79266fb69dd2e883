"""Exports read back: the sound where it was put, the picture as it was."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput, StruckError
from engine.core.files import check_folder, check_target
from engine.media.export.markers import Marker, read_onsets, write_markers
from engine.media.export.own_sound import OwnSound
from engine.media.export.stems import write_stems
from engine.media.export.video import write_video
from engine.media.export.wave import write_wave
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import read_clip_audio
from tests.clips import SOUND_RATE_HZ, find_attacks, make_clicks, make_clip, read_number, run_ffmpeg

HITS_S = (0.0, 0.5213, 1.3777, 1.9)


# --- WAV --------------------------------------------------------------------------------------


def test_wave_keeps_24_bits(tmp_path: Path, rng: np.random.Generator) -> None:
    sound = rng.uniform(-1, 1, (5001, 2)).astype(np.float32)
    assert write_wave(tmp_path / "a.wav", sound, 48_000) == 0
    read, rate_hz = soundfile.read(tmp_path / "a.wav", always_2d=True)
    assert rate_hz == 48_000 and soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"
    assert read.shape == sound.shape and np.abs(read - sound).max() <= 0.5 / 2**23 + 1e-9


def test_wave_of_one_odd_sample_and_of_none(tmp_path: Path) -> None:
    write_wave(tmp_path / "one.wav", np.array([0.5], np.float32), 44_100)
    assert soundfile.read(tmp_path / "one.wav")[0].tolist() == [0.5]
    assert (tmp_path / "one.wav").stat().st_size % 2 == 0
    write_wave(tmp_path / "none.wav", np.zeros((0, 2), np.float32), 48_000)
    assert soundfile.info(tmp_path / "none.wav").frames == 0


def test_float_wave_is_exact(tmp_path: Path, rng: np.random.Generator) -> None:
    sound = rng.normal(0, 3, 1000).astype(np.float32)
    assert write_wave(tmp_path / "f.wav", sound, 96_000, bits=32) == 0
    assert np.array_equal(soundfile.read(tmp_path / "f.wav", dtype="float32")[0], sound)


def test_clipping_is_held_and_counted(tmp_path: Path) -> None:
    sound = np.array([0.0, 1.5, -1.5, 1.0, -1.0], np.float32)
    assert write_wave(tmp_path / "c.wav", sound, 48_000) == 2
    read = soundfile.read(tmp_path / "c.wav")[0]
    assert read == pytest.approx([0.0, 1.0, -1.0, 1.0, -1.0], abs=1e-6)


def test_a_wave_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        write_wave(tmp_path / "missing" / "a.wav", np.zeros(4, np.float32), 48_000)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(BadInput, match="is a folder"):
        write_wave(tmp_path / "folder.wav", np.zeros(4, np.float32), 48_000)
    with pytest.raises(StruckError, match="not finite"):
        write_wave(tmp_path / "nan.wav", np.array([np.nan], np.float32), 48_000)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.wav"]


def test_targets_are_checked_before_work(tmp_path: Path) -> None:
    assert check_target(tmp_path / "a.wav") == tmp_path / "a.wav"
    assert check_folder(tmp_path / "new" / "deeper") == tmp_path / "new" / "deeper"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="is a file"):
        check_folder(tmp_path / "file")
    with pytest.raises(BadInput):
        check_target(tmp_path / "file" / "a.wav")
    if os.name == "posix" and os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(BadInput, match="denied"):
            check_target(tmp_path / "locked" / "a.wav")


# --- MP4 --------------------------------------------------------------------------------------


def decode_plainly(path: Path) -> np.ndarray:
    """The sound as FFmpeg decodes it: edit lists applied, nothing of Struck's."""
    raw = run_ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-ar", SOUND_RATE_HZ, "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)


def read_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


def check_sound(path: Path, duration_s: float, hits_s: tuple[float, ...] = HITS_S) -> None:
    """Attacks within 1 ms in Struck's decoding and in FFmpeg's."""
    ours = read_clip_audio(path, SOUND_RATE_HZ)
    plainly = decode_plainly(path)
    assert len(plainly) == pytest.approx(duration_s * SOUND_RATE_HZ, abs=1100)
    for heard in (ours, plainly):
        assert find_attacks(heard, SOUND_RATE_HZ, hits_s) == pytest.approx(hits_s, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["c.mp4", "c.mov", "c.mkv", "offset.mkv", "offset.mp4", "h265.mp4", "av1.mp4", "vfr.mp4", "turned.mp4"]
)
def test_the_picture_is_copied_untouched(tmp_path: Path, name: str) -> None:
    times_s = list(np.cumsum([0.0] + [0.03 if k % 3 else 0.06 for k in range(49)])) if name == "vfr.mp4" else None
    clip = make_clip(
        tmp_path / name,
        codec={"h265.mp4": "libx265", "av1.mp4": "libsvtav1"}.get(name, "libx264"),
        times_s=times_s,
        picture_start_s=0.35 if "offset" in name else 0.0,
        rotation_deg=90 if name == "turned.mp4" else 0,
        sounds=[(0.0, make_clicks([1.0], 2.0))],
    )
    before = probe(clip)
    track = make_clicks(HITS_S, before.duration_s)
    heard: list[float] = []
    out = tmp_path / "out.mp4"
    assert write_video(clip, track, SOUND_RATE_HZ, out, heard.append) is None
    after = probe(out)
    assert read_packets(out) == read_packets(clip) or name.endswith(".mkv")
    assert (after.width, after.height, after.rotation_deg) == (before.width, before.height, before.rotation_deg)
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.002)
    assert after.video_codec == before.video_codec and [track.codec for track in after.audio_tracks] == ["aac"]
    assert after.picture_offset_s == pytest.approx(0.0, abs=1e-6)
    times = [[t for t, _ in iter_frames(path, 24)] for path in (clip, out)]
    assert times[1] == pytest.approx(times[0], abs=0.001)
    check_sound(out, before.duration_s)
    assert heard[-1] == 1.0 and all(0.0 <= f <= 1.0 for f in heard)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "out.mp4"])


def read_code_and_aspect(path: Path) -> tuple[str, Fraction | None]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.codec_context.codec_tag, stream.sample_aspect_ratio


@pytest.mark.parametrize(
    ("codec", "pixels", "source", "ending", "code"),
    [
        ("libx265", "yuv420p", "hvc1", ".mp4", "hvc1"),
        ("libx265", "yuv420p", "hev1", ".mov", "hvc1"),
        ("prores_ks", "yuv422p10le", "apco", ".mov", "apco"),
        ("prores_ks", "yuv444p10le", "ap4h", ".mov", "ap4h"),
        ("prores_ks", "yuv422p10le", "apcn", ".mkv", "apcn"),
        ("libx264", "yuv420p", "avc1", ".mp4", "avc1"),
        ("libx264", "yuv420p", "avc1", ".mkv", "\0\0\0\0"),
    ],
)
def test_a_copied_picture_keeps_its_code_and_pixel_aspect(
    tmp_path: Path, codec: str, pixels: str, source: str, ending: str, code: str
) -> None:
    plain, clip, out = tmp_path / "plain.mov", tmp_path / "c.mov", tmp_path / f"out{ending}"
    profile = {"apco": "0", "apcn": "2", "ap4h": "4"}.get(source)
    options = ["-profile:v", profile] if profile else []
    drawn = make_clip(tmp_path / "drawn.mp4", count=12)
    run_ffmpeg("-i", drawn, "-vf", "setsar=4/3", "-c:v", codec, "-pix_fmt", pixels, *options, plain)
    run_ffmpeg("-i", plain, "-c", "copy", "-tag:v", source, "-aspect", "2:1", clip)  # 6:5 overrides 4:3
    assert read_code_and_aspect(clip) == (source, Fraction(6, 5))
    assert write_video(clip, make_clicks([0.2], 0.48), SOUND_RATE_HZ, out) is None
    assert read_code_and_aspect(out) == (code, Fraction(6, 5))
    assert read_packets(out) == read_packets(clip)


def test_a_clip_with_an_edit_list_keeps_its_cut(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", sounds=[(0.0, make_clicks([1.0], 2.0))])
    clip = tmp_path / "cut.mp4"
    run_ffmpeg("-ss", "0.52", "-i", whole, "-c", "copy", clip)
    duration_s = probe(clip).duration_s
    out = tmp_path / "out.mp4"
    assert write_video(clip, make_clicks(HITS_S[:3], duration_s), SOUND_RATE_HZ, out) is None
    assert probe(out).duration_s == pytest.approx(duration_s, abs=0.002)
    _, first = next(iter_frames(out, 48))
    assert read_number(first) == 13
    check_sound(out, duration_s, HITS_S[:3])
    raw = run_ffmpeg("-i", out, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    assert read_number(np.frombuffer(raw, np.uint8).reshape(96, 160)) == 13


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("a.gif", "gif", "gray"), ("a.avi", "mpeg4", "yuv420p"), ("v.webm", "libvpx", "yuv420p")],
)
def test_other_pictures_are_encoded_and_said_so(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    rate = Fraction(30000, 1001) if name == "a.avi" else Fraction(25)
    clip = make_clip(tmp_path / name, rate=rate, codec=codec, pixels=pixels)
    before = probe(clip)
    out = tmp_path / "out.mp4"
    hits_s = HITS_S[:3]
    note = write_video(clip, np.stack([make_clicks(hits_s, before.duration_s)] * 2, axis=1), SOUND_RATE_HZ, out)
    assert note is not None and "encoded anew" in note
    after = probe(out)
    assert (after.frame_rate, after.variable_frame_rate) == (before.frame_rate, False)
    assert after.duration_s == pytest.approx(before.duration_s, abs=1e-6)
    assert (after.width, after.height, after.video_codec) == (160, 96, "h264")
    pairs = [list(iter_frames(path, 48)) for path in (clip, out)]
    assert [t for t, _ in pairs[1]] == pytest.approx([t for t, _ in pairs[0]], abs=0.001)
    assert [read_number(f) for _, f in pairs[1]] == pytest.approx([read_number(f) for _, f in pairs[0]], abs=2)
    check_sound(out, before.duration_s, hits_s)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "out.mp4"])


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "pixels"), [("libx264", "yuv420p"), ("prores", "yuv422p10le")])
def test_a_track_over_full_scale_is_counted_in_copies_and_encodes(tmp_path: Path, codec: str, pixels: str) -> None:
    clip = make_clip(tmp_path / "c.mov", codec=codec, count=12, pixels=pixels, sounds=[(0.0, make_clicks([0.2], 0.5))])
    track = np.zeros((24_000, 2), np.float32)
    track[1000:1010] = 1.5
    over: list[int] = []
    note = write_video(clip, track, SOUND_RATE_HZ, tmp_path / "o.mp4", on_over=over.append)
    assert over == [20] and ("encoded anew" in (note or "")) == (codec == "prores")
    mixed = OwnSound("mix", 0)
    write_video(clip, np.ones_like(track), SOUND_RATE_HZ, tmp_path / "m.mp4", own_sound=mixed, on_over=over.append)
    assert over[1] > 0


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_timecode_tags_and_stereo_are_kept(tmp_path: Path, ending: str) -> None:
    plain = make_clip(tmp_path / "plain.mov", timecode="10:00:00:00")
    clip, out = tmp_path / "tc.mov", tmp_path / f"out{ending}"
    run_ffmpeg("-i", plain, "-c", "copy", "-map", "0:v", "-metadata", "title=Reel 3", "-timecode", "10:00:00:00", clip)
    left, right = make_clicks([0.4], 2.0), make_clicks([1.2], 2.0)
    assert write_video(clip, np.stack([left, right], axis=1), SOUND_RATE_HZ, out) is None
    assert probe(out).start_timecode == "10:00:00:00"
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "Reel 3"
    raw = run_ffmpeg("-i", out, "-map", "0:a:0", "-f", "f32le", "-")
    stereo = np.frombuffer(raw, np.float32).reshape(-1, 2)
    for side, time_s in ((0, 0.4), (1, 1.2)):
        assert find_attacks(stereo[:, side], SOUND_RATE_HZ, [time_s]) == pytest.approx([time_s], abs=1e-3)


def test_bad_targets_and_abandoned_exports_leave_nothing(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", count=25)
    track = make_clicks([0.1], 1.0)
    content = clip.read_bytes()
    with pytest.raises(BadInput, match="clip itself"):
        write_video(clip, track, SOUND_RATE_HZ, clip)
    with pytest.raises(BadInput, match="no folder"):
        write_video(clip, track, SOUND_RATE_HZ, tmp_path / "missing" / "o.mp4")

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(clip, track, SOUND_RATE_HZ, tmp_path / "o.mp4", stop)
    assert [p.name for p in tmp_path.iterdir()] == ["c.mp4"] and clip.read_bytes() == content


# --- stems and markers ------------------------------------------------------------------------


def test_stems_have_names_of_their_own(tmp_path: Path) -> None:
    names = ["Glass", "glass", "a/b:c", "..", "CON"]
    paths, _ = write_stems(tmp_path / "stems", {name: np.full(8, 0.25, np.float32) for name in names}, 48_000)
    assert len({p.name.casefold() for p in paths}) == 5 and all(p.parent == tmp_path / "stems" for p in paths)
    assert all(soundfile.info(p).frames == 8 for p in paths)
    assert b"bext" in paths[0].read_bytes()
    with pytest.raises(BadInput, match="no sound"):
        write_stems(tmp_path / "none", {}, 48_000)


def test_markers_come_back_as_onsets(tmp_path: Path) -> None:
    rows = [Marker(1.25, -6.0, "h2", "Glas, gro\u00df"), Marker(0.5, -0.001, "h1", 'a "b"')]
    write_markers(tmp_path / "m.csv", rows)
    lines = (tmp_path / "m.csv").read_text("utf-8").splitlines()
    assert lines[0] == "time_s,velocity_db,name,sound" and lines[1].startswith("0.500000,0.00,h1")
    assert read_onsets(tmp_path / "m.csv", 2.0) == [(0.5, 0.0), (1.25, -6.0)]


def test_onsets_in_any_order_with_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    file.write_bytes("\ufeffnote, velocity_db ,time_s\r\nx,-3,2.0\r\n\r\ny,,0.25\r\n".encode())
    assert read_onsets(file, 2.0) == [(0.25, None), (2.0, -3.0)]
    file.write_bytes(b"time_s\r0.5\r1.5\r")
    assert read_onsets(file, 2.0) == [(0.5, None), (1.5, None)]
    file.write_text("time_s\n")
    assert read_onsets(file, 2.0) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("time_s\n0.1\n-0.5\n", "row 3: time_s -0.5 is negative"),
        ("time_s\nnan\n", "row 2: time_s nan is not finite"),
        ("time_s\n0.1\ninf\n", "row 3.*not finite"),
        ("time_s\n2.5\n", "row 2.*past the clip"),
        ("time_s\nsoon\n", "row 2.*not a number"),
        ("time_s,velocity_db\n0.1,loud\n", "row 2: velocity_db 'loud' is not a number"),
        ("time_s,velocity_db\n0.1,900\n", "row 2.*outside"),
        ("velocity_db,time_s\n3\n", "row 2.*not a number"),
        ("0.1\n0.2\n", "no column time_s"),
        ("", "no column time_s"),
    ],
)
def test_bad_onsets_name_the_row(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "o.csv").write_text(text)
    with pytest.raises(BadInput, match=reason):
        read_onsets(tmp_path / "o.csv", 2.0)


def test_a_file_of_onsets_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes(b"time_s\n\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        read_onsets(tmp_path / "o.csv", 2.0)
    with pytest.raises(BadInput, match="cannot be read"):
        read_onsets(tmp_path / "missing.csv", 2.0)


@pytest.mark.slow
def test_a_clip_replaced_by_another_of_its_name_is_not_muxed(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", count=10)
    digest, track = probe(clip).digest, np.zeros(19_200, np.float32)
    assert write_video(clip, track, 48_000, tmp_path / "out.mp4", digest=digest) is None
    state = clip.stat()
    clip.write_bytes(clip.read_bytes()[:-1] + b"?")  # as long and as old as the other
    os.utime(clip, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(BadInput, match=r"a\.mp4 is no longer the clip that the hits were made for; put"):
        write_video(clip, track, 48_000, tmp_path / "new.mp4", digest=digest)
    clip.unlink()
    with pytest.raises(BadInput, match=r"a\.mp4"):
        write_video(clip, track, 48_000, tmp_path / "new.mp4", digest=digest)
    assert not (tmp_path / "new.mp4").exists()
