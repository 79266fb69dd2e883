"""The picture that moves and the sound track that is meant are chosen among several."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame

from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.proxy import make_proxy
from engine.media.sound import read_clip_audio
from tests.clips import SOUND_RATE_HZ, draw_frame, find_attacks, make_clicks

Picture = tuple[str, int, int, int, Disposition]  # code, frames a second, frames, width, disposition
DEFAULT, NONE = Disposition.default, Disposition(0)


def _make(path: Path, pictures: list[Picture], sounds: list[tuple[float, Disposition]]) -> Path:
    """A clip of several pictures and of sounds with one click each."""
    with av.open(str(path), "w") as output:
        packets = []
        streams = []
        for codec, rate, _, width, disposition in pictures:
            video = output.add_stream(codec, rate=rate)
            video.width, video.height = width, width * 3 // 4
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.disposition = disposition
            streams.append(video)
        for number, (_, disposition) in enumerate(sounds):
            audio = output.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
            audio.disposition, audio.metadata["language"] = disposition, ("eng", "deu", "fra")[number]
            streams.append(audio)
        for video, (_, rate, count, width, _) in zip(streams, pictures, strict=False):
            for number in range(count):
                frame = VideoFrame.from_ndarray(draw_frame(number, width, width * 3 // 4), "rgb24")
                frame.pts, frame.time_base = number, Fraction(1, rate)
                packets += video.encode(frame)
            packets += video.encode(None)
        for audio, (time_s, _) in zip(streams[len(pictures) :], sounds, strict=True):
            frame = AudioFrame.from_ndarray(make_clicks([time_s], 2.0)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, 0, Fraction(1, SOUND_RATE_HZ)
            packets += [*audio.encode(frame), *audio.encode(None)]
        for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
            output.mux(packet)
    return path


MOVING: Picture = ("mpeg4", 25, 50, 160, NONE)


@pytest.mark.parametrize(
    "other",
    [("mjpeg", 1, 1, 320, DEFAULT), ("mjpeg", 1, 2, 320, DEFAULT), ("mpeg4", 5, 10, 640, DEFAULT),
     ("mpeg4", 25, 50, 80, DEFAULT)],
    ids=["still", "slides", "low rate", "small"],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_moving_picture_is_shown(tmp_path: Path, other: Picture, first: bool, suffix: str) -> None:
    path = _make(tmp_path / f"two.{suffix}", [other, MOVING] if first else [MOVING, other], [])
    info = probe(path)
    assert (info.width, info.duration_s, info.frame_rate) == (160, 2.0, 25)
    assert len(list(iter_frames(path, 24))) == 50


def test_of_two_moving_pictures_the_default_one_is_shown(tmp_path: Path) -> None:
    path = _make(tmp_path / "two.mkv", [("mpeg4", 25, 50, 240, NONE), ("mpeg4", 25, 50, 160, DEFAULT)], [])
    assert probe(path).width == 160


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize("default", [0, 1, 2])
def test_the_default_track_is_read_and_all_are_listed(tmp_path: Path, suffix: str, default: int) -> None:
    times_s = (0.3, 0.8, 1.4)
    sounds = [(time_s, DEFAULT if number == default else NONE) for number, time_s in enumerate(times_s)]
    path = _make(tmp_path / f"tracks.{suffix}", [MOVING], sounds)
    info = probe(path)
    assert [track.language for track in info.audio_tracks] == ["eng", "deu", "fra"]
    assert info.default_track == default and not info.browser_playable
    assert [track.is_default for track in info.audio_tracks] == [number == default for number in range(3)]
    for track, time_s in ((None, times_s[default]), *enumerate(times_s)):
        sound = read_clip_audio(path, SOUND_RATE_HZ, track=track)
        assert find_attacks(sound, SOUND_RATE_HZ, [time_s]) == pytest.approx([time_s], abs=1e-3)


def test_a_proxy_has_the_chosen_track_alone(tmp_path: Path) -> None:
    path = _make(tmp_path / "tracks.mp4", [MOVING], [(0.3, DEFAULT), (1.4, NONE)])
    for track, time_s in ((None, 0.3), (1, 1.4)):
        info = make_proxy(path, tmp_path / f"proxy{track}.mp4", track=track)
        assert info.browser_playable and len(info.audio_tracks) == 1
        sound = read_clip_audio(info.path, SOUND_RATE_HZ)
        assert np.abs(sound).max() > 0.2
        assert find_attacks(sound, SOUND_RATE_HZ, [time_s]) == pytest.approx([time_s], abs=1e-3)
