"""Write a film of drawn frames with a sound, both from 0 s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from engine.media.mux import add_sound, create_video, mux_in_order

_BT709 = 1  # ITU-T H.273
_BLOCK = 1 << 14


def write_drawn(
    path: Path,
    frames: Iterable[np.ndarray],
    size: tuple[int, int],
    frame_rate: Fraction,
    sound: np.ndarray,
    rate_hz: int,
    on_time: Callable[[float], None] = lambda _: None,
) -> None:
    """Write uint8 frames [H, W, 3] of ``size`` (width, height) as H.264 in BT.709 and a sound [N, C] as AAC, as MP4.

    ``on_time`` hears the time that is written and may raise; then there is no file. Raises BadInput where it cannot be
    written.
    """
    with create_video(path) as output:
        video = output.add_stream("libx264", rate=frame_rate, options={"preset": "veryfast", "crf": "18"})
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        context.gop_size = max(1, round(float(frame_rate)))
        blocks = (sound[start : start + _BLOCK] for start in range(0, len(sound), _BLOCK))
        sources = [_encode(video, frames, frame_rate), add_sound(output, blocks, sound.shape[1], rate_hz)]
        mux_in_order(output, sources, on_time)


def _encode(
    video: VideoStream, frames: Iterable[np.ndarray], frame_rate: Fraction
) -> Iterator[tuple[float, list[Packet]]]:
    reformatter = VideoReformatter()
    number = 0
    for number, image in enumerate(frames):
        shown = VideoFrame.from_ndarray(image, "rgb24")
        frame = reformatter.reformat(
            shown, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = number, 1 / frame_rate
        yield float(number / frame_rate), video.encode(frame)
    yield float(number / frame_rate), video.encode(None)
