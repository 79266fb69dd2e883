"""Motion of any length from the network: windows that each go on from the end of the one before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from engine.animate.contacts import ContactPath
from engine.animate.diffusion import Pair, Tensors, descend, guide, sample_motion
from engine.animate.motion import (
    GRID,
    RATE_HZ,
    TRACK,
    WINDOW,
    Blow,
    Motion,
    Sound,
    draw_blows,
    draw_place,
    encode_sound,
)
from engine.animate.network import Conditions, MotionNetwork
from engine.animate.rocking import Rocking
from engine.animate.scaling import compress_motion, expand_motion
from engine.animate.swing import (
    PATCH,
    SWING,
    SWING_STEPS,
    SwingConditions,
    SwingNetwork,
    compress_swing,
    expand_swing,
)

OVERLAP = 12
"""Frames of a window that the one after it is given."""
STEPS = 16
_TIP, _GRIP = slice(0, 2), slice(2, 4)


def count_windows(frames: int) -> int:
    """Windows that a motion of so many frames takes."""
    return 1 + max(0, math.ceil((frames - WINDOW) / (WINDOW - OVERLAP)))


def generate_motion(
    network: MotionNetwork,
    still: np.ndarray,
    place: tuple[float, float],
    blows: Sequence[Blow],
    sound: Sound | None,
    frames: int,
    seed: int = 0,
    guidance: float = 1.5,
    steps: int = STEPS,
    constrained: bool | None = None,
    check: Callable[[float], None] = lambda _: None,
) -> Motion:
    """Motion of ``frames`` frames from a still [3, rows, columns] of CANVAS and the place struck in it (0 to 1).

    The same for the same seed. What is known of contacts and rocking is held while it is sampled, unless the sound is
    ignored or ``constrained`` says otherwise. ``check`` hears the share that is done, and may raise to stop.
    """
    count = count_windows(frames)
    total = WINDOW + (count - 1) * (WINDOW - OVERLAP)
    random = torch.Generator().manual_seed(seed)
    given = describe_blows(still, place, blows, sound, total)
    held = blows if (guidance > 0.0 if constrained is None else constrained) else ()
    path = ContactPath([blow.time_s for blow in held], total) if held else None
    known = None
    if network.swing is not None:
        known = generate_swing(network.swing, given, path, random, guidance)
    empty = torch.zeros(1, 1, total), torch.zeros(1, len(TRACK), total), torch.zeros(1, total, 2, *GRID)
    conditions = Conditions(given.still, given.place, given.blows, given.sound, given.heard, *empty)
    noise = torch.randn(empty[1].shape, generator=random), torch.randn(empty[2].shape, generator=random)
    rocking = Rocking(held, sound, total) if held else None

    def hold(motion: Pair) -> Pair:
        plain, moved = expand_motion(*motion, network.config)
        if rocking is not None:
            moved = rocking.fit(moved)
        if known is not None:
            plain[:, :SWING] = known
        elif path is not None:
            plain[:, :SWING] = path.fit(plain[:, :SWING])
        track, field = compress_motion(plain, moved, network.config)
        return torch.cat((track[:, :SWING], motion[0][:, SWING:]), dim=1), field

    windows = _Windows(network, count, count * steps * (1 if guidance in (0.0, 1.0) else 2), check)
    track, field = sample_motion(windows, conditions, noise, guidance, steps, hold)
    track, field = expand_motion(track, field, network.config)
    if known is not None:
        track[:, :SWING] = known
    return Motion(track[0].T[:frames].double().numpy(), field[0, :frames].numpy())


def describe_blows(
    still: np.ndarray, place: tuple[float, float], blows: Sequence[Blow], sound: Sound | None, frames: int
) -> SwingConditions:
    """What the networks are given of a still [3, rows, columns], the place struck, and ``frames`` frames of a sound."""
    return SwingConditions(
        torch.from_numpy(np.ascontiguousarray(still, np.float32))[None],
        torch.from_numpy(draw_place(place))[None],
        torch.from_numpy(draw_blows(blows, np.arange(frames) / RATE_HZ))[None],
        torch.from_numpy(encode_sound(sound))[None],
        torch.ones(1, 1),
    )


class _Windows:
    """The network over motion of any length: in windows, whose velocities fade into each other where they overlap.

    Every step of the diffusion sees them agree, so that there are no seams.
    """

    def __init__(self, network: MotionNetwork, count: int, calls: int, check: Callable[[float], None]) -> None:
        self.network, self.count, self.calls, self.check, self.done = network, count, calls, check, 0
        rise = (torch.arange(OVERLAP) + 0.5) / OVERLAP
        self.weights = torch.ones(count, WINDOW)
        self.weights[1:, :OVERLAP] = rise
        self.weights[:-1, WINDOW - OVERLAP :] = rise.flip(0)

    def __call__(self, track: torch.Tensor, field: torch.Tensor, angle: torch.Tensor, given: Conditions) -> Pair:
        track_speed, field_speed = torch.zeros_like(track), torch.zeros_like(field)
        for index, weight in enumerate(self.weights):
            first = index * (WINDOW - OVERLAP)
            span = slice(first, first + WINDOW)
            part = replace(
                given, blows=given.blows[..., span], given=given.given[..., span], track=given.track[..., span],
                field=given.field[:, span],
            )  # fmt: skip
            line, cells = self.network(track[..., span], field[:, span], angle, part)
            track_speed[..., span] += weight * line
            field_speed[:, span] += weight[:, None, None, None] * cells
            self.done += 1
            self.check(self.done / self.calls)
        return track_speed, field_speed


def generate_swing(
    network: SwingNetwork,
    given: SwingConditions,
    path: ContactPath | None,
    random: torch.Generator,
    guidance: float,
    steps: int = SWING_STEPS,
) -> torch.Tensor:
    """Tip from the place struck and grip from the tip, [1, SWING, N] in heights; the tip's is such a path."""
    frames = given.blows.shape[2]
    short = -frames % PATCH
    given = replace(given, blows=F.pad(given.blows, (0, short), mode="replicate"))
    noise = torch.randn(1, SWING, frames + short, generator=random)
    unheard = given.hide_sound()

    def measure(parts: Tensors, angle: torch.Tensor) -> Tensors:
        speed = network(parts[0], angle, unheard if guidance == 0.0 else given)
        return (speed,) if guidance in (0.0, 1.0) else guide((network(parts[0], angle, unheard),), (speed,), guidance)

    def hold(parts: Tensors) -> Tensors:
        if path is None:
            return parts
        plain = expand_swing(parts[0], network.config)
        fitted = F.pad(path.fit(plain[..., :frames]), (0, short), mode="replicate")
        return (compress_swing(fitted, network.config),)

    (swing,) = descend(measure, (noise,), steps, hold, lambda _: None)
    return expand_swing(swing, network.config)[..., :frames]


def sample_at(motion: Motion, times_s: np.ndarray, contacts_s: Sequence[float] = ()) -> Motion:
    """Motion at other times, linearly between its frames and held at its ends.

    At each contact between two frames the tip is on the place, while the hand goes on evenly.
    """
    at = np.clip(times_s * RATE_HZ, 0, len(motion.track) - 1)
    knots, rows = np.arange(len(motion.track), dtype=float), motion.track.copy()
    rows[:, _GRIP] += rows[:, _TIP]
    met = np.array([now for time_s in contacts_s if 0 < (now := time_s * RATE_HZ) < len(knots) - 1 and now % 1])
    between = np.stack([np.interp(met, knots, channel) for channel in rows.T], axis=1)
    between[:, _TIP] = 0.0
    order = np.argsort(np.concatenate((knots, met)), kind="stable")
    knots, rows = np.concatenate((knots, met))[order], np.concatenate((rows, between))[order]
    track = np.stack([np.interp(at, knots, channel) for channel in rows.T], axis=1)
    track[:, _GRIP] -= track[:, _TIP]
    low = np.minimum(at.astype(int), max(0, len(motion.field) - 2))
    weights = (at - low).astype(np.float32)[:, None, None, None]
    high = np.minimum(low + 1, len(motion.field) - 1)
    return Motion(track, motion.field[low] * (1 - weights) + motion.field[high] * weights)
