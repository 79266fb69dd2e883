"""A pack of pictures with the sounds of what is struck in them, in one small file."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.files import write_file
from engine.scene.hearing import BANDS, FRAMES
from engine.scene.network import SIDE

HELD_OUT = 5
"""One of so many groups, simulated takes and days of film, is measured on and not learnt from."""


@dataclass(frozen=True, eq=False)
class ScenePack:
    """Pairs N as arrays: ``pictures`` uint8 [N, SIDE, SIDE, 3], ``sounds`` float16 [N, BANDS, FRAMES] as hear_sound
    hears them, and texts [N]: ``materials`` struck, and ``groups`` (a simulated take, a day of film) that are never
    divided between training and test.
    """

    pictures: np.ndarray
    sounds: np.ndarray
    materials: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, rows: np.ndarray | slice) -> ScenePack:
        """Some of the pairs."""
        return ScenePack(*(getattr(self, name)[rows] for name in FIELDS))


FIELDS = tuple(ScenePack.__dataclass_fields__)


def make_pack(
    pictures: Sequence[np.ndarray], sounds: Sequence[np.ndarray], materials: Sequence[str], groups: Sequence[str]
) -> ScenePack:
    """A pack of lists of pairs."""
    return ScenePack(
        np.array(pictures, np.uint8).reshape(-1, SIDE, SIDE, 3),
        np.array(sounds, np.float16).reshape(-1, BANDS, FRAMES),
        np.array(materials, dtype=str),
        np.array(groups, dtype=str),
    )


def join_packs(packs: Sequence[ScenePack]) -> ScenePack:
    """Packs one after another."""
    return ScenePack(*(np.concatenate([getattr(pack, name) for pack in packs]) for name in FIELDS))


def write_pack(path: Path, pack: ScenePack) -> None:
    """Write a pack."""
    held = io.BytesIO()
    np.savez_compressed(held, **{name: getattr(pack, name) for name in FIELDS})
    write_file(path, held.getvalue())


def read_pack(path: Path) -> ScenePack:
    """Read a pack. Raises BadInput, naming the file, where it is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ScenePack(*(arrays[name] for name in FIELDS))
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path} is no pack of scenes ({error}); make one with `train scene --make-pack`") from None


def split_pack(pack: ScenePack) -> tuple[ScenePack, ScenePack]:
    """Pairs to learn from and held-out ones, no group in both; a group is always of the same side.

    Raises BadInput where there are too few groups.
    """
    mask = np.array([zlib.crc32(str(group).encode()) % HELD_OUT == 0 for group in pack.groups], bool)
    if not mask.any() or mask.all():
        raise BadInput(f"a pack of {len(pack)} pairs is too small to learn from; simulate more with --make-pack")
    return pack.take(~mask), pack.take(mask)


def crop_picture(frame: np.ndarray, x: float) -> np.ndarray:
    """The square of a frame's height around a place x (0 to 1), uint8 [SIDE, SIDE, 3]."""
    from PIL import Image

    height, width = frame.shape[:2]
    side = min(height, width)
    left = int(np.clip(round(x * width - 0.5 * side), 0, width - side))
    square = Image.fromarray(np.ascontiguousarray(frame[:side, left : left + side]))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX))
