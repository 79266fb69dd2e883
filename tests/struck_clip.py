"""A clip of a bell and a crate struck at known times and levels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize

RATE = 48_000
BELL = Modes((620.0, 1490.0, 3105.0), (-14.0, -20.0, -24.0), (9.0, 14.0, 20.0), (0.0, 0.5, 1.0), (False,) * 3)
BURST = Residual((40.0, 400.0, 1500.0, 4000.0, 20000.0), (-50.0, -30.0, -26.0, -24.0), (45.0, 60.0, 70.0, 90.0))
STRIKES = [(0.6, "bell", 0.0), (1.3, "burst", 0.0), (2.0, "bell", -8.0), (2.7, "burst", -5.0), (3.4, "bell", -3.0)]


def write_clip(path: Path, duration_s: float, sound: np.ndarray | None) -> Path:
    """A small film at 25 frames a second, with sound in PCM if any."""
    with av.open(str(path), "w") as out:
        picture = out.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        audio = None
        if sound is not None:
            audio = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for k in range(round(duration_s * 25)):
            image = np.full((64, 96, 3), 40, np.uint8)
            image[20:40, (k * 2) % 80 : (k * 2) % 80 + 10] = 220
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            out.mux(picture.encode(frame))
        out.mux(picture.encode())
        if audio is not None and sound is not None:
            data = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
            for start in range(0, len(data), 4800):
                block = av.AudioFrame.from_ndarray(data[None, start : start + 4800], format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                out.mux(audio.encode(block))
            out.mux(audio.encode())
    return path


def make_sound(duration_s: float = 4.0) -> np.ndarray:
    track = 1e-5 * np.random.default_rng(0).standard_normal(round(duration_s * RATE))
    for k, (time_s, what, level_db) in enumerate(STRIKES):
        physics = Physics(BELL) if what == "bell" else Physics(Modes(), BURST)
        strike = 10 ** (level_db / 20) * synthesize(physics, 0.6, seed=k)
        start = round(time_s * RATE)
        track[start : start + len(strike)] += strike
    return track.astype(np.float32)
