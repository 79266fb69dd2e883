"""The speed of a stroke taken from the picture: how fast the fastest thing in it moves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from engine.core.errors import BadInput
from engine.document.project import Clip, Hit
from engine.media.frames import iter_frames
from engine.onsets.flow import estimate_flow
from engine.onsets.motion import FRAME_HEIGHT, GLOBAL_MOTION, MIN_GAIN, TOP_SHARE, shrink_frame
from engine.physics.model import Stroke

LEAST_SPEED = 0.05
"""Frame heights a second under which nothing moves that could scrape."""

STEPS_PER_S = 25


def follow_picture(clip: Clip, hit: Hit) -> Stroke:
    """The hit's stroke with the speeds that the picture has between its start and end, the fastest being 1.

    In each frame the displacements of the TOP_SHARE of pixels that move most are averaged, less those of the whole
    frame, which are the camera's. Raises BadInput where nothing moves or there is no picture.
    """
    assert hit.stroke is not None
    end_s = min(clip.duration_s, hit.time_s + hit.stroke.length_s)
    times_s, speeds = [], []
    last: tuple[float, np.ndarray] | None = None
    margin_s = 1.5 / float(clip.frame_rate)
    for time_s, frame in iter_frames(clip.path, FRAME_HEIGHT, max(0.0, hit.time_s - margin_s), end_s + margin_s):
        small = shrink_frame(frame)
        if last is not None and time_s > last[0]:
            times_s.append((time_s + last[0]) / 2.0)
            speeds.append(_measure_speed(last[1], small) / (len(small) * (time_s - last[0])))
        last = time_s, small
    if len(speeds) < 2 or max(speeds) < LEAST_SPEED:
        raise BadInput("nothing moves in the picture during this scrape; move it to where something does, or draw it")
    smooth = np.convolve(np.pad(speeds, 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
    count = min(257, max(3, math.ceil(hit.stroke.length_s * STEPS_PER_S) + 1))
    at_s = np.linspace(hit.time_s, hit.time_s + hit.stroke.length_s, count)
    curve = np.interp(at_s, times_s, smooth)
    return replace(hit.stroke, speeds=tuple(float(round(v, 4)) for v in curve / max(float(curve.max()), 1e-9)))


def _measure_speed(frame: np.ndarray, other: np.ndarray) -> float:
    """Rows by which the fastest part of a frame moves to the next, less GLOBAL_MOTION times the mean of all."""
    flow = estimate_flow(frame, other)
    moved = np.hypot(flow.dx, flow.dy) * (flow.zero_cost - flow.best_cost > MIN_GAIN)
    top = np.sort(moved, axis=None)[-max(1, round(TOP_SHARE * moved.size)) :]
    return max(0.0, float(top.mean()) - GLOBAL_MOTION * float(moved.mean()))
