"""Clips made of drawn frames and synthetic sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.core.units import SAMPLE_RATE_HZ
from engine.media.mux import add_sound, create_video, mux_in_order

_BLOCK = 1024


def write_clip(
    path: Path,
    frames: Iterable[np.ndarray],
    frame_rate: Fraction,
    sound: np.ndarray | None = None,
    options: Mapping[str, str] | None = None,
) -> None:
    """Write uint8 frames [H, W, 3] as H.264, and mono float32 sound at 48 kHz as AAC, both from 0 s, whole or not.

    ``options`` are those of libx264. Raises BadInput when the target cannot be written.
    """
    source = iter(frames)
    first = next(source)
    with create_video(path) as output:
        video = output.add_stream("libx264", rate=frame_rate, options=dict(options or {}))
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        sources = [_encode(video, chain([first], source), frame_rate)]
        if sound is not None:
            blocks = (sound[start : start + _BLOCK] for start in range(0, len(sound), _BLOCK))
            sources.append(add_sound(output, blocks, 1, SAMPLE_RATE_HZ))
        mux_in_order(output, sources, lambda time_s: None)


def _encode(
    video: VideoStream, frames: Iterable[np.ndarray], frame_rate: Fraction
) -> Iterator[tuple[float, list[Packet]]]:
    number = 0
    for number, image in enumerate(frames):
        frame = VideoFrame.from_ndarray(image, "rgb24")
        frame.pts, frame.time_base = number, 1 / frame_rate
        yield float(number / frame_rate), video.encode(frame)
    yield float(number / frame_rate), video.encode(None)
