"""Re-encode the picture of clips whose stored packets a container cannot hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from engine.core.errors import BadInput, StruckError
from engine.media.frames import FrameScaler, decode_picture, open_picture
from engine.media.open import open_container
from engine.media.probe import Picture

_VARYING_RATES = (Fraction(50), Fraction(60), Fraction(100))
"""Candidate rates for a variable frame rate: the one whose grid is nearest to the frame times is used."""


def choose_rate(picture: Picture) -> Fraction:
    """Frame rate to encode with: the picture's own, or for a variable one what fits best of it and the candidates."""
    if not picture.variable_frame_rate:
        return picture.frame_rate

    def miss_s(rate: Fraction) -> float:
        position = picture.frame_times_s * float(rate)
        return float(np.abs(position - np.rint(position)).max() / float(rate))

    return min((picture.frame_rate, *_VARYING_RATES), key=lambda rate: (round(miss_s(rate), 4), rate))


def encode_picture(
    clip_path: str | os.PathLike[str], picture: Picture, out_path: Path, on_progress: Callable[[float], None]
) -> Fraction:
    """Write the picture alone as an H.264 MP4, upright, at ``choose_rate``, which is returned.

    Raises StruckError when the encoder fails; ``on_progress`` may raise Cancelled.
    """
    from moviepy import VideoClip

    rate = choose_rate(picture)
    count = max(1, round(picture.duration_s * rate))
    scale = FrameScaler(picture, picture.height, gray=False, even=True)
    with open_container(clip_path) as container:
        frames = decode_picture(container, open_picture(container, picture), picture)
        shown: np.ndarray | None = None
        following: tuple[float, VideoFrame] | None = next(frames, None)
        if following is None:
            raise BadInput(f"{Path(clip_path).name}: no frame of the picture can be decoded; export the clip again")

        def draw(time_s: float) -> np.ndarray:
            """The frame on screen at a time; times only rise."""
            nonlocal shown, following
            latest: VideoFrame | None = None
            while following is not None and (following[0] <= time_s + 0.25 / float(rate) or shown is None):
                latest = following[1]
                following = next(frames, None)
                if shown is None:
                    shown = scale(latest)
            if latest is not None:
                shown = scale(latest)
            on_progress(min(1.0, time_s / picture.duration_s))
            assert shown is not None
            return shown

        clip = VideoClip(draw, duration=float((count + Fraction(1, 2)) / rate))
        bt709 = "colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
        colours = ["-vf", f"scale=out_color_matrix=bt709:out_range=tv,setparams={bt709}"]
        try:
            clip.write_videofile(
                str(out_path),
                fps=float(rate),
                codec="libx264",
                preset="medium",
                audio=False,
                ffmpeg_params=["-crf", "16", *colours],
                logger=None,
            )
        except OSError as error:
            reason = str(error).strip().splitlines()[-1][:120] if str(error).strip() else "no reason given"
            raise StruckError(f"the picture could not be encoded ({reason}); free some space or convert it") from None
    return rate
