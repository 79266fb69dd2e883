"""Motion of any length from the network: windows that each go on from the end of the one before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.animate.diffusion import sample_motion
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
from engine.animate.scaling import expand_motion

OVERLAP = 12
"""Frames of a window that the one after it is given."""
STEPS = 16
CONTACT_REACH = 0.2
"""Contacts that the network puts this near to the place struck, in heights, are put on it."""
_CONTACT_FRAMES = 1.5


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
    check: Callable[[float], None] = lambda _: None,
) -> Motion:
    """Motion of ``frames`` frames from a still [3, rows, columns] of CANVAS and the place struck in it (0 to 1).

    The same for the same seed. ``check`` hears the share that is done, and may raise to stop.
    """
    count = count_windows(frames)
    total = WINDOW + (count - 1) * (WINDOW - OVERLAP)
    features = torch.from_numpy(draw_blows(blows, np.arange(total) / RATE_HZ))
    random = torch.Generator().manual_seed(seed)
    track, field = torch.zeros(1, len(TRACK), total), torch.zeros(1, total, 2, *GRID)
    scene = torch.from_numpy(np.ascontiguousarray(still, np.float32))[None], torch.from_numpy(draw_place(place))[None]
    described = torch.from_numpy(encode_sound(sound))[None]
    for index in range(count):
        first = index * (WINDOW - OVERLAP)
        span = slice(first, first + WINDOW)
        known = OVERLAP if index else 0
        given = (torch.arange(WINDOW) < known).float()[None, None]
        before = track[..., span] * given, field[:, span] * given.transpose(1, 2)[..., None, None]
        conditions = Conditions(*scene, features[None, :, span], described, torch.ones(1, 1), given, *before)
        noise = torch.randn(before[0].shape, generator=random), torch.randn(before[1].shape, generator=random)

        def show(share: float, index: int = index) -> None:
            check((index + share) / count)

        new_track, new_field = sample_motion(network, conditions, noise, guidance, steps, show)
        new = slice(first + known, first + WINDOW)
        track[..., new], field[:, new] = new_track[..., known:], new_field[:, known:]
    track, field = expand_motion(track, field, network.config)
    return Motion(track[0].T[:frames].double().numpy(), field[0, :frames].numpy())


def sample_at(motion: Motion, times_s: np.ndarray) -> Motion:
    """Motion at other times, linearly between its frames and held at its ends."""
    place = np.clip(times_s * RATE_HZ, 0, len(motion.track) - 1)
    low = np.minimum(place.astype(int), max(0, len(motion.track) - 2))
    share = place - low
    high = np.minimum(low + 1, len(motion.track) - 1)
    track = motion.track[low] * (1 - share)[:, None] + motion.track[high] * share[:, None]
    weights = share[:, None, None, None].astype(np.float32)
    return Motion(track, motion.field[low] * (1 - weights) + motion.field[high] * weights)


def place_contacts(motion: Motion, times_s: np.ndarray, blows: Sequence[Blow]) -> Motion:
    """Motion whose tip lies on the place struck at the frame nearest to each blow that the network strikes.

    Between frames a blow would be missed by what the tip moves in half a frame. A blow at which the tip is nowhere
    near the place is left as it is.
    """
    track = motion.track.copy()
    if not len(times_s):
        return motion
    change, weights = np.zeros((len(track), 2)), np.zeros(len(track))
    for blow in blows:
        nearest = int(np.argmin(np.abs(times_s - blow.time_s)))
        around = slice(max(0, nearest - 1), nearest + 2)
        if np.hypot(*track[around, :2].T).min() > CONTACT_REACH:
            continue
        weight = np.exp(-0.5 * ((np.arange(len(track)) - nearest) / _CONTACT_FRAMES) ** 2)
        weight[nearest] = 1e3
        change -= weight[:, None] * track[nearest, :2]
        weights += weight
    track[:, :2] += change / np.maximum(weights, 1.0)[:, None]
    return Motion(track, motion.field)
