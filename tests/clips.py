"""Small clips made for tests: frames that tell their number, clicks at known times."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

SOUND_RATE_HZ = 48_000


def draw_frame(number: int, width: int = 160, height: int = 96) -> np.ndarray:
    """Grey grows with the number; the top left quarter is white, the bottom left one black."""
    frame = np.full((height, width, 3), 40 + 2 * number % 200, np.uint8)
    frame[: height // 2, : width // 2] = 235
    frame[height // 2 :, : width // 2] = 16
    return frame


def read_number(frame: np.ndarray) -> int:
    """Number of a decoded frame drawn by ``draw_frame``, from its right half."""
    grey = frame if frame.ndim == 2 else frame.mean(axis=2)
    return round((float(grey[:, -grey.shape[1] // 4 :].mean()) - 40.0) / 2.0)


def make_clicks(times_s: Sequence[float], duration_s: float, rate_hz: int = SOUND_RATE_HZ) -> np.ndarray:
    """Decaying bursts, mono float32: smooth enough for a lossy code, sharp enough to time."""
    sound = np.zeros(round(duration_s * rate_hz), np.float32)
    for time_s in times_s:
        start = round(time_s * rate_hz)
        t = np.arange(min(4000, len(sound) - start)) / rate_hz
        sound[start : start + len(t)] += (0.5 * np.exp(-60 * t) * np.sin(2 * np.pi * 1500 * t)).astype(np.float32)
    return sound


def make_clicking_clip(path: Path, times_s: Sequence[float] = (0.5, 1.2), duration_s: float = 2.0) -> Path:
    """A clip at 25 frames a second whose sound is a click at each time."""
    return make_clip(path, count=round(25 * duration_s), sounds=[(0.0, make_clicks(times_s, duration_s))])


def make_clip(
    path: Path,
    rate: Fraction = Fraction(25),
    count: int = 50,
    size: tuple[int, int] = (160, 96),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rotation_deg: int = 0,
    times_s: Sequence[float] | None = None,
    picture_start_s: float = 0.0,
    sounds: Sequence[tuple[float, np.ndarray]] = (),
    sound_codec: str = "aac",
    sound_rate_hz: int = SOUND_RATE_HZ,
    timecode: str | None = None,
    options: dict[str, str] | None = None,
    keyframe_every: int | None = None,
) -> Path:
    """Write a clip; ``sounds`` are (start_s, mono float32) tracks, ``rotation_deg`` turns counter-clockwise."""
    with av.open(str(path), "w", options=options or {}) as output:
        video = output.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = size[0], size[1], pixels
        tick = Fraction(1, 90_000) if times_s is not None or picture_start_s else 1 / rate
        video.codec_context.time_base = tick
        if keyframe_every:
            video.codec_context.gop_size = keyframe_every
        if codec != "libx264":
            video.bit_rate = 4_000_000
        if rotation_deg:
            video.set_display_rotation(rotation_deg)
        if timecode:
            video.metadata["timecode"] = timecode
        tracks = [output.add_stream(sound_codec, rate=sound_rate_hz, layout="mono") for _ in sounds]
        for number in range(count):
            frame = VideoFrame.from_ndarray(draw_frame(number, *size), "rgb24")
            time_s = picture_start_s + (times_s[number] if times_s is not None else float(number / rate))
            frame.pts, frame.time_base = round(time_s / float(tick)), tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for stream, (start_s, samples) in zip(tracks, sounds, strict=True):
            sound = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
            sound.sample_rate, sound.time_base = sound_rate_hz, Fraction(1, sound_rate_hz)
            sound.pts = round(start_s * sound_rate_hz)
            output.mux(stream.encode(sound))
            output.mux(stream.encode(None))
    return path


def run_ffmpeg(*args: str | Path) -> bytes:
    """Standard output of the FFmpeg program that MoviePy brings along."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, args)]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def find_attacks(sound: np.ndarray, rate_hz: int, times_s: Sequence[float]) -> list[float]:
    """Where each of the clicks of ``make_clicks`` lies, by correlation with one of them."""
    click = make_clicks([0.0], 0.05, rate_hz)
    found = []
    for time_s in times_s:
        start = max(0, round((time_s - 0.2) * rate_hz))
        piece = sound[start : start + round(0.45 * rate_hz)]
        found.append((start + int(np.argmax(np.correlate(piece, click, "valid")))) / rate_hz)
    return found
