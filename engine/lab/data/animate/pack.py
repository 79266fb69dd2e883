"""A pack of takes as motion in one small file, made in parts that a broken run goes on from."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.animate.motion import Blow, Sound
from engine.core.errors import BadInput
from engine.core.files import write_file

PART = 25
MOST_BLOWS = 32


@dataclass(frozen=True, eq=False)
class MotionPack:
    """Takes K as arrays: ``stills`` uint8 [K, rows, columns, 3], ``paths`` [K, N, 4], ``patterns`` int8
    [K, COMPONENTS, 2, rows, columns] over 127, ``curves`` [K, N, COMPONENTS], ``places`` [K, 2], ``blows``
    [K, MOST_BLOWS, 2] of time and velocity (NaN behind the last), ``sounds`` [K, 2] of decay and centroid.
    """

    stills: np.ndarray
    paths: np.ndarray
    patterns: np.ndarray
    curves: np.ndarray
    places: np.ndarray
    blows: np.ndarray
    sounds: np.ndarray

    def __len__(self) -> int:
        return len(self.stills)

    def take(self, rows: np.ndarray | slice) -> MotionPack:
        """Some of the takes."""
        return MotionPack(*(getattr(self, name)[rows] for name in FIELDS))

    def list_blows(self, index: int) -> list[Blow]:
        """The blows of a take."""
        return [Blow(float(t), float(v)) for t, v in self.blows[index] if np.isfinite(t)]

    def describe_sound(self, index: int) -> Sound:
        """The sound of what a take strikes."""
        return Sound(*(float(value) for value in self.sounds[index]))


FIELDS = tuple(MotionPack.__dataclass_fields__)


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
    pack = MotionPack(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))
    write_pack(out, pack)
    return pack


def _make_part(path: Path, seed: int, indices: Sequence[int]) -> None:
    """A part in a process of its own, for a software OpenGL leaks; one that crashes is tried once more."""
    import multiprocessing

    for _ in range(2):
        process = multiprocessing.get_context("spawn").Process(target=_simulate_part, args=(path, seed, list(indices)))
        process.start()
        process.join()
        if path.is_file():
            return
    raise BadInput(f"takes {indices[0]} to {indices[-1]} of seed {seed} cannot be simulated; try another --seed")


def _simulate_part(path: Path, seed: int, indices: list[int]) -> None:
    os.environ.setdefault("LP_NUM_THREADS", "1")
    from engine.animate.motion import CANVAS, GRID, RATE_HZ
    from engine.lab.data.animate.takes import COMPONENTS, DURATION_S, make_motion_take

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
    )
    write_pack(path, pack)


def write_pack(path: Path, pack: MotionPack) -> None:
    """Write a pack."""
    held = io.BytesIO()
    np.savez_compressed(held, **{name: getattr(pack, name) for name in FIELDS})
    write_file(path, held.getvalue())


def read_pack(path: Path) -> MotionPack:
    """Read a pack. Raises BadInput, naming the file, where it is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return MotionPack(*(arrays[name] for name in FIELDS))
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path} is no pack of takes ({error}); make one with `train animate --make-pack`") from None
