"""What is no whole clip is refused with one true sentence; what players open is opened."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from engine.core.errors import BadInput
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import read_recording
from tests.clips import SOUND_RATE_HZ, draw_frame, make_clicks, make_clip

CLICKS_S = (0.3, 1.1, 1.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


def _cut_short(path: Path, source: Path, share: float) -> Path:
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "gif", "front.mp4"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_truncated_clips_are_refused(folder: Path, suffix: str, share: float) -> None:
    codec, pixels = ("gif", "gray") if suffix == "gif" else ("mpeg4", "yuv420p")
    options = {"movflags": "+faststart"} if suffix == "front.mp4" else {}
    whole = folder / f"whole.{suffix}"
    if not whole.exists():
        make_clip(whole, codec=codec, pixels=pixels, options=options)
    with pytest.raises(BadInput) as caught:
        probe(_cut_short(folder / f"cut{share}.{suffix}", whole, share))
    assert str(caught.value).count("\n") == 0


def _write_audio_only(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(make_clicks([0.1], 0.5)[None].copy(), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        output.mux([*stream.encode(frame), *stream.encode(None)])


def test_bad_clips_are_told_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello there\n" * 500)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mov").write_bytes(np.random.default_rng(1).bytes(50_000))
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{folder / 'plain.mp4'}'\n")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n")
    Image.fromarray(draw_frame(0)).save(tmp_path / "photo.png")
    (tmp_path / "photo.png").rename(tmp_path / "photo.mp4")
    Image.fromarray(draw_frame(0)).save(tmp_path / "still.gif")
    _write_audio_only(tmp_path / "sound.mp4")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(9600))
    (tmp_path / "folder.mp4").mkdir()
    reasons = {
        "text.mp4": "not a clip", "empty.mp4": "empty", "noise.mov": "not a clip", "list.mp4": "not a clip",
        "list.m3u8": "not a clip", "photo.mp4": "PNG picture", "still.gif": "still picture",
        "sound.mp4": "no moving picture",
        "sound.wav": "is a sound", "folder.mp4": "no file but a folder", "missing.mp4": "no such file",
    }  # fmt: skip
    for name, reason in reasons.items():
        with pytest.raises(BadInput, match=reason) as caught:
            probe(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "gif", "avi"])
def test_data_after_the_last_part_is_ignored(tmp_path: Path, suffix: str) -> None:
    codec, pixels = ("gif", "gray") if suffix == "gif" else ("mpeg4", "yuv420p")
    path = make_clip(tmp_path / f"j.{suffix}", count=20, codec=codec, pixels=pixels)
    path.write_bytes(path.read_bytes() + b"GPSDATA lat=0.0 lon=0.0 speed=0\r\n" * 40)
    assert len(list(iter_frames(path, 24))) == 20


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_an_unknown_riff_size_is_no_truncation(tmp_path: Path, size: int) -> None:
    path = make_clip(tmp_path / "live.avi", count=20, codec="mpeg4")
    path.write_bytes(b"RIFF" + size.to_bytes(4, "little") + path.read_bytes()[8:])
    assert len(list(iter_frames(path, 24))) == 20


def test_a_media_box_may_declare_more_than_there_is(tmp_path: Path) -> None:
    """Every sample that the index lists is there, so every player shows all."""
    path = make_clip(tmp_path / "over.mp4", count=20, options={"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") - 4
    data[at : at + 4] = b"\xff\xff\xff\xf0"
    path.write_bytes(data)
    assert len(list(iter_frames(path, 24))) == 20


def test_a_fragmented_clip_that_was_cut_off_keeps_its_whole_fragments(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = make_clip(tmp_path / "live.mp4", options=options, keyframe_every=10)
    data = path.read_bytes()
    starts = [at for at in range(len(data)) if data[at : at + 4] == b"moof"]
    counts = []
    for cut in (-60, 4, 40, data.index(b"mdat", starts[3]) + 20 - starts[3]):  # in data, in a header, in data again
        path.write_bytes(data[: starts[3] + cut])
        times_s = [time_s for time_s, _ in iter_frames(path, 24)]
        assert times_s == pytest.approx([k / 25 for k in range(len(times_s))], abs=1e-3)
        counts.append(len(times_s))
    assert 10 <= counts[0] < counts[1] == counts[2] == counts[3] < 50
    path.write_bytes(data[: starts[0] + 40])
    with pytest.raises(BadInput):
        probe(path)


def test_an_encrypted_clip_is_refused_as_such(tmp_path: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
           "encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}  # fmt: skip
    path = make_clip(tmp_path / "drm.mp4", sounds=[(0.0, make_clicks([0.3], 2.0))], options=key)
    for read in (probe, read_recording):
        with pytest.raises(BadInput, match=r"drm\.mp4 is encrypted \(picture and sound\)"):
            read(path)


def test_pictures_and_sounds_are_named_for_what_they_are(tmp_path: Path) -> None:
    sound = make_clicks([0.1], 0.5)
    soundfile.write(tmp_path / "a.flac", sound, SOUND_RATE_HZ)
    soundfile.write(tmp_path / "a.mp3", sound, SOUND_RATE_HZ)
    cover = io.BytesIO()
    Image.fromarray(draw_frame(0)).save(cover, "JPEG")
    frame = b"\0image/jpeg\0\x03\0" + cover.getvalue()
    tag = b"APIC" + len(frame).to_bytes(4, "big") + b"\0\0" + frame
    length = bytes(len(tag) >> shift & 127 for shift in (21, 14, 7, 0))
    (tmp_path / "cover.mp3").write_bytes(b"ID3\x03\0\0" + length + tag + (tmp_path / "a.mp3").read_bytes())
    Image.fromarray(draw_frame(0)).save(tmp_path / "a.jpg")
    Image.fromarray(draw_frame(0)).save(tmp_path / "a.webp")
    for name, reason in {"a.flac": "is a sound", "a.mp3": "is a sound", "cover.mp3": "is a sound",
                         "a.jpg": "is a JPEG picture", "a.webp": "is a WebP picture"}.items():  # fmt: skip
        with pytest.raises(BadInput, match=f"{name} {reason}, not a clip; give a video"):
            probe(tmp_path / name)


def _make_endless(kind: str) -> bytes:
    """A file of 200 000 empty parts: what every reader of its kind walks through."""
    count = 200_000
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 48_000, 96_000, 2, 16)
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom")
    free = struct.pack(">I4s", 8, b"free")
    return {
        "wav": b"RIFF" + struct.pack("<I", 8 * count) + b"WAVE" + form + b"JUNK\0\0\0\0" * count,
        "aiff": b"FORM" + struct.pack(">I", 8 * count) + b"AIFF" + b"ANNO\0\0\0\0" * count,
        "mp3": b"ID3\4\0\0\0\0\0\0" * count,
        "mp4": head + free * count,
        "mov": head + struct.pack(">I4s", 8 + 8 * count, b"moov") + free * count,
    }[kind]


@pytest.mark.parametrize("kind", ["wav", "aiff", "mp3", "mp4", "mov"])
def test_a_file_of_empty_parts_without_end_is_refused_after_a_few(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(_make_endless(kind))
    for read in (read_recording, probe):
        with pytest.raises(BadInput, match="more than 10000 empty parts; export it again"):
            read(path)


def test_silence_of_unknown_length_is_no_file_of_empty_parts(tmp_path: Path) -> None:
    """Zeros after a data chunk of size 0 would be chunks without a name."""
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 48_000, 96_000, 2, 16)
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + form + b"data\0\0\0\0" + bytes(400_000))
    assert len(read_recording(path)[0]) == 200_000
