"""Clips of textured shots, and projects on them, to be cut anew."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from engine.document.project import Clip, Hit, Project, Sound
from engine.document.source import Source
from engine.physics.model import Modes, Residual

RATE = Fraction(30000, 1001)


def draw_shot(number: int, count: int) -> list[np.ndarray]:
    """Frames [72, 128, 3] of a textured scene in which something moves."""
    rng = np.random.default_rng(number)
    scene = np.kron(rng.integers(30, 200, (9, 16)), np.ones((8, 8))).astype(np.uint8)
    frames = []
    for k in range(count):
        frame = scene.copy()
        left = (7 * number + 3 * k) % 100
        frame[24:48, left : left + 24] = 255
        frames.append(np.repeat(frame[:, :, None], 3, axis=2))
    return frames


def write_clip(path: Path, frames: list[np.ndarray], codec: str = "libx264", bit_rate: int = 2_000_000) -> Path:
    with av.open(str(path), "w") as output:
        video = output.add_stream(codec, rate=RATE)
        video.height, video.width, video.pix_fmt, video.bit_rate = *frames[0].shape[:2], "yuv420p", bit_rate
        for frame in frames:
            output.mux(video.encode(VideoFrame.from_ndarray(frame, "rgb24")))
        output.mux(video.encode(None))
    return path


def make_project(clip: Clip, frames: list[float]) -> Project:
    sounds = (Sound("s1", "Bowl", Modes(), Residual((0.0, 24000.0), (-40.0,), (60.0,)), Source("clip", 0.5)),)
    times_s = [float(frame / RATE) for frame in frames]
    hits = tuple(Hit(f"h{k}", s, "s1", k, found_s=s, name=f"hit {k}") for k, s in enumerate(times_s, 1))
    return Project(clip, sounds, hits)
