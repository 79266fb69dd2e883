"""A copy of a clip that every browser plays, with the first displayed frame at 0."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av.error

from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.media.frames import open_picture
from engine.media.mux import add_copied_picture, add_encoded_picture, add_sound, create_video, mux_in_order
from engine.media.open import open_container
from engine.media.probe import MediaInfo, Picture, probe, scan_picture
from engine.media.sound import iter_clip_audio

_LARGEST_SIDE = 1280


def make_proxy(
    path: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    on_progress: Callable[[float], None] | None = None,
    track: int | None = None,
) -> MediaInfo:
    """Write an H.264 and AAC MP4 of a clip with one sound track (None: the default one); returns its description.

    A picture that browsers play is copied as it is; any other is encoded upright, at most 1280 wide
    and high, with its frame times kept. Nothing is left at ``out_path`` when it fails. Raises BadInput
    when the clip cannot be read or the target not written.
    """
    info = probe(path)
    picture = scan_picture(path)
    plain = _stored_pixels(path, picture) in ("yuv420p", "yuvj420p")
    copy = info.video_codec == "h264" and plain and not (picture.timed_by_order or picture.splices)
    try:
        _write(path, info, picture, Path(out_path), copy, on_progress, track)
    except (av.error.FFmpegError, ValueError):
        if not copy:
            raise StruckError(f"{Path(path).name} cannot be converted for the browser; convert it to MP4") from None
        _write(path, info, picture, Path(out_path), False, on_progress, track)
    return probe(out_path)


def _stored_pixels(path: str | os.PathLike[str], picture: Picture) -> str | None:
    with open_container(path) as container:
        return open_picture(container, picture).codec_context.pix_fmt


def _write(
    path: str | os.PathLike[str],
    info: MediaInfo,
    picture: Picture,
    out_path: Path,
    copy: bool,
    on_progress: Callable[[float], None] | None,
    track: int | None,
) -> None:
    height = round(picture.height * min(1.0, _LARGEST_SIDE / max(picture.width, picture.height)))
    with open_container(path) as container, create_video(out_path) as output:
        if copy:
            sources = [add_copied_picture(output, container, picture)]
        else:
            sources = [add_encoded_picture(output, container, picture, height)]
        if info.has_audio:
            sources.append(add_sound(output, iter_clip_audio(path, SAMPLE_RATE_HZ, track=track), 1, SAMPLE_RATE_HZ))

        def report(time_s: float) -> None:
            if on_progress:
                on_progress(min(1.0, time_s / picture.duration_s))

        mux_in_order(output, sources, report)
