"""A pack of simulated takes as motion, made in parts that a broken run goes on from."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engine.animate.motion import CANVAS, GRID, RATE_HZ, TRACK
from engine.core.errors import BadInput
from engine.lab.data.animate.pack import COMPONENTS, MOST_BLOWS, MotionPack, read_pack, write_pack
from engine.lab.simulator.motion_takes import DURATION_S, make_motion_take

PART = 25


def make_pack(out: Path, work: Path, seed: int, count: int, say: Callable[[str], None]) -> MotionPack:
    """Simulate plans 0 to ``count`` - 1 of a seed and write those that show blows; parts are kept in ``work``."""
    work.mkdir(parents=True, exist_ok=True)
    parts = []
    for first in range(0, count, PART):
        path = work / f"part_{seed}_{first:05d}.npz"
        if not path.is_file():
            _make_part(path, seed, range(first, min(first + PART, count)))
            say(f"{min(first + PART, count)}/{count} plans")
        parts.append(read_pack(path))
    pack = MotionPack.join(parts)
    write_pack(out, pack)
    return pack


def _make_part(path: Path, seed: int, indices: Sequence[int]) -> None:
    """A part in a process of its own, for a software OpenGL leaks; one that crashes is tried once more."""
    for _ in range(2):
        process = multiprocessing.get_context("spawn").Process(target=_simulate_part, args=(path, seed, list(indices)))
        process.start()
        process.join()
        if path.is_file():
            return
    raise BadInput(f"takes {indices[0]} to {indices[-1]} of seed {seed} cannot be simulated; try another --seed")


def _simulate_part(path: Path, seed: int, indices: list[int]) -> None:
    os.environ.setdefault("LP_NUM_THREADS", "1")

    frames = int(DURATION_S * RATE_HZ)
    takes = [take for index in indices if (take := make_motion_take(seed, index)) is not None]
    blows = np.full((len(takes), MOST_BLOWS, 2), np.nan, np.float32)
    for row, take in zip(blows, takes, strict=True):
        for k, blow in enumerate(take.blows[:MOST_BLOWS]):
            row[k] = blow.time_s, blow.velocity
    pack = MotionPack(
        np.array([take.still for take in takes], np.uint8).reshape(-1, *CANVAS, 3),
        np.array([take.paths for take in takes], np.float16).reshape(-1, frames, 4),
        np.array([np.rint(127 * take.patterns) for take in takes], np.int8).reshape(-1, COMPONENTS, 2, *GRID),
        np.array([take.curves for take in takes], np.float16).reshape(-1, frames, COMPONENTS),
        np.array([take.place for take in takes], np.float32).reshape(-1, 2),
        blows,
        np.array([(take.sound.decay_s, take.sound.centroid_hz) for take in takes], np.float32).reshape(-1, 2),
        np.ones((len(takes), *GRID), np.uint8),
        np.full((len(takes), frames, len(TRACK) - 4), np.nan, np.float16),
    )
    write_pack(path, pack)
