"""Pictures of a clip by presentation time: a stream of frames, and a filmstrip."""

from __future__ import annotations

import contextlib
import heapq
import io
import math
import os
from collections.abc import Iterator, Sequence

import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from engine.core.errors import BadInput
from engine.media.color import needs_tone_mapping, tone_map
from engine.media.open import open_container
from engine.media.packets import ClockCorrection, iter_packets
from engine.media.probe import Picture, scan_picture

_LARGEST_HEIGHT = 4320
_LARGEST_WIDTH = 16_384
"""A picture of an extreme aspect is narrowed to this width."""

_MOST_TILES = 2000
_LARGEST_STRIP = 65_000
"""Width in pixels that a JPEG can have."""
_TOUCH_S = 1e-4


def iter_frames(
    path: str | os.PathLike[str], height: int, start_s: float = 0.0, end_s: float | None = None, gray: bool = True
) -> Iterator[tuple[float, np.ndarray]]:
    """Frames in order of presentation from ``start_s`` up to (not including) ``end_s``.

    Yields (time_s on Struck's clock, uint8 [height, W] or [height, W, 3]), turned for display, the
    width following the displayed aspect. Damaged frames are passed over. Raises BadInput.
    """
    if not 1 <= height <= _LARGEST_HEIGHT:
        raise BadInput(f"a frame height of {height} is out of range; give 1 to {_LARGEST_HEIGHT} pixels")
    picture = scan_picture(path)
    scale = FrameScaler(picture, height, gray)
    with open_container(path) as container:
        stream = open_picture(container, picture)
        if start_s > 1.0:
            seek_picture(container, stream, picture, start_s)
        for time_s, frame in decode_picture(container, stream, picture):
            if end_s is not None and time_s >= end_s:
                break
            if time_s >= start_s:
                yield time_s, scale(frame)


class FrameScaler:
    """Scales decoded frames to a displayed height and turns them; keeps the scaler's tables between frames."""

    def __init__(self, picture: Picture, height: int, gray: bool, even: bool = False) -> None:
        width = min(max(1, round(picture.width * height / picture.height)), _LARGEST_WIDTH)
        if even:
            width, height = max(2, width - width % 2), max(2, height - height % 2)
        self.orientation = picture.orientation
        self.shown = (width, height)
        self.stored = (height, width) if picture.orientation.transpose else (width, height)
        self.format = "gray" if gray else "rgb24"
        self.reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """uint8 [H, W] or [H, W, 3], colours as BT.709."""
        width, height = self.stored
        tone_mapped = self.format != "gray" and needs_tone_mapping(frame)
        pixels = "rgb48le" if tone_mapped else self.format
        small = self.reformatter.reformat(frame, width, height, pixels, interpolation="AREA")
        array = small.to_ndarray()
        if tone_mapped:
            array = tone_map(array, frame.color_trc, frame.color_primaries)
        if self.orientation.transpose:
            array = array.swapaxes(0, 1)
        if self.orientation.flip_horizontal:
            array = array[:, ::-1]
        if self.orientation.flip_vertical:
            array = array[::-1]
        return np.ascontiguousarray(array)


def open_picture(container: InputContainer, picture: Picture) -> VideoStream:
    """The picture stream, ready to decode in threads."""
    stream = container.streams[picture.stream_index]
    assert isinstance(stream, VideoStream)
    stream.thread_type = "AUTO"
    return stream


def seek_picture(container: InputContainer, stream: VideoStream, picture: Picture, time_s: float) -> None:
    """Seek to the last keyframe at or before a time on Struck's clock; no effect where the file is not seekable.

    Spliced clips are not seekable, since their stored times do not rise.
    """
    if picture.splices:
        return
    tick = math.floor((picture.start_s + time_s) / float(stream.time_base or 1) + 1e-3)
    with contextlib.suppress(av.error.FFmpegError):
        container.seek(tick, backward=True, any_frame=False, stream=stream)


def decode_picture(
    container: InputContainer, stream: VideoStream, picture: Picture
) -> Iterator[tuple[float, VideoFrame]]:
    """Decode from the present position: (time_s on Struck's clock, frame), times rising, damage passed over."""
    tick_s = float(stream.time_base or 1)
    waiting: list[int] = []  # packet times still to be shown, where only their order is stored
    last_s = -math.inf
    clock = ClockCorrection(picture.splices)
    failures = 0
    for packet in iter_packets(container, [stream]):
        clock.apply(packet)
        try:
            if picture.timed_by_order and packet.dts is not None and packet.size:
                heapq.heappush(waiting, packet.dts)
            frames = packet.decode()
        except av.error.FFmpegError:
            failures += 1
            if failures > 1000:
                return
            continue
        for frame in frames:
            tick = (heapq.heappop(waiting) if waiting else None) if picture.timed_by_order else frame.pts
            if tick is None:
                continue
            time_s = tick * tick_s - picture.start_s
            if time_s > last_s and time_s >= -_TOUCH_S:
                last_s = time_s
                yield max(0.0, time_s), frame


def make_filmstrip(path: str | os.PathLike[str], times_s: Sequence[float], height: int) -> bytes:
    """One JPEG with a tile for each time, side by side from left to right.

    A tile shows the frame displayed at its time, or a keyframe nearer than half the tiles' spacing.
    Tiles are ``height`` high and all of one width. Raises BadInput.
    """
    from PIL import Image

    picture = scan_picture(path)
    count = len(times_s)
    if not 1 <= count <= _MOST_TILES or not 8 <= height <= 1080:
        raise BadInput(f"a filmstrip of {count} tiles {height} high is out of range; ask for 1 to {_MOST_TILES} tiles")
    scale = FrameScaler(picture, height, gray=False)
    width = scale.shown[0]
    if width * count > _LARGEST_STRIP:
        raise BadInput("the filmstrip is too wide for one picture; ask for fewer or smaller tiles")
    targets = [_choose_frame_time(picture, times_s, time_s) for time_s in times_s]
    tiles: dict[float, np.ndarray] = {}
    with open_container(path) as container:
        stream = open_picture(container, picture)
        for key_s, wanted in _group_by_keyframe(picture, sorted(set(targets))):
            _read_group(container, stream, picture, key_s, wanted, scale, tiles)
    blank = np.zeros((height, width, 3), np.uint8)
    sprite = np.concatenate([tiles.get(target, blank) for target in targets], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(sprite).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _choose_frame_time(picture: Picture, times_s: Sequence[float], time_s: float) -> float:
    shown = max(0, int(np.searchsorted(picture.frame_times_s, time_s + _TOUCH_S, "right")) - 1)
    exact_s = float(picture.frame_times_s[shown])
    keys = picture.keyframe_times_s
    if len(keys) == 0 or len(times_s) < 2:
        return exact_s
    spacing_s = (max(times_s) - min(times_s)) / (len(times_s) - 1)
    nearest_s = float(keys[np.argmin(np.abs(keys - exact_s))])
    return nearest_s if abs(nearest_s - exact_s) < spacing_s / 2 else exact_s


def _group_by_keyframe(picture: Picture, targets: Sequence[float]) -> list[tuple[float, list[float]]]:
    """Wanted times under the keyframe that each needs; neighbours are read in one pass."""
    groups: list[tuple[float, list[float]]] = []
    for target in targets:
        before = picture.keyframe_times_s[picture.keyframe_times_s <= target + _TOUCH_S]
        key_s = float(before[-1]) if len(before) and not picture.splices else 0.0
        if groups and groups[-1][0] == key_s:
            groups[-1][1].append(target)
        else:
            groups.append((key_s, [target]))
    return groups


def _read_group(
    container: InputContainer,
    stream: VideoStream,
    picture: Picture,
    key_s: float,
    wanted: list[float],
    scale: FrameScaler,
    tiles: dict[float, np.ndarray],
) -> None:
    seek_picture(container, stream, picture, key_s)
    if wanted == [key_s]:
        frame = _decode_keyframe(container, stream)
        if frame is not None:
            tiles[key_s] = scale(frame)
        return
    waiting = list(wanted)
    for time_s, frame in decode_picture(container, stream, picture):
        while waiting and time_s >= waiting[0] - _TOUCH_S:
            tiles[waiting.pop(0)] = scale(frame)
        if not waiting:
            return


def _decode_keyframe(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    try:
        for packet in iter_packets(container, [stream]):
            if packet.is_keyframe and packet.size:
                frames = [*packet.decode(), *stream.decode(None)]  # flushing hands it over without its successors
                return frames[0] if frames else None
    except av.error.FFmpegError:
        pass
    return None
