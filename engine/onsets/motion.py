"""Onset detection from motion: sudden stops and reversals of optical flow, not mere motion energy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter

from engine.onsets.flow import Flow, estimate_flow
from engine.onsets.track import CURVE_RATE_HZ, DEFAULT_THRESHOLD, Onset, OnsetTrack, draw_curve, last_track

FRAME_HEIGHT = 180
"""Rows of the frames that the detector expects."""

ROWS = 45
"""Rows of the small frame in which flow is estimated; each of its pixels is the mean of a square."""

USED_RATE_HZ = 25
"""Faster clips are decimated to between this and twice this rate, so that thresholds hold at every frame rate."""

# What counts as motion, and as its stop.
MIN_GAIN = 1.0
"""Gray levels by which the best displacement must match better than none."""
MIN_LOSS = 0.6
"""Share of its speed along its direction that a pixel must lose within a frame."""
CLEAR_EVIDENCE = 4.0
"""Gray levels by which constant velocity must match worse than the displacement found, for a loss to count in full."""
MAX_INCONSISTENCY = 1.5
"""Rows by which the flow forward and backward between two frames may differ."""
NOISE = 1.5
"""Mean difference in gray levels that counts as sensor noise."""
STILLED = 2.0
"""Motion counts as lost where it exceeds this many times the remaining motion."""
BORDER = 3
"""Rows and columns at the frame's edge, where leaving the frame looks like stopping."""

# Pooling over a frame.
SPEED_SPREAD, MOTION_SPREAD = 5, 9
"""Rows and columns over which the two losses are averaged: an object, and its path between two frames."""
TOP_SHARE = 0.03
GLOBAL_MOTION = 2.0
"""This many times the frame's mean is subtracted: what the whole frame does at once is camera motion."""

# A cut or a flash: most of the frame changed, and no displacement explains it.
CUT_LEVEL, CUT_RATIO, CUT_SHARE = 6.0, 0.5, 0.35

# From losses to onsets.
CLEAR_SPEED = 1.4
"""Loss of speed of a clear hit, in frame heights a second."""
CLEAR_MOTION = 10.0
"""Loss of motion of a clear hit, in gray levels."""
MOTION_LIMIT = 3.0
"""Lost motion counts up to this many times the lost speed beside it: fading or leaving is not a hit."""
SUSTAINED_SHARE = 0.5
"""Share subtracted of the losses just before (a swing that slows) and of their running median."""
MEDIAN_FRAMES = 17
CALIBRATED_IMPACT = 0.85
"""Impact at the default threshold."""
SEPARATION_S = 0.25
FIRST_PARTIAL = 50


def detect_motion_onsets(
    frames: Iterable[tuple[float, np.ndarray]], frame_rate: Fraction, duration_s: float
) -> OnsetTrack:
    """Onset track of gray frames (time_s, [H, W]) in order of time, two of them held at once.

    A hit is where an object's speed along its direction is lost or reversed from one frame to the next, and its motion
    with it. A loss shared between two frames places the contact between them.
    """
    return last_track(iter_motion_tracks(frames, frame_rate, duration_s))


def iter_motion_tracks(
    frames: Iterable[tuple[float, np.ndarray]], frame_rate: Fraction, duration_s: float, partial: bool = False
) -> Iterator[tuple[float, OnsetTrack | None]]:
    """``detect_motion_onsets`` in steps: the time reached in s and, with ``partial`` now and then, the track so far.

    The last step brings the track of the whole clip.
    """
    times: list[float] = []
    losses: list[tuple[float, float]] = []
    due = FIRST_PARTIAL
    for time_s, speed, motion in measure_losses(frames, frame_rate):
        times.append(time_s)
        losses.append((speed, motion))
        found = None
        if partial and len(times) == due:
            found = _make_track(times, losses, time_s)
            due += max(FIRST_PARTIAL, due // 4)
        yield time_s, found
    yield duration_s, _make_track(times, losses, duration_s)


def measure_losses(
    frames: Iterable[tuple[float, np.ndarray]], frame_rate: Fraction
) -> Iterator[tuple[float, float, float]]:
    """For every used frame: its time, the speed lost in frame heights a second, the motion lost in gray levels."""
    stride = max(1, int(frame_rate / USED_RATE_HZ))
    last: np.ndarray | None = None
    last_s = into_s = 0.0
    into: Flow | None = None
    before: Flow | None = None
    for index, (time_s, frame) in enumerate(frames):
        if index % stride:
            continue
        small = shrink_frame(frame)
        if last is not None:
            step_s = max(time_s - last_s, 1e-3)
            expected = None if into is None else (-into.dx * step_s / into_s, -into.dy * step_s / into_s)
            onward, backward = estimate_flow(last, small, expected), estimate_flow(small, last)
            cut = _is_cut(onward) or _is_cut(backward)
            speed = motion = 0.0
            if into is not None and before is not None and not cut:
                speed = _measure_lost_speed(before, into, onward, into_s / step_s) / (len(small) * into_s)
                motion = _measure_lost_motion(into, onward)
            yield last_s, speed, motion
            before, into, into_s = (None, None, 0.0) if cut else (onward, backward, step_s)
        last, last_s = small, time_s


def shrink_frame(frame: np.ndarray) -> np.ndarray:
    """The small frame, float32: means of squares of pixels."""
    size = max(1, round(frame.shape[0] / ROWS))
    rows, columns = max(1, frame.shape[0] // size), max(1, frame.shape[1] // size)
    used = frame[: rows * size, : columns * size]
    return used.reshape(rows, used.shape[0] // rows, columns, used.shape[1] // columns).mean(
        axis=(1, 3), dtype=np.float32
    )


def _is_cut(flow: Flow) -> bool:
    changed = (flow.best_cost > CUT_LEVEL) & (flow.best_cost > CUT_RATIO * flow.zero_cost)
    return float(changed.mean()) > CUT_SHARE


def _measure_lost_speed(before: Flow, into: Flow, onward: Flow, pace: float) -> float:
    """Speed in rows per frame that the pixels of a frame lose along their direction.

    ``before`` is the flow from the last frame to this, ``into`` from this back to the last, ``onward`` to the next.
    """
    dx, dy = -into.dx, -into.dy
    speed = np.hypot(dx, dy)
    along = pace * (onward.dx * dx + onward.dy * dy) / np.maximum(speed, 1e-6)
    loss = np.maximum(speed - along, 0.0)
    moved = (speed > 0.0) & (into.zero_cost - into.best_cost > MIN_GAIN) & _is_consistent(before, dx, dy)
    rows, columns = np.indices(speed.shape)
    stays = _inside(rows + dy, speed.shape[0]) & _inside(columns + dx, speed.shape[1])
    evidence = np.clip((onward.expected_cost - onward.best_cost) / CLEAR_EVIDENCE, 0.0, 1.0)
    loss *= moved & stays & (loss > MIN_LOSS * speed)
    return _sum_up(uniform_filter(loss * evidence, SPEED_SPREAD, mode="constant"))


def _is_consistent(before: Flow, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Forward-backward consistency, which disoccluded background fails."""
    rows, columns = np.indices(dx.shape)
    row = np.clip(rows - dy, 0, dx.shape[0] - 1).astype(int)
    column = np.clip(columns - dx, 0, dx.shape[1] - 1).astype(int)
    return np.hypot(before.dx[row, column] - dx, before.dy[row, column] - dy) <= MAX_INCONSISTENCY


def _inside(place: np.ndarray, count: int) -> np.ndarray:
    return (place >= 1) & (place <= count - 2)


def _measure_lost_motion(into: Flow, onward: Flow) -> float:
    """Gray levels of change before a frame that are missing after it."""
    was = np.zeros_like(into.zero_cost)
    inner = (slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    was[inner] = np.maximum(into.zero_cost[inner] - NOISE, 0.0)
    left = np.maximum(onward.zero_cost - NOISE, 0.0)
    lost = uniform_filter(was, MOTION_SPREAD) - STILLED * uniform_filter(left, MOTION_SPREAD)
    return _sum_up(np.maximum(lost, 0.0))


def _sum_up(values: np.ndarray) -> float:
    """Mean of the strongest share of a frame's pixels, less global motion."""
    most = max(1, int(TOP_SHARE * values.size))
    top = np.partition(values, -most, axis=None)[-most:]
    return float(np.maximum(top - GLOBAL_MOTION * values.mean(), 0.0).mean())


def measure_impacts(losses: np.ndarray) -> np.ndarray:
    """Impact at every frame from its losses of speed and motion [N, 2]; a clear hit has 1."""
    speed, motion = (_scale(values, clear) for values, clear in zip(losses.T, (CLEAR_SPEED, CLEAR_MOTION), strict=True))
    return speed + np.minimum(motion, MOTION_LIMIT * maximum_filter1d(speed, 3, mode="constant"))


def _scale(loss: np.ndarray, clear: float) -> np.ndarray:
    """A loss relative to that of a clear hit, less the losses just before and their running median.

    In a busy clip the reference is the geometric mean of ``clear`` and the 98th percentile.
    """
    before = np.full(len(loss), np.inf)
    before[3:] = np.minimum(loss[1:-2], np.where(np.arange(len(loss) - 3) > 0, loss[:-3], np.inf))
    sudden = loss - SUSTAINED_SHARE * (before + median_filter(loss, MEDIAN_FRAMES, mode="reflect"))
    sudden = np.maximum(sudden, 0.0)
    return sudden / np.sqrt(clear * max(clear, float(np.percentile(sudden, 98))))


def _make_track(times: list[float], losses: list[tuple[float, float]], duration_s: float) -> OnsetTrack:
    count = int(np.ceil(duration_s * CURVE_RATE_HZ))
    if len(times) < 4:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    at = np.asarray(times)
    impact = measure_impacts(np.asarray(losses))
    pair = impact[:-1] + impact[1:]
    strength = np.minimum(pair / (pair + 1.5 * CALIBRATED_IMPACT) / (0.4 / DEFAULT_THRESHOLD), 1.0)
    reach = max(1, round(SEPARATION_S / max(1e-3, float(np.median(np.diff(at))))))
    tops = np.flatnonzero((pair == maximum_filter1d(pair, 2 * reach + 1)) & (strength > 0.05))
    tops = tops[np.diff(tops, prepend=-reach - 1) > reach]
    moment = (at[:-1] * impact[:-1] + at[1:] * impact[1:]) / np.maximum(pair, 1e-12)
    candidates = tuple(Onset(min(max(0.0, float(moment[k])), duration_s), float(strength[k])) for k in tops)
    grid = np.arange(count) / CURVE_RATE_HZ
    return OnsetTrack(draw_curve(np.interp(grid, (at[:-1] + at[1:]) / 2, strength), candidates), candidates)
