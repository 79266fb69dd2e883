"""Mux the clip's picture with the generated track: packets are copied where the container permits, else re-encoded."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av.error
import numpy as np

from engine.core.errors import BadInput, StruckError
from engine.core.files import check_target, make_partial_folder, make_write_error, replace_file
from engine.media.dolby_vision import insert_configuration, read_configuration
from engine.media.export.own_sound import Mixed, OwnSound, read_own_sound
from engine.media.export.reencode import encode_picture
from engine.media.export.samples import OverCounted, Samples, count_channels, iter_blocks
from engine.media.frames import open_picture
from engine.media.matroska import find_own_aspect, set_pixel_aspect
from engine.media.mux import add_copied_picture, add_sound, create_video, mux_in_order
from engine.media.open import check_content, open_container
from engine.media.probe import MediaInfo, Picture, probe, scan_picture

COPYABLE = {"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "vvc"}
"""Video codecs that an MP4 may hold and that players support there."""


class _Container(NamedTuple):
    """An output format; ``copyable`` None: any video codec that the muxer accepts."""

    title: str
    muxer: str
    audio: str
    copyable: set[str] | None


class _Job(NamedTuple):
    """Arguments of one export."""

    container: _Container
    sound: Samples
    sample_rate_hz: int
    timecode: str | None
    out_path: Path
    report: Callable[[float], None]
    tags: dict[str, str]
    second: Samples | None = None  # the clip's own sound as a track beside


_MP4 = _Container("MP4", "mp4", "aac", COPYABLE)
_CONTAINERS = {
    ".mov": _Container("MOV", "mov", "aac", (COPYABLE - {"av1", "vp9"}) | {"prores", "dnxhd", "qtrle", "png"}),
    ".mkv": _Container("Matroska", "matroska", "flac", None),  # no edit list to skip AAC's encoder delay
}

_BLOCK = 48_000
_OWN_TAGS = {"timecode", "major_brand", "minor_version", "compatible_brands", "encoder", "duration"}


def write_video(
    clip_path: str | os.PathLike[str],
    track: Samples,
    sample_rate_hz: int,
    out_path: str | os.PathLike[str],
    on_progress: Callable[[float], None] | None = None,
    digest: str = "",
    own_sound: OwnSound | None = None,
    timecode: str | None = None,
    on_over: Callable[[int], None] | None = None,
) -> str | None:
    """Write the clip's picture with ``track`` ([N] or [N, C], on Struck's clock) as its only sound.

    A name that ends in .mov or .mkv makes such a file, any other an MP4. The picture's packets, frame times, turn and
    start timecode are kept, its first displayed frame at 0, and decoded audio lies where the track's samples do; so are
    the container's tags. ``own_sound`` keeps the clip's own sound, mixed in or as a second track; ``timecode`` replaces
    that of the clip. ``on_over`` is told how many samples of the sound, of the mix where it is one, were over full
    scale. Where the container cannot hold the picture it is encoded anew; the returned note says so, and is
    None otherwise. Raises BadInput when the clip cannot be read, is not the one of a ``digest`` that is given, or the
    target cannot be written.
    """
    target = check_target(out_path)
    if os.path.realpath(target) == os.path.realpath(clip_path):
        raise BadInput(f"{target} is the clip itself; give another name for the export")
    if digest:
        check_content(clip_path, digest)
    container = _CONTAINERS.get(target.suffix.lower(), _MP4)
    info, picture = probe(clip_path), scan_picture(clip_path)
    report = on_progress or (lambda fraction: None)
    second: Samples | None = None
    if own_sound is not None and info.audio_tracks:
        second = read_own_sound(clip_path, own_sound, track.shape[0], sample_rate_hz)
        if own_sound.how == "mix":
            track, second = Mixed(track, second, own_sound.gain_db), None
    heard = OverCounted(track)
    try:
        with replace_file(target) as partial:
            tags, start = _read_tags(clip_path), timecode or info.start_timecode
            job = _Job(container, heard, sample_rate_hz, start, partial, report, tags, second)
            note = _write_picture_and_sound(Path(clip_path), info, picture, job)
    except OSError as error:
        raise make_write_error(target, error) from None
    report(1.0)
    if on_over is not None:
        on_over(heard.over)
    return note


def _write_picture_and_sound(clip_path: Path, info: MediaInfo, picture: Picture, job: _Job) -> str | None:
    """Copy the picture where the container permits, else encode it; the note of ``write_video``."""
    reason = _find_obstacle(info.video_codec, picture, job.container)
    if reason is None:
        try:
            _join(clip_path, picture, job)
            reason = _find_difference(job.out_path, picture, job.container.title)
        except (av.error.FFmpegError, ValueError, StruckError) as error:
            if isinstance(error, BadInput):
                raise
            reason = f"its packets do not fit {job.container.title}"
    if reason is None:
        return None
    try:
        how = _encode_and_join(clip_path, picture, job)
    except (av.error.FFmpegError, ValueError):
        raise StruckError(f"{clip_path.name} could not be encoded anew; convert it to H.264 in MP4 first") from None
    return f"the picture was encoded anew ({how}), since {reason}"


def _find_obstacle(codec: str, picture: Picture, container: _Container) -> str | None:
    if container.copyable is not None and codec not in container.copyable:
        return f"{container.title} does not hold {codec}"
    if picture.timed_by_order:
        return "its container stores no presentation times"
    if picture.splices:
        return "its clock starts anew within the file"
    return None


def _find_difference(written: Path, picture: Picture, title: str) -> str | None:
    """How the picture of a written file differs from the clip's in time or turn; None if it does not."""
    try:
        copy = scan_picture(written)
    except BadInput:
        return f"its packets do not fit {title}"
    if copy.frame_count != picture.frame_count or copy.orientation != picture.orientation:
        return f"its frames would not all be shown from {title}"
    if np.abs(copy.frame_times_s - picture.frame_times_s).max() > 0.002 or abs(copy.start_s) > 0.002:
        return f"its frame times do not fit {title}"
    return None


def _join(clip_path: Path, picture: Picture, job: _Job, tick: Fraction | None = None) -> None:
    """Mux the picture's packets with the encoded track; ``tick`` overrides the picture's time base."""
    muxer = job.container.muxer
    with open_container(clip_path) as container:
        stream = open_picture(container, picture)
        missing = read_configuration(stream) if muxer == "mov" else None
        aspect = find_own_aspect(stream) if muxer == "matroska" else None
    with open_container(clip_path) as container, create_video(job.out_path, muxer, missing is None) as output:
        output.metadata.update(job.tags)
        sources = [add_copied_picture(output, container, picture, job.timecode, tick)]
        named = [("Struck" if job.second is not None else "", job.sound)]
        if job.second is not None:
            named.append(("Clip", job.second))
        for number, (title, sound) in enumerate(named):
            blocks, channels = iter_blocks(sound, _BLOCK), count_channels(sound)
            rate, codec = job.sample_rate_hz, job.container.audio
            sources.append(add_sound(output, blocks, channels, rate, codec, title, is_default=number == 0))
        mux_in_order(output, sources, lambda time_s: job.report(min(1.0, time_s / picture.duration_s)))
    if missing is not None:
        insert_configuration(job.out_path, missing)
    if aspect:
        set_pixel_aspect(job.out_path, aspect)


def _read_tags(clip_path: str | os.PathLike[str]) -> dict[str, str]:
    """The tags of the clip's container, without those that every container writes itself."""
    with open_container(clip_path) as container:
        tags = dict(container.metadata)
    return {name: text for name, text in tags.items() if name.lower() not in _OWN_TAGS}


def _encode_and_join(clip_path: Path, picture: Picture, job: _Job) -> str:
    report = job.report
    with make_partial_folder(job.out_path.parent) as folder:
        encoded = folder / "picture.mp4"
        rate = encode_picture(clip_path, picture, encoded, lambda fraction: report(0.9 * fraction))
        fresh = scan_picture(encoded)
        # The encoder gets its rate to two decimals; the exact rate is restored in the packets.
        steps = np.diff(fresh.frame_times_s)
        with open_container(encoded) as container:
            time_base = Fraction(container.streams.video[0].time_base or 1)
        tick = 1 / (rate * round(float(np.median(steps)) / float(time_base)))
        _join(encoded, fresh, job._replace(report=lambda fraction: report(0.9 + 0.1 * fraction)), tick)
    return f"H.264, {float(rate):.6g} frames a second"
