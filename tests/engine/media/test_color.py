"""HDR is shown at the levels that the standards give, or passed on with its tags."""

from __future__ import annotations

import re
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from av.video.frame import VideoFrame

from engine.media.color import tone_map
from engine.media.export.video import write_video
from engine.media.frames import iter_frames
from engine.media.probe import scan_picture
from engine.media.proxy import make_proxy
from tests.clips import make_clip

PQ, HLG, SDR = (9, 16, 9), (9, 18, 9), (1, 1, 1)
"""Primaries, transfer and matrix by their numbers in ITU-T H.273."""


def _show(signal: float, transfer: int) -> np.ndarray:
    return tone_map(np.full((1, 1, 3), round(signal * 65_535), np.uint16), transfer, 9)[0, 0]


# ITU-R BT.2408, table 1: nominal signal levels in PQ and HLG of 26 (18 % grey), 162 and 203 cd/m2 (diffuse white).
@pytest.mark.parametrize(
    ("pq", "hlg", "lowest", "highest"), [(0.38, 0.38, 85, 115), (0.56, 0.71, 205, 240), (0.58, 0.75, 215, 248)]
)
def test_pq_and_hlg_of_one_luminance_look_alike(pq: float, hlg: float, lowest: int, highest: int) -> None:
    for shown in (_show(pq, 16), _show(hlg, 18)):
        assert np.ptp(shown) <= 1 and lowest <= shown[0] <= highest
    assert abs(int(_show(pq, 16)[0]) - int(_show(hlg, 18)[0])) <= 8


@pytest.mark.parametrize("transfer", [16, 18])
def test_brighter_is_never_darker_and_highlights_differ(transfer: int) -> None:
    levels = [int(_show(signal, transfer)[0]) for signal in np.linspace(0.0, 1.0, 200)]
    assert levels == sorted(levels) and levels[0] == 0 and levels[-1] >= 254
    assert len({*levels[-100:]}) > 20


def test_a_wide_gamut_keeps_ordinary_colours() -> None:
    """BT.709's primaries lie at these values in BT.2020 (ITU-R BT.2087, table 2, linear)."""
    for column, place in ((0, [0.6274, 0.0691, 0.0164]), (1, [0.3293, 0.9195, 0.0880]), (2, [0.0433, 0.0114, 0.8956])):
        signal = np.array(place) ** (1 / 2.2)
        shown = tone_map(np.rint(signal * 65_535).astype(np.uint16)[None, None], 14, 9)[0, 0]
        assert shown[column] >= 253 and np.delete(shown, column).max() <= 12


def _write_flat(
    path: Path, codec: str, tags: tuple[int, int, int], luma: int, pixels: str, options: dict[str, str] | None = None
) -> Path:
    """A second of one grey, with its colours tagged."""
    with av.open(str(path), "w") as output:
        video = output.add_stream(codec, rate=10, options=options or {})
        video.width, video.height, video.pix_fmt = 128, 96, pixels
        context = video.codec_context
        context.color_primaries, context.color_trc, context.colorspace = tags
        for number in range(10):
            frame = VideoFrame(128, 96, pixels)
            frame.color_primaries, frame.color_trc, frame.colorspace = tags
            for plane, value in zip(frame.planes, (luma, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def _read_tags(path: Path) -> tuple[int, int, int]:
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        return context.color_primaries, context.color_trc, context.colorspace


@pytest.mark.slow
@pytest.mark.parametrize(("tags", "luma"), [(PQ, 572), (HLG, 721)], ids=["PQ", "HLG"])
def test_what_is_shown_or_encoded_anew_is_tone_mapped(tmp_path: Path, tags: tuple[int, int, int], luma: int) -> None:
    """Diffuse white: 58 % and 75 % of the signal, in the 10-bit limited range."""
    path = _write_flat(tmp_path / "white.mov", "prores_ks", tags, luma, "yuv422p10le")
    assert "encoded anew" in (write_video(path, np.zeros(4800, np.float32), 48_000, tmp_path / "export.mp4") or "")
    make_proxy(path, tmp_path / "proxy.mp4")
    for shown in (path, tmp_path / "export.mp4", tmp_path / "proxy.mp4"):
        _, frame = next(iter_frames(shown, 48, gray=False))
        assert 215 <= frame.mean() <= 248 and np.ptp(frame) <= 4, shown.name
    assert _read_tags(tmp_path / "export.mp4") == _read_tags(tmp_path / "proxy.mp4") == SDR


@pytest.mark.slow
def test_a_copied_picture_keeps_the_tags_of_hdr10(tmp_path: Path) -> None:
    """Colour in the container's own words; mastering display and light levels as the FFmpeg program reads them."""
    mastering = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    options = {"x265-params": f"hdr10=1:repeat-headers=1:log-level=none:{mastering}"}
    path = _write_flat(tmp_path / "white.mp4", "libx265", PQ, 572, "yuv420p10le", options)
    shown = _describe_hdr(path)
    assert len(shown) == 2 and "max_luminance=1000.000000" in shown[0] and "MaxCLL=1000, MaxFALL=400" in shown[1]
    words = {
        "mp4": [b"colrnclx" + bytes([0, 9, 0, 16, 0, 9])],
        "mov": [b"colrnclc" + bytes([0, 9, 0, 16, 0, 9])],
        "mkv": [b"\x55\xbb\x81\x09", b"\x55\xba\x81\x10", b"\x55\xb1\x81\x09"],
    }
    for ending, tags in words.items():
        copy = tmp_path / f"export.{ending}"
        assert write_video(path, np.zeros(4800, np.float32), 48_000, copy) is None
        assert _read_tags(copy) == PQ and _describe_hdr(copy) == shown, ending
        assert all(tag in copy.read_bytes() for tag in tags), ending


def _describe_hdr(path: Path) -> list[str]:
    """What FFmpeg says of the first frame's mastering display and content light level."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path), "-frames:v", "1", "-vf", "showinfo"]
    said = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, timeout=60, check=True).stderr
    found = re.findall(r"side data - (Mastering display metadata|Content light level)[^:]*: (.*)", said, re.IGNORECASE)
    return sorted({" ".join(words) for words in found}, reverse=True)


@pytest.mark.slow
def test_the_configuration_of_dolby_vision_is_passed_on(tmp_path: Path) -> None:
    """Without it a picture of profile 5 is taken for ordinary video, and shown in false colours."""
    clip = make_clip(tmp_path / "hdr.mp4", count=10, codec="libx265")
    data = bytearray(clip.read_bytes())
    box = struct.pack(">I4sBBHB", 32, b"dvcC", 1, 0, 5 << 9 | 1 << 3 | 0b101, 0) + bytes(19)
    ends = data.index(b"hvc" if b"hvc1" in data else b"hev1") - 4
    places = [data.index(kind) - 4 for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")] + [ends]
    ends += int.from_bytes(data[ends : ends + 4], "big")
    data[ends:ends] = box
    for at in places:  # the media data comes before, so no offset changes
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(box)).to_bytes(4, "big")
    clip.write_bytes(data)
    for written, source in (("o.mp4", clip), ("o.mov", clip), ("again.mp4", tmp_path / "o.mov")):
        assert write_video(source, np.zeros(9600, np.float32), 48_000, tmp_path / written) is None
        assert box in (tmp_path / written).read_bytes(), written
        assert scan_picture(tmp_path / written).frame_count == 10
