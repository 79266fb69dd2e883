"""Frames at the times at which they were written, and filmstrips of them."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadInput
from engine.media.frames import iter_frames, make_filmstrip
from engine.media.probe import probe
from engine.media.sound import read_clip_audio
from tests.clips import SOUND_RATE_HZ, make_clicks, make_clip, read_number

CLICKS_S = (0.3, 1.1, 1.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("a.mp4", "libx264", "yuv420p"), ("a.avi", "mpeg4", "yuv420p"), ("b.avi", "libx264", "yuv420p"),
     ("a.webm", "libvpx", "yuv420p"), ("a.gif", "gif", "gray"), ("a.mkv", "libx264", "yuv420p")],
)  # fmt: skip
def test_every_frame_comes_at_its_time(folder: Path, name: str, codec: str, pixels: str) -> None:
    path = make_clip(folder / f"times_{name}", count=40, codec=codec, pixels=pixels)
    frames = list(iter_frames(path, 48))
    assert [read_number(frame) for _, frame in frames] == pytest.approx(list(range(40)), abs=1)
    assert [time_s for time_s, _ in frames] == pytest.approx([k / 25 for k in range(40)], abs=1e-3)
    assert frames[0][1].shape == (48, 80) and frames[0][1].dtype == np.uint8
    assert probe(path).frame_rate == 25


def test_frames_of_a_span_and_in_colour(plain: Path) -> None:
    frames = list(iter_frames(plain, 96, start_s=1.2, end_s=1.6, gray=False))
    assert [round(time_s * 25) for time_s, _ in frames] == list(range(30, 40))
    assert frames[0][1].shape == (96, 160, 3)
    assert read_number(frames[0][1]) == pytest.approx(30, abs=1)


def test_filmstrip_shows_the_frame_at_each_time(folder: Path, plain: Path) -> None:
    times_s = [0.0, 0.41, 1.0, 1.99, 0.81]
    strip = np.asarray(Image.open(io.BytesIO(make_filmstrip(plain, times_s, 48))))
    assert strip.shape == (48, 5 * 80, 3)
    numbers = [read_number(strip[:, k * 80 : (k + 1) * 80]) for k in range(5)]
    assert numbers == pytest.approx([0, 10, 25, 49, 20], abs=1)
    keyed = make_clip(folder / "keys.mp4", rate=Fraction(25), count=100, keyframe_every=10)
    strip = np.asarray(Image.open(io.BytesIO(make_filmstrip(keyed, [0.5, 1.5, 2.5, 3.5], 48))))
    numbers = [read_number(strip[:, k * 80 : (k + 1) * 80]) for k in range(4)]
    assert numbers == pytest.approx([12, 37, 62, 87], abs=6)
    with pytest.raises(BadInput, match="filmstrip"):
        make_filmstrip(plain, [], 48)


def test_a_filmstrip_that_is_too_wide_is_refused_before_any_frame_is_scaled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles of a picture of 8000 by 2 are as wide as thousands of others, and 240 of them took gigabytes."""
    wide = make_clip(folder / "wide.mkv", count=3, size=(8000, 2), codec="ffv1")
    monkeypatch.setattr("engine.media.frames.FrameScaler.__call__", lambda *_: pytest.fail("a frame was scaled"))
    with pytest.raises(BadInput, match="too wide"):
        make_filmstrip(wide, [0.02 * k for k in range(5)], 90)


def test_damage_in_the_middle_is_passed_over(folder: Path, plain: Path) -> None:
    data = bytearray(plain.read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 60] = bytes(60)
    (folder / "damaged.mp4").write_bytes(data)
    frames = list(iter_frames(folder / "damaged.mp4", 24))
    assert len(frames) > 5
    assert len(read_clip_audio(folder / "damaged.mp4", SOUND_RATE_HZ)) == 96_000
