"""Describe a clip: its picture's clock, rate, size and rotation, its sound, its timecode."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.core.errors import BadInput
from engine.core.units import LONGEST_CLIP_S, parse_timecode
from engine.media.open import check_readable, check_unencrypted, check_whole, digest_file, open_container
from engine.media.packets import ClipPackets, Splice, StreamPackets, is_timed_by_order, iter_packets, scan_packets
from engine.media.streams import AudioTrack, choose_picture, describe_audio_tracks, list_audio_streams

STANDARD_RATES = tuple(
    Fraction(*rate)
    for rate in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1),
        (10, 1), (12, 1), (25, 2), (15000, 1001), (15, 1), (20, 1), (90, 1), (100, 1), (120000, 1001), (120, 1),
        (240, 1),
    )
)  # fmt: skip
"""Frame rates that imprecise timestamps are taken to mean."""

_BROWSER_VIDEO = {"mov": {"h264", "vp9", "av1"}, "webm": {"vp8", "vp9", "av1"}}
_BROWSER_AUDIO = {"aac", "mp3", "opus", "vorbis", "flac"}
_JITTER_S = Fraction(1, 1000)
_LARGEST_SIDE = 16_384
_LEAST_SHARE = 0.8
"""Share of a transport stream up to which its picture must reach where other streams begin within it."""


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is turned for display: first transposed, then flipped."""

    transpose: bool = False
    flip_horizontal: bool = False
    flip_vertical: bool = False


@dataclass(frozen=True)
class Picture:
    """A clip's picture stream, measured from its packets; ``start_s`` is the container's time of Struck's 0."""

    stream_index: int
    start_s: float
    duration_s: float
    frame_rate: Fraction
    variable_frame_rate: bool
    frame_count: int
    frame_times_s: np.ndarray
    keyframe_times_s: np.ndarray
    width: int
    height: int
    orientation: Orientation
    rotation_deg: int
    timed_by_order: bool
    splices: tuple[Splice, ...] = ()


@dataclass(frozen=True)
class MediaInfo:
    """Description of a clip.

    ``width`` and ``height`` are as displayed: turned, and with square pixels. ``rotation_deg`` is the
    clockwise turn the container asks for. ``picture_offset_s`` is a browser's ``currentTime`` at the
    first displayed frame.
    """

    path: str
    digest: str
    duration_s: float
    frame_rate: Fraction
    width: int
    height: int
    rotation_deg: int
    start_timecode: str | None
    audio_tracks: tuple[AudioTrack, ...]
    video_codec: str
    variable_frame_rate: bool
    browser_playable: bool
    picture_offset_s: float

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track that can be decoded."""
        return bool(self.audio_tracks)

    @property
    def default_track(self) -> int:
        """Number of the default sound track; 0 where there is none."""
        return next((track.number for track in self.audio_tracks if track.is_default), 0)


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Describe a clip. Raises BadInput when it is missing, empty, truncated, mislabelled or has no picture."""
    whole = check_readable(path)
    stat = whole.stat()
    return _probe(str(whole), stat.st_size, stat.st_mtime_ns)


def describe_uneven_frames(info: MediaInfo) -> str:
    """That a clip's frames do not come evenly, and so are counted by their mean rate; "" where they do."""
    if not info.variable_frame_rate:
        return ""
    counts = f"timecodes and all else that counts frames count its mean, {float(info.frame_rate):.2f} a second"
    return f"{Path(info.path).name} has no constant frame rate: {counts}; convert it for work by frames"


def find_track(info: MediaInfo, number: int) -> AudioTrack:
    """A sound track by its number; BadInput, which lists the tracks, where there is none of that number."""
    for track in info.audio_tracks:
        if track.number == number:
            return track
    name = Path(info.path).name
    if not info.audio_tracks:
        raise BadInput(f"{name} has no sound track that can be read; leave the track out")
    raise BadInput(f"{name} has no sound track {number}; choose one of {', '.join(map(str, info.audio_tracks))}")


def scan_picture(path: str | os.PathLike[str]) -> Picture:
    """Measure a clip's picture stream. Raises BadInput as ``probe`` does."""
    whole = check_readable(path)
    stat = whole.stat()
    return _scan_picture(str(whole), stat.st_size, stat.st_mtime_ns)


# Size and modification time are part of the key, so that a changed file is read anew.
@lru_cache(maxsize=32)
def _probe(path: str, size: int, modified_ns: int) -> MediaInfo:
    picture = _scan_picture(path, size, modified_ns)
    with open_container(path) as container:
        stream = container.streams[picture.stream_index]
        assert isinstance(stream, VideoStream)
        starts = [float((s.start_time or 0) * (s.time_base or 0)) for s in (stream, *list_audio_streams(container))]
        # Chromium shifts a clip that starts before 0 up to 0 and leaves later starts as they are.
        offset_s = picture.start_s - min(0.0, *starts)
        return MediaInfo(
            path=path,
            digest=digest_file(path),
            duration_s=picture.duration_s,
            frame_rate=picture.frame_rate,
            width=picture.width,
            height=picture.height,
            rotation_deg=picture.rotation_deg,
            start_timecode=_find_timecode(container, picture.frame_rate),
            audio_tracks=describe_audio_tracks(container),
            video_codec=stream.codec.canonical_name,
            variable_frame_rate=picture.variable_frame_rate,
            browser_playable=_plays_in_browser(path, container, stream),
            picture_offset_s=max(0.0, offset_s),
        )


@lru_cache(maxsize=32)
def _scan_picture(path: str, size: int, modified_ns: int) -> Picture:
    name = Path(path).name
    check_whole(Path(path))
    check_unencrypted(Path(path))
    scan = scan_packets(path)
    with open_container(path) as container:
        stream = choose_picture(container, scan.streams, name)
        by_order = is_timed_by_order(container)
        packets = scan.streams[stream.index]
        _check_goes_on(container, packets, scan, name, size)
        ticks, durations, keys = packets.ticks, packets.durations, packets.keys
        time_base = packets.time_base
        first = _decode_first(path, stream.index, name)
        width, height = first.width, first.height
        if max(width, height) > _LARGEST_SIDE or min(width, height) < 2:
            raise BadInput(f"{name}: a picture of {width} by {height} pixels is out of range; convert it to HD")
        first_tick = int(ticks[0]) if by_order or first.pts is None else int(first.pts)
        order = np.argsort(ticks, kind="stable")
        ticks, durations, keys = ticks[order], durations[order], keys[order]
        shown = ticks >= first_tick
        ticks, durations, keys = ticks[shown], durations[shown], keys[shown]
        if len(ticks) < 2:
            raise BadInput(f"{name} holds a single still picture; give a clip with at least two frames")
        declared = (stream.average_rate, stream.guessed_rate, stream.base_rate)
        rate, variable = _find_frame_rate(ticks, time_base, declared)
        duration_s = _find_duration_s(ticks, durations, time_base, rate, variable)
        if duration_s > LONGEST_CLIP_S:
            raise BadInput(
                f"{name} lasts {duration_s / 3600:.1f} hours; give a clip of at most {LONGEST_CLIP_S / 3600:g}"
            )
        orientation, rotation_deg = _find_orientation(first)
        aspect = float(stream.sample_aspect_ratio or 1)
        shown_width = round(width * aspect) if 0.1 < aspect < 10 else width
        turned = (height, shown_width) if orientation.transpose else (shown_width, height)
        return Picture(
            stream_index=stream.index,
            start_s=float(first_tick * time_base),
            duration_s=duration_s,
            frame_rate=rate,
            variable_frame_rate=variable,
            frame_count=len(ticks),
            frame_times_s=(ticks - first_tick) * float(time_base),
            keyframe_times_s=(ticks[keys] - first_tick) * float(time_base),
            width=turned[0],
            height=turned[1],
            orientation=orientation,
            rotation_deg=rotation_deg,
            timed_by_order=by_order,
            splices=scan.splices,
        )


def _check_goes_on(container: InputContainer, packets: StreamPackets, scan: ClipPackets, name: str, size: int) -> None:
    """BadInput where the picture of a transport stream goes on in another stream, as where files were joined."""
    if container.format.name != "mpegts" or not len(packets.positions):
        return
    last = int(packets.positions[-1])
    others = [scan.streams[stream.index].positions for stream in container.streams.video]
    goes_on = any(len(positions) and positions[0] > last for positions in others)
    if goes_on or (scan.has_unknown and last < _LEAST_SHARE * size):
        raise BadInput(
            f"{name}: the picture ends within the file and goes on in another stream, since files were joined that do "
            "not match; convert each to MP4 and join those"
        )


def _decode_first(path: str, stream_index: int, name: str) -> VideoFrame:
    failures = 0
    with open_container(path) as container:  # opened anew: not every file is seekable
        stream = container.streams[stream_index]
        assert isinstance(stream, VideoStream)
        for packet in iter_packets(container, [stream]):
            try:
                for frame in packet.decode():
                    return frame
            except av.error.FFmpegError:
                failures += 1
                if failures > 100:
                    break
    raise BadInput(
        f"{name}: no frame of the picture can be decoded; it is damaged, encrypted or in a form of its code that "
        "cannot be read; convert the clip to H.264 in MP4"
    )


def _find_frame_rate(
    ticks: np.ndarray, time_base: Fraction, declared: tuple[Fraction | None, ...]
) -> tuple[Fraction, bool]:
    """The frame rate as an exact fraction, and whether it varies.

    A rate is constant when every frame lies within one tick or 1 ms of its grid. Where frames of a grid are missing, as
    at a lossless cut, the rate varies and is that of the grid, by which timecode counts. Otherwise it is the mean.
    """
    span = int(ticks[-1] - ticks[0]) * time_base
    if span <= 0:
        raise BadInput("all frames of the clip have one time; export it again with timestamps")
    measured = Fraction(len(ticks) - 1) / span
    tolerance_ticks = float(max(Fraction(1), _JITTER_S / time_base)) + 0.01
    position = (ticks - ticks[0]).astype(np.float64)
    index = np.arange(len(ticks), dtype=np.float64)
    told = [rate for rate in declared if rate]
    for rate in (*told, *_nearest_rates(measured), measured):
        if rate < 1000 and _measure_error(position, index, float(1 / (rate * time_base))) <= tolerance_ticks:
            return _snap(rate), False
    usual_ticks = max(1.0, float(np.median(np.diff(position))))  # most frames of a damaged clip may have one time
    on_grid = []
    for rate in (*told, *_nearest_rates(1 / (Fraction(usual_ticks) * time_base))):
        step = float(1 / (rate * time_base))
        slots = np.rint(position / step)
        error = _measure_error(position, slots, step)
        if error <= min(tolerance_ticks, 0.25 * step) and np.median(np.diff(slots)) == 1.0:
            on_grid.append((error, rate))
    if on_grid:
        return _snap(min(on_grid, key=lambda pair: pair[0])[1]), True
    return _snap(measured.limit_denominator(100_000), 0.0005), True


def _nearest_rates(rate: Fraction) -> list[Fraction]:
    return sorted(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))[:2]


def _measure_error(position: np.ndarray, index: np.ndarray, step: float) -> float:
    """Largest distance of positions [N] from their places on a grid, wherever the grid begins."""
    error = position - index * step
    return float(error.max() - error.min()) / 2.0


def _snap(rate: Fraction, tolerance: float = 0.0001) -> Fraction:
    nearest = _nearest_rates(rate)[0]
    return nearest if abs(nearest / rate - 1) <= tolerance else rate


def _find_duration_s(
    ticks: np.ndarray, durations: np.ndarray, time_base: Fraction, rate: Fraction, variable: bool
) -> float:
    span = int(ticks[-1] - ticks[0]) * time_base
    if not variable:
        return float((round(span * rate) + 1) / rate)
    typical = int(np.median(np.diff(ticks)))
    last = int(durations[-1])
    return float(span + (last if 0 < last <= 100 * max(1, typical) else typical) * time_base)


def _find_orientation(frame: VideoFrame) -> tuple[Orientation, int]:
    """Read the display matrix: (x, y) goes to (a x + c y, b x + d y), y pointing down."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return Orientation(), 0
    matrix = np.frombuffer(side_data, np.int32)  # type: ignore[call-overload]
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        orientation = Orientation(True, flip_horizontal=c < 0, flip_vertical=b < 0)
    else:
        orientation = Orientation(False, flip_horizontal=a < 0, flip_vertical=d < 0)
    return orientation, round(-frame.rotation / 90) * 90 % 360


def _find_timecode(container: InputContainer, rate: Fraction) -> str | None:
    tables = [container.metadata, *(stream.metadata for stream in container.streams)]
    for table in tables:
        for key, value in table.items():
            if key.lower() != "timecode":
                continue
            try:
                parse_timecode(value, rate)
            except BadInput:
                continue
            return value.strip()
    return None


def _plays_in_browser(path: str, container: InputContainer, stream: VideoStream) -> bool:
    kind = "mov" if container.format.name.startswith("mov") else "webm" if _is_webm(path) else ""
    if stream.codec.canonical_name not in _BROWSER_VIDEO.get(kind, ()):
        return False
    if stream.codec_context.pix_fmt not in ("yuv420p", "yuvj420p", "yuva420p"):
        return False
    # A browser chooses among several streams by itself, so each has to be the only one.
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    codecs = [s.codec.canonical_name if s.codec_context is not None else "" for s in container.streams.audio]
    return len(moving) == 1 and len(codecs) <= 1 and all(codec in _BROWSER_AUDIO for codec in codecs)


def _is_webm(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(64)
    return head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head
