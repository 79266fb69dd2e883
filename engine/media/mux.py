"""Writing video files: picture packets copied or encoded, sound encoded, both on one clock that starts at 0."""

from __future__ import annotations

import errno
import heapq
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from engine.core.files import make_write_error, replace_file
from engine.media.frames import FrameScaler, decode_picture, open_picture
from engine.media.matroska import ROOM, find_own_aspect
from engine.media.packets import iter_packets
from engine.media.probe import Picture

TICKS_PER_S = 90_000
_BT709, _LIMITED = 1, ColorRange.MPEG
"""Colours of every encoded picture: ITU-T H.273 number 1, in the limited range."""
_DISK_ERRORS = (errno.EACCES, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS)
AAC_BITS_PER_S_A_CHANNEL = 128_000
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""FFmpeg's names of channel layouts by their number of channels."""

TimedPackets = Iterator[tuple[float, list[Packet]]]


@contextmanager
def create_video(target: Path, container: str = "mp4", index_first: bool = True) -> Iterator[OutputContainer]:
    """A video file that appears at ``target`` only when all of it is written; ``container`` is mp4, mov or matroska.

    ``index_first``: the index of an MP4 or MOV comes before its media, so that it plays while it is still being loaded.
    Raises BadInput when it cannot be written.
    """
    options = {"strict": "unofficial"}  # else the MP4 muxer leaves out the configuration of Dolby Vision
    if container != "matroska" and index_first:
        options["movflags"] = "+faststart"
    encoder_error: av.error.FFmpegError | None = None
    try:
        with replace_file(target) as partial:
            try:
                with av.open(str(partial), "w", format=container, options=options) as output:
                    yield output
            except av.error.FFmpegError as error:
                if partial.exists() and error.errno not in _DISK_ERRORS:
                    encoder_error = error
                raise
    except OSError as error:  # FFmpeg's file errors are OSErrors too
        if error is encoder_error:
            raise
        raise make_write_error(target, error) from None


def mux_in_order(output: OutputContainer, sources: Iterable[TimedPackets], on_time: Callable[[float], None]) -> None:
    """Write the packets of several streams by rising time, so that no stream is held back in memory."""
    for time_s, packets in heapq.merge(*sources, key=lambda timed: timed[0]):
        output.mux(packets)
        on_time(time_s)


def add_copied_picture(
    output: OutputContainer,
    container: InputContainer,
    picture: Picture,
    timecode: str | None = None,
    tick: Fraction | None = None,
) -> TimedPackets:
    """Add the picture as it is stored; returns its packets, the first displayed frame at 0.

    ``tick`` restates how many seconds a tick of the picture's clock lasts.

    Packets before that frame, which it needs, keep their negative times and are skipped by the edit
    list that the MP4 gets. The stream keeps the code of its kind and the shape of its pixels that the clip's container
    tells; Matroska gets room for the shape, which ``set_pixel_aspect`` fills. Raises av's errors or ValueError where
    MP4 does not take the stream.
    """
    stream = open_picture(container, picture)
    copied = output.add_stream_from_template(stream, opaque=True)
    copied.time_base = tick or stream.time_base
    tag, aspect = _find_tag(output, stream), stream.sample_aspect_ratio
    if tag is not None:
        copied.codec_context.codec_tag = tag
    if aspect:
        copied.codec_context.sample_aspect_ratio = aspect
        if output.format.name == "matroska" and find_own_aspect(stream):
            copied.metadata["title"] = ROOM
    if timecode:
        copied.metadata["timecode"] = timecode
    return _iter_copied(container, stream, copied, picture, tick)


def _find_tag(output: OutputContainer, stream: VideoStream) -> str | None:
    """The code of a copied picture's kind where that which the muxer would choose is another; None: the muxer's."""
    codec, muxer = stream.codec_context.codec.canonical_name, output.format.name
    try:
        tag = stream.codec_context.codec_tag
    except ValueError:  # not ASCII
        tag = ""
    if codec == "h264" or (muxer == "matroska" and codec != "prores"):
        return None
    if codec == "hevc" and tag not in ("dvh1", "dvhe"):
        tag = "hvc1" if _holds_parameter_sets(stream.codec_context.extradata or b"") else "hev1"  # Apple's want hvc1
    elif codec != "prores" and "mov" not in stream.container.format.name:
        return None  # of AVI and others
    return tag if _takes_tag(muxer, stream, tag) else None


def _holds_parameter_sets(extradata: bytes) -> bool:
    """Whether a configuration of HEVC has arrays of sets (ISO 14496-15, section 8.3.3.1), or is a stream of them."""
    return extradata[22] >= 3 if extradata[:1] == b"\1" and len(extradata) > 22 else extradata[:2] == b"\0\0"


def _takes_tag(muxer: str, stream: VideoStream, tag: str) -> bool:
    """Whether a muxer writes a stream under a code; asked of one in memory, since a refusal ends the file."""
    options = {"strict": "unofficial"} | ({} if muxer == "matroska" else {"movflags": "empty_moov"})
    try:
        with av.open(io.BytesIO(), "w", format=muxer, options=options) as trial:
            trial.add_stream_from_template(stream, opaque=True).codec_context.codec_tag = tag
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _iter_copied(
    container: InputContainer, stream: VideoStream, copied: VideoStream, picture: Picture, tick: Fraction | None
) -> TimedPackets:
    time_base = Fraction(stream.time_base or 1)
    origin = round(picture.start_s / float(time_base))
    end = origin + round(picture.duration_s / float(time_base))
    latest_s = 0.0
    for packet in _fill_decoding_times(iter_packets(container, [stream]), round(1 / (picture.frame_rate * time_base))):
        assert packet.pts is not None and packet.dts is not None
        if packet.is_discard and packet.pts >= end:
            continue
        packet.pts -= origin
        packet.dts -= origin
        packet.time_base = tick or time_base
        packet.stream = copied
        latest_s = max(latest_s, float(packet.dts * time_base))
        yield latest_s, [packet]


def _fill_decoding_times(packets: Iterable[Packet], interval: int) -> Iterator[Packet]:
    """Packets with both their times; Matroska leaves out the first few decoding times. ValueError without any."""
    waiting: list[Packet] = []
    known = False
    for packet in packets:
        if packet.size == 0:
            continue
        if packet.pts is None or (packet.dts is None and (known or len(waiting) > 64)):
            raise ValueError("the clip stores no presentation times")
        waiting.append(packet)
        if packet.dts is None:
            continue
        known = True
        for index, held in enumerate(waiting):
            if held.dts is None:
                held.dts = min(held.pts or 0, packet.dts - (len(waiting) - 1 - index) * interval)
            yield held
        waiting.clear()
    if waiting:
        raise ValueError("the clip stores no decoding times")


def add_encoded_picture(
    output: OutputContainer, container: InputContainer, picture: Picture, height: int, quality: int = 23
) -> TimedPackets:
    """Add the picture as H.264, upright, every frame at its own time; returns its packets."""
    stream = open_picture(container, picture)
    scale = FrameScaler(picture, height, gray=False, even=True)
    video = output.add_stream("libx264", rate=picture.frame_rate, options={"preset": "veryfast", "crf": str(quality)})
    video.width, video.height = scale.shown
    video.pix_fmt = "yuv420p"
    video.time_base = video.codec_context.time_base = Fraction(1, TICKS_PER_S)
    context = video.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    video.codec_context.gop_size = max(1, round(float(picture.frame_rate)))  # a keyframe a second: quick seeking
    return _iter_encoded(container, stream, video, picture, scale)


def _iter_encoded(
    container: InputContainer, stream: VideoStream, video: VideoStream, picture: Picture, scale: FrameScaler
) -> TimedPackets:
    reformatter = VideoReformatter()
    time_s = 0.0
    for time_s, frame in decode_picture(container, stream, picture):
        shown = VideoFrame.from_ndarray(scale(frame), "rgb24")
        small = reformatter.reformat(
            shown, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=_LIMITED
        )
        small.pts, small.time_base = round(time_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
        yield time_s, video.encode(small)
    yield time_s, video.encode(None)


def add_sound(
    output: OutputContainer,
    blocks: Iterable[np.ndarray],
    channels: int,
    sample_rate_hz: int,
    codec: str = "aac",
    title: str = "",
    is_default: bool = True,
) -> TimedPackets:
    """Add sound as AAC or FLAC in 1, 2 or 6 channels; blocks are float32 [N, channels] or [N] without gaps.

    AAC's encoder delay gets negative times, which an MP4's edit list then skips; FLAC, of 24 bits, has none. Returns
    its packets.
    """
    layout = LAYOUTS[channels]
    audio = output.add_stream(codec, rate=sample_rate_hz, layout=layout)
    assert isinstance(audio, AudioStream)
    if title:
        audio.metadata["title"] = audio.metadata["handler_name"] = title
    audio.disposition = Disposition.default if is_default else Disposition(0)
    if codec == "aac":
        audio.bit_rate = AAC_BITS_PER_S_A_CHANNEL * channels
    else:
        audio.codec_context.format = "s32"
    return _iter_sound(audio, blocks, layout, sample_rate_hz)


def _iter_sound(audio: AudioStream, blocks: Iterable[np.ndarray], layout: str, sample_rate_hz: int) -> TimedPackets:
    position = 0
    for block in blocks:
        frame = _make_frame(block.reshape(len(block), -1), layout, audio.codec_context.format.name)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate_hz, position, Fraction(1, sample_rate_hz)
        yield position / sample_rate_hz, audio.encode(frame)
        position += len(block)
    yield position / sample_rate_hz, audio.encode(None)


def _make_frame(block: np.ndarray, layout: str, sample_format: str) -> AudioFrame:
    """Samples [N, C] as planar float, or as packed integers of 24 bits in the upper part of 32, held at full scale."""
    if sample_format == "fltp":
        return AudioFrame.from_ndarray(np.ascontiguousarray(block.T, np.float32), format="fltp", layout=layout)
    steps = np.clip(np.rint(block.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype(np.int32) << 8
    return AudioFrame.from_ndarray(np.ascontiguousarray(steps).reshape(1, -1), format="s32", layout=layout)
