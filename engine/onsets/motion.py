"""Hits seen: sudden stops and reversals of local motion, not mere motion energy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter

from engine.onsets.flow import Flow, measure_flow
from engine.onsets.track import CURVE_RATE_HZ, DEFAULT_THRESHOLD, Onset, OnsetTrack, draw_curve

PICTURE_HEIGHT = 180
"""Rows of the frames that the detector is made for."""

ROWS = 45
"""Rows of the small picture in which motion is followed, each the mean of a square of pixels."""

USED_RATE_HZ = 25
"""Faster clips are thinned to between this and twice this rate: enough, and the same at every frame rate."""

# What counts as a thing that moved, and as its stop.
LEAST_GAIN = 1.0
"""Gray levels that motion must explain of what changed."""
LEAST_LOSS = 0.6
"""Share of its speed along its way that a spot must lose within a frame."""
CLEAR_EVIDENCE = 4.0
"""Gray levels by which going on as before must fit worse than the shift found, for a loss to count in full."""
AGREEMENT = 1.5
"""Rows by which the flow forward and backward between two frames may differ."""
NOISE = 1.5
"""Mean difference in gray levels that is no motion."""
STILLED = 2.0
"""Motion counts as lost where it was more than this many times what is left of it."""
BORDER = 3
"""Rows and columns at the picture's edge where leaving the picture looks like stopping."""

# From spots to a picture.
SPEED_SPREAD, MOTION_SPREAD = 5, 9
"""Rows and columns over which the two losses are averaged: a thing, and the way it makes between two frames."""
TOP_SHARE = 0.03
WHOLE_PICTURE = 2.0
"""This many times the picture's mean is taken off: what all of it does at once is the camera."""

# A cut, a flash, a lamp: most of the picture changed, and no shift explains it.
BROKEN_LEVEL, BROKEN_RATIO, BROKEN_SHARE = 6.0, 0.5, 0.35

# From pictures to hits.
CLEAR_SPEED = 1.4
"""Loss of speed of a clear hit, in picture heights a second."""
CLEAR_MOTION = 10.0
"""Loss of motion of a clear hit, in gray levels."""
MOTION_LIMIT = 3.0
"""Lost motion counts up to this many times the lost speed beside it: what only fades or leaves is no hit."""
SUSTAINED_SHARE = 0.5
"""Share taken off of what went on before (a swing that slows) and of what goes on all the time (unrest)."""
UNREST_FRAMES = 17
BALANCED = 0.85
"""Impact at the default threshold."""
SEPARATION_S = 0.25
FIRST_PARTIAL = 50


def detect_in_picture(
    frames: Iterable[tuple[float, np.ndarray]],
    frame_rate: Fraction,
    duration_s: float,
    on_found: Callable[[OnsetTrack], None] | None = None,
) -> OnsetTrack:
    """Onsets of a silent picture from gray frames [H, W] in order of time, two of them held at once.

    A hit is where a thing's speed along its way is lost or reversed from one frame to the next, and its motion with
    it. A loss shared between two frames places the contact between them.
    """
    times: list[float] = []
    losses: list[tuple[float, float]] = []
    due = FIRST_PARTIAL
    for time_s, speed, motion in measure_losses(frames, frame_rate):
        times.append(time_s)
        losses.append((speed, motion))
        if on_found is not None and len(times) == due:
            on_found(_make_track(times, losses, time_s))
            due += max(FIRST_PARTIAL, due // 4)
    return _make_track(times, losses, duration_s)


def measure_losses(
    frames: Iterable[tuple[float, np.ndarray]], frame_rate: Fraction
) -> Iterator[tuple[float, float, float]]:
    """At every used frame: its time, the speed lost there in picture heights a second, the motion lost in gray."""
    stride = max(1, int(frame_rate / USED_RATE_HZ))
    last: np.ndarray | None = None
    last_s = into_s = 0.0
    into: Flow | None = None
    before: Flow | None = None
    for index, (time_s, frame) in enumerate(frames):
        if index % stride:
            continue
        picture = _shrink(frame)
        if last is not None:
            step_s = max(time_s - last_s, 1e-3)
            expected = None if into is None else (-into.right * step_s / into_s, -into.down * step_s / into_s)
            onward, backward = measure_flow(last, picture, expected), measure_flow(picture, last)
            broken = _is_broken(onward) or _is_broken(backward)
            speed = motion = 0.0
            if into is not None and before is not None and not broken:
                speed = _measure_lost_speed(before, into, onward, into_s / step_s) / (len(picture) * into_s)
                motion = _measure_lost_motion(into, onward)
            yield last_s, speed, motion
            before, into, into_s = (None, None, 0.0) if broken else (onward, backward, step_s)
        last, last_s = picture, time_s


def _shrink(frame: np.ndarray) -> np.ndarray:
    """The small picture, float32: means of squares of pixels."""
    size = max(1, round(frame.shape[0] / ROWS))
    rows, columns = max(1, frame.shape[0] // size), max(1, frame.shape[1] // size)
    used = frame[: rows * size, : columns * size]
    return used.reshape(rows, used.shape[0] // rows, columns, used.shape[1] // columns).mean(
        axis=(1, 3), dtype=np.float32
    )


def _is_broken(flow: Flow) -> bool:
    changed = (flow.shifted > BROKEN_LEVEL) & (flow.shifted > BROKEN_RATIO * flow.still)
    return float(changed.mean()) > BROKEN_SHARE


def _measure_lost_speed(before: Flow, into: Flow, onward: Flow, pace: float) -> float:
    """Rows a frame that the spots of a frame lose along their way.

    ``before`` leads from the last frame to this, ``into`` from this back to the last, ``onward`` to the next.
    """
    right, down = -into.right, -into.down
    speed = np.hypot(right, down)
    along = pace * (onward.right * right + onward.down * down) / np.maximum(speed, 1e-6)
    loss = np.maximum(speed - along, 0.0)
    moved = (speed > 0.0) & (into.still - into.shifted > LEAST_GAIN) & _agrees(before, right, down)
    rows, columns = np.indices(speed.shape)
    stays = _inside(rows + down, speed.shape[0]) & _inside(columns + right, speed.shape[1])
    evidence = np.clip((onward.kept - onward.shifted) / CLEAR_EVIDENCE, 0.0, 1.0)
    loss *= moved & stays & (loss > LEAST_LOSS * speed)
    return _sum_up(uniform_filter(loss * evidence, SPEED_SPREAD, mode="constant"))


def _agrees(before: Flow, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Whether a spot, where it was a frame earlier, is seen to go where it is now: background laid bare does not."""
    rows, columns = np.indices(right.shape)
    row = np.clip(rows - down, 0, right.shape[0] - 1).astype(int)
    column = np.clip(columns - right, 0, right.shape[1] - 1).astype(int)
    return np.hypot(before.right[row, column] - right, before.down[row, column] - down) <= AGREEMENT


def _inside(place: np.ndarray, count: int) -> np.ndarray:
    return (place >= 1) & (place <= count - 2)


def _measure_lost_motion(into: Flow, onward: Flow) -> float:
    """Gray levels of change that were there before a frame and are not after it."""
    was = np.zeros_like(into.still)
    inner = (slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    was[inner] = np.maximum(into.still[inner] - NOISE, 0.0)
    left = np.maximum(onward.still - NOISE, 0.0)
    lost = uniform_filter(was, MOTION_SPREAD) - STILLED * uniform_filter(left, MOTION_SPREAD)
    return _sum_up(np.maximum(lost, 0.0))


def _sum_up(values: np.ndarray) -> float:
    """Mean of the strongest share of a picture's spots, less what all of it does."""
    most = max(1, int(TOP_SHARE * values.size))
    top = np.partition(values, -most, axis=None)[-most:]
    return float(np.maximum(top - WHOLE_PICTURE * values.mean(), 0.0).mean())


def measure_impacts(losses: np.ndarray) -> np.ndarray:
    """Impact at every frame from its losses of speed and motion [N, 2]; 1 is clear."""
    speed, motion = (_scale(values, clear) for values, clear in zip(losses.T, (CLEAR_SPEED, CLEAR_MOTION), strict=True))
    return speed + np.minimum(motion, MOTION_LIMIT * maximum_filter1d(speed, 3, mode="constant"))


def _scale(loss: np.ndarray, clear: float) -> np.ndarray:
    """A loss over what a clear hit makes, less what went on before and what always goes on.

    In a busy clip, what is clear rises halfway (in proportion) to what its strongest frames reach.
    """
    before = np.full(len(loss), np.inf)
    before[3:] = np.minimum(loss[1:-2], np.where(np.arange(len(loss) - 3) > 0, loss[:-3], np.inf))
    sudden = loss - SUSTAINED_SHARE * (before + median_filter(loss, UNREST_FRAMES, mode="reflect"))
    sudden = np.maximum(sudden, 0.0)
    return sudden / np.sqrt(clear * max(clear, float(np.percentile(sudden, 98))))


def _make_track(times: list[float], losses: list[tuple[float, float]], duration_s: float) -> OnsetTrack:
    count = int(np.ceil(duration_s * CURVE_RATE_HZ))
    if len(times) < 4:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    at = np.asarray(times)
    impact = measure_impacts(np.asarray(losses))
    pair = impact[:-1] + impact[1:]
    strength = np.minimum(pair / (pair + 1.5 * BALANCED) / (0.4 / DEFAULT_THRESHOLD), 1.0)
    reach = max(1, round(SEPARATION_S / max(1e-3, float(np.median(np.diff(at))))))
    tops = np.flatnonzero((pair == maximum_filter1d(pair, 2 * reach + 1)) & (strength > 0.05))
    tops = tops[np.diff(tops, prepend=-reach - 1) > reach]
    moment = (at[:-1] * impact[:-1] + at[1:] * impact[1:]) / np.maximum(pair, 1e-12)
    candidates = tuple(Onset(min(max(0.0, float(moment[k])), duration_s), float(strength[k])) for k in tops)
    grid = np.arange(count) / CURVE_RATE_HZ
    return OnsetTrack(draw_curve(np.interp(grid, (at[:-1] + at[1:]) / 2, strength), candidates), candidates)
