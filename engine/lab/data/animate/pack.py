"""A pack of takes as motion in one small file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.animate.motion import GRID, Blow, Sound
from engine.core.errors import BadInput
from engine.core.files import write_file

MOST_BLOWS = 32
COMPONENTS = 4
"""Fields of a take are kept as this many spatial patterns times their curves over time."""


@dataclass(frozen=True, eq=False)
class MotionPack:
    """Takes K as arrays: ``stills`` uint8 [K, rows, columns, 3], ``paths`` [K, N, 4], ``patterns`` int8
    [K, COMPONENTS, 2, rows, columns] over 127, ``curves`` [K, N, COMPONENTS], ``places`` [K, 2], ``blows``
    [K, MOST_BLOWS, 2] of time and velocity (NaN behind the last), ``sounds`` [K, 2] of decay and centroid. ``known``
    uint8 [K, rows, columns] is 1 where the displacement is known, ``answers`` [K, N, 3] are light and camera as filmed,
    NaN of a simulated take, which has none.
    """

    stills: np.ndarray
    paths: np.ndarray
    patterns: np.ndarray
    curves: np.ndarray
    places: np.ndarray
    blows: np.ndarray
    sounds: np.ndarray
    known: np.ndarray
    answers: np.ndarray

    def __len__(self) -> int:
        return len(self.stills)

    def take(self, rows: np.ndarray | slice) -> MotionPack:
        """Some of the takes."""
        return MotionPack(*(getattr(self, name)[rows] for name in FIELDS))

    @staticmethod
    def join(packs: Sequence[MotionPack]) -> MotionPack:
        """One pack of several, in their order."""
        return MotionPack(*(np.concatenate([getattr(pack, name) for pack in packs]) for name in FIELDS))

    @property
    def filmed(self) -> np.ndarray:
        """Which takes are film, whose striker's path is not known, [K]."""
        return np.asarray(np.isfinite(self.answers).all(axis=(1, 2)))

    def list_blows(self, index: int) -> list[Blow]:
        """The blows of a take."""
        return [Blow(float(t), float(v)) for t, v in self.blows[index] if np.isfinite(t)]

    def describe_sound(self, index: int) -> Sound:
        """The sound of what a take strikes."""
        return Sound(*(float(value) for value in self.sounds[index]))


FIELDS = tuple(MotionPack.__dataclass_fields__)


def factor_field(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacements [N, 2, rows, columns] as patterns [COMPONENTS, 2, rows, columns] of peak 1, and curves [N,
    COMPONENTS], by singular values."""
    flat = np.clip(field, -0.3, 0.3).reshape(len(field), -1).astype(float)
    left, size, right = np.linalg.svd(flat, full_matrices=False)
    curves = left[:, :COMPONENTS] * size[:COMPONENTS]
    peak = np.maximum(np.abs(right[:COMPONENTS]).max(axis=1), 1e-9)
    return (right[:COMPONENTS] / peak[:, None]).reshape(-1, 2, *GRID), curves * peak


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
