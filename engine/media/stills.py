"""Single frames of a clip, at given times."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

_BEFORE_S, _SKIP_S = 1.0, 10.0


def grab_frames(
    clip: str | os.PathLike[str],
    times_s: Sequence[float],
    height: int,
    on_time: Callable[[float], None] = lambda _: None,
) -> dict[float, np.ndarray]:
    """The frame shown at each time, uint8 [height, W, 3]; stretches without a time are skipped.

    ``on_time`` hears the time that is read, and may raise to stop. Raises BadInput for a clip that cannot be read.
    """
    found: dict[float, np.ndarray] = {}
    waiting = sorted(set(times_s))
    while waiting:
        _read_stretch(clip, height, waiting, found, on_time)
    return found


def _read_stretch(
    clip: str | os.PathLike[str],
    height: int,
    waiting: list[float],
    found: dict[float, np.ndarray],
    on_time: Callable[[float], None],
) -> None:
    """Take times from ``waiting`` until the next lies far ahead; those after the last frame show that."""
    from engine.media.frames import iter_frames

    shown: np.ndarray | None = None
    for time_s, frame in iter_frames(clip, height, max(0.0, waiting[0] - _BEFORE_S), gray=False):
        on_time(time_s)
        while waiting and shown is not None and time_s > waiting[0] + 1e-4:
            found[waiting.pop(0)] = shown
        if not waiting or (waiting[0] > time_s + _SKIP_S and found):
            return
        shown = frame
    for time_s in waiting:
        if shown is not None:
            found[time_s] = shown
    waiting.clear()


def cut_middle(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The middle of a picture uint8 [H, W, 3] in the shape of, and scaled to, rows x columns."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = min(height / rows, width / columns)
    tall, wide = rows * scale, columns * scale
    left, top = (width - wide) / 2, (height - tall) / 2
    box = (left, top, left + wide, top + tall)
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR, box=box))
