"""Clips described: frame rates, turns, timecodes and lengths as they were written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.media.frames import iter_frames
from engine.media.open import digest_file
from engine.media.probe import probe
from tests.clips import make_clicks, make_clip

CLICKS_S = (0.3, 1.1, 1.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


def test_a_clip_is_described(plain: Path) -> None:
    info = probe(plain)
    assert (info.width, info.height, info.rotation_deg) == (160, 96, 0)
    assert (info.duration_s, info.frame_rate, info.variable_frame_rate) == (2.0, Fraction(25), False)
    assert info.has_audio and [track.codec for track in info.audio_tracks] == ["aac"] and info.video_codec == "h264"
    assert info.browser_playable and info.picture_offset_s == 0.0 and info.start_timecode is None
    assert info.digest == digest_file(plain) and len(info.digest) == 64


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), Fraction(60)])
def test_frame_rates_are_exact_in_every_container(folder: Path, suffix: str, rate: Fraction) -> None:
    info = probe(make_clip(folder / f"rate{rate.numerator}.{suffix}", rate=rate, count=60))
    assert info.frame_rate == rate and not info.variable_frame_rate
    assert info.duration_s == pytest.approx(float(60 / rate), abs=1e-9)
    assert info.browser_playable == (suffix in ("mp4", "mov"))


def test_variable_frame_rate_keeps_times_and_says_so(folder: Path) -> None:
    times_s = np.cumsum([0.0] + [0.02 if k % 3 else 0.07 for k in range(39)])
    path = make_clip(folder / "vfr.mp4", count=40, times_s=list(times_s))
    info = probe(path)
    assert info.variable_frame_rate
    assert float(info.frame_rate) == pytest.approx(39 / times_s[-1], rel=1e-3)
    assert [t for t, _ in iter_frames(path, 24)] == pytest.approx(list(times_s), abs=2e-5)
    assert info.duration_s == pytest.approx(times_s[-1] + 0.02, abs=0.06)


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001), Fraction(25)])
@pytest.mark.parametrize("missing", [[118], [40, 41, 90]])
def test_missing_frames_do_not_change_the_rate_that_timecode_counts_by(
    folder: Path, rate: Fraction, missing: list[int]
) -> None:
    """A lossless cut leaves a gap before its last frame; a camera drops some."""
    times_s = [float(k / rate) for k in range(120) if k not in missing]
    path = make_clip(folder / f"gap{rate.numerator}_{len(missing)}.mov", count=len(times_s), times_s=times_s)
    info = probe(path)
    assert info.frame_rate == rate and info.variable_frame_rate
    assert info.duration_s == pytest.approx(float(120 / rate), abs=1e-3)
    assert [time_s for time_s, _ in iter_frames(path, 24)] == pytest.approx(times_s, abs=2e-4)


@pytest.mark.parametrize(("turn", "white"), [(90, (1, 0)), (180, (1, 1)), (270, (0, 1)), (0, (0, 0))])
def test_rotation_flags_turn_the_picture(folder: Path, turn: int, white: tuple[int, int]) -> None:
    """The white quarter lies top left as stored; counter-clockwise turns carry it round the corners."""
    path = make_clip(folder / f"turn{turn}.mp4", count=5, rotation_deg=turn)
    info = probe(path)
    assert (info.width, info.height) == ((96, 160) if turn % 180 else (160, 96))
    assert info.rotation_deg == -turn % 360
    _, frame = next(iter_frames(path, 80))
    h, w = frame.shape
    assert (h, w) == ((80, 48) if turn % 180 else (80, 133))
    quarters = np.array([[half.mean() for half in np.array_split(row, 2, axis=1)] for row in np.array_split(frame, 2)])
    assert np.unravel_index(np.argmax(quarters), (2, 2)) == white


def test_timecode_is_read(folder: Path) -> None:
    path = make_clip(folder / "tc.mov", timecode="01:00:10:12")
    assert probe(path).start_timecode == "01:00:10:12"


def test_a_track_without_frames_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "none.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        output.start_encoding()
    with pytest.raises(BadInput):
        probe(tmp_path / "none.mkv")


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "c.mp4", count=10)
    first = probe(path)
    make_clip(path, count=20)
    assert probe(path).duration_s == 0.8 and probe(path).digest != first.digest


def test_a_clip_most_of_whose_frames_have_one_time_has_their_mean_rate(folder: Path) -> None:
    times_s = [0.0001 * k for k in range(9)] + [0.5, 1.1, 1.9]  # Matroska counts milliseconds
    info = probe(make_clip(folder / "heaped.mkv", count=len(times_s), times_s=times_s))
    assert info.variable_frame_rate and float(info.frame_rate) == pytest.approx(11 / 1.9, rel=1e-2)
