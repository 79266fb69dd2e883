"""The clip that benchmarks run on: a textured ball falls and stops at each hit, with the sounds of presets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Sound
from engine.physics.model import Physics
from engine.physics.presets import Preset, load_presets

HITS, S_A_HIT = 20, 0.5
DURATION_S = HITS * S_A_HIT
FRAME_RATE = 25
WIDTH, HEIGHT = 1280, 720
LONG, SHORT = "glass", "wood"
MATERIALS = (LONG, SHORT, "ceramic", "drywall", "cloth")


def choose_presets() -> list[Preset]:
    """Presets of five materials, from one that rings long to one that hardly rings."""
    first = {preset.material: preset for preset in reversed(load_presets())}
    return [first[material] for material in MATERIALS]


def choose_sounds() -> list[Sound]:
    """The presets as sounds of a document."""
    from engine.pipeline.sound_sources import sound_from_preset

    return [sound_from_preset(preset, material) for preset, material in zip(choose_presets(), MATERIALS, strict=True)]


def make_clip(path: Path, hits: int = HITS) -> list[float]:
    """Film a textured ball that falls and stops at each hit, with the sounds of presets; returns the hits' times.

    It takes half a second for each hit, of which there are at most HITS.
    """
    from engine.lab.data.clip_writer import write_clip

    rng = np.random.default_rng(20)
    times_s = [0.3 + 0.48 * k + float(rng.uniform(0.0, 0.1)) for k in range(hits)]
    grain = rng.integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    backdrops = [grain + rng.integers(0, 8, grain.shape, dtype=np.uint8) for _ in range(4)]  # a camera's own noise
    ball = rng.integers(120, 250, (160, 160, 3), dtype=np.uint8)

    def draw_frames() -> Iterator[np.ndarray]:
        for number in range(round(hits * S_A_HIT * FRAME_RATE)):
            frame = backdrops[number % 4].copy()
            top, left = place_ball(number / FRAME_RATE, times_s)
            frame[top : top + 160, left : left + 160] = ball
            yield frame

    encoding = {"preset": "ultrafast", "crf": "26"}
    write_clip(path, draw_frames(), Fraction(FRAME_RATE), make_sound(times_s, hits * S_A_HIT), encoding)
    return times_s


def repeat_clip(clip: Path, path: Path, times: int) -> float:
    """The same film and sound so many times over, as one clip, without encoding anew; returns seconds of each time."""
    with av.open(str(clip)) as source:
        spans = [(p.dts * p.time_base, (p.dts + (p.duration or 0)) * p.time_base) for p in source.demux() if p.dts]
    length_s = float(max(end for _, end in spans) - min(begin for begin, _ in spans))
    with av.open(str(path), "w") as output:
        streams: list[Any] = []
        for turn in range(times):
            with av.open(str(clip)) as source:
                streams = streams or [output.add_stream_from_template(stream) for stream in source.streams]
                for packet in source.demux():
                    if packet.dts is not None and packet.pts is not None:
                        ticks = round(turn * length_s / float(packet.time_base))
                        packet.dts, packet.pts = packet.dts + ticks, packet.pts + ticks
                        packet.stream = streams[packet.stream_index]
                        output.mux(packet)
    return length_s


def place_ball(time_s: float, times_s: Sequence[float]) -> tuple[int, int]:
    """Top left corner of the ball: down fast into each hit, up slowly after it."""
    until_s = min((t - time_s for t in times_s if t >= time_s), default=1.0)
    since_s = min((time_s - t for t in times_s if t < time_s), default=1.0)
    lift = min(1.0, max(0.0, until_s) / 0.12) if until_s < 0.12 else min(1.0, since_s / 0.3)
    return round(500 - 300 * lift), round(WIDTH * (0.1 + 0.06 * time_s))


def make_sound(times_s: Sequence[float], duration_s: float = DURATION_S) -> np.ndarray:
    """The clip's own sound: presets struck at the hits, mono float32."""
    from engine.physics.synthesis import synthesize

    track = np.zeros(round(duration_s * SAMPLE_RATE_HZ), np.float32)
    strikes = [synthesize(Physics(s.modes, s.residual), seed=k) for k, s in enumerate(choose_sounds())]
    for number, time_s in enumerate(times_s):
        start = round(time_s * SAMPLE_RATE_HZ)
        strike = strikes[number % len(strikes)][: len(track) - start]
        track[start : start + len(strike)] += 0.3 * strike
    return track
