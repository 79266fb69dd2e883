"""What an animated still is judged on: simulated takes and film that the network did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.animate.motion import CANVAS, RATE_HZ, TRACK, Blow, Motion, Sound
from engine.animate.place import find_place
from engine.animate.still import Canvas, Still, fit_canvas, shrink_still
from engine.core.errors import BadInput
from engine.lab.data.animate.pack import MotionPack
from engine.media.frames import iter_frames
from engine.pipeline.make_animatic import hear_recording

HEIGHT_PX = 108
"""Rows of every picture that is judged."""
LENGTH_S = 5.0


@dataclass(frozen=True, eq=False)
class Scene:
    """A still, where it is struck (0 to 1 of the canvas), what is heard, and the true picture: its ``motion``, or its
    frames (time in s, uint8 [H, W, 3]) at ``frame_rate`` where it was filmed.
    """

    name: str
    still: Still
    place: tuple[float, float]
    blows: tuple[Blow, ...]
    sound: Sound | None
    motion: Motion | None = None
    frames: tuple[tuple[float, np.ndarray], ...] = ()
    frame_rate: float = float(RATE_HZ)

    @property
    def canvas(self) -> Canvas:
        return fit_canvas(self.still)

    @property
    def small(self) -> np.ndarray:
        """The still as the network sees it."""
        return shrink_still(self.still, self.canvas)

    @property
    def pixel(self) -> tuple[float, float]:
        """Where the still is struck, in its pixels."""
        return (
            self.place[0] * self.canvas.scale * CANVAS[1] / CANVAS[0] + self.canvas.left,
            self.place[1] * self.canvas.scale + self.canvas.top,
        )


def list_takes(pack: MotionPack) -> list[Scene]:
    """Every take of a pack that has a blow, its still enlarged to HEIGHT_PX."""
    scenes = []
    for index in range(len(pack)):
        blows = tuple(blow for blow in pack.list_blows(index) if blow.time_s < LENGTH_S)
        if not blows:
            continue
        still = Still(_enlarge(pack.stills[index]), f"take {index}")
        x, y = (float(value) for value in pack.places[index])
        motion = _restore_motion(pack, index)
        scenes.append(Scene(f"take {index}", still, (x, y), blows, pack.describe_sound(index), motion))
    return scenes


def list_film(paths: Sequence[Path]) -> list[Scene]:
    """The first LENGTH_S of clips with blows in their sound; the still is the first frame, the place is found."""
    scenes = []
    for path in paths:
        try:
            heard = hear_recording(path)
        except BadInput:
            continue
        blows = tuple(blow for blow in heard.blows if blow.time_s < LENGTH_S)
        shown = iter_frames(path, HEIGHT_PX, 0.0, LENGTH_S, gray=False)
        frames = tuple((time_s, frame[:, : frame.shape[1] // 2 * 2]) for time_s, frame in shown)
        if not blows or len(frames) < 2 * RATE_HZ:
            continue
        rate_hz = (len(frames) - 1) / (frames[-1][0] - frames[0][0])
        still = Still(np.ascontiguousarray(frames[0][1]), path.name)
        place = find_place(shrink_still(still, fit_canvas(still)))
        scenes.append(Scene(path.stem, still, place, blows, heard.sound, None, frames, rate_hz))
    return scenes


def _enlarge(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    width = HEIGHT_PX * pixels.shape[1] // pixels.shape[0]
    return np.ascontiguousarray(Image.fromarray(pixels).resize((width, HEIGHT_PX), Image.Resampling.BICUBIC))


def _restore_motion(pack: MotionPack, index: int) -> Motion:
    """A take's motion, from its patterns and their curves; its camera and light stand still."""
    curves, patterns = pack.curves[index].astype(np.float32), pack.patterns[index].astype(np.float32) / 127.0
    track = np.zeros((len(curves), len(TRACK)))
    track[:, :4] = pack.paths[index]
    return Motion(track, np.einsum("nk,kcyx->ncyx", curves, patterns))
