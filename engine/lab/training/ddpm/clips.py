"""Recordings as the paper's baseline learns from them: pictures of their first 0.25 s and the physics of each."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.baselines.ddpm import physics as ddpm_physics
from engine.lab.baselines.ddpm.physics import DdpmPhysics, cut_clip, divide_by_peak, estimate_ddpm_batch
from engine.lab.baselines.ddpm.sampler import waves_to_pictures
from engine.lab.data.recordings import Recording, is_held_out, read_hit

SHORTEST = 480
QUIETEST = 1e-4
_AT_ONCE = 64


@dataclass(frozen=True)
class Clips:
    """``pictures`` float16 [N, 1025, 44] of N recordings beside their physics; ``held_out`` [N] are not learnt."""

    pictures: np.ndarray
    physics: DdpmPhysics
    held_out: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)


def prepare_clips(recordings: Sequence[Recording], path: Path) -> Clips:
    """The clips of recordings, kept in the file ``path`` and made anew when recordings or estimator have changed.

    Recordings in which nothing is struck are left out. Raises StruckError when that leaves none.
    """
    made_of = describe(recordings)
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["made_of"]) == made_of:
                physics = DdpmPhysics(*(kept[name] for name in DdpmPhysics.__dataclass_fields__))
                return Clips(kept["pictures"], physics, kept["held_out"])
    sounds, held_out = [], []
    for recording in recordings:
        try:
            hit = read_hit(recording)
            if len(hit) >= SHORTEST and float(np.abs(hit).max()) >= QUIETEST:
                sounds.append(cut_clip(hit, SAMPLE_RATE_HZ))
                held_out.append(is_held_out(recording))
        except StruckError:
            continue
    if not sounds:
        raise StruckError("no recording of the corpus holds a hit; give single hits of at least 10 ms")
    parts, pictures = [], []
    for start in range(0, len(sounds), _AT_ONCE):
        some = sounds[start : start + _AT_ONCE]
        parts.append(estimate_ddpm_batch(some))
        waves = torch.from_numpy(np.stack([divide_by_peak(sound) for sound in some]).astype(np.float32))
        pictures.append(waves_to_pictures(waves)[:, 0].numpy().astype(np.float16))
        print(f"clips: {start + len(some)} of {len(sounds)} recordings", file=sys.stderr, flush=True)
    names = DdpmPhysics.__dataclass_fields__
    physics = DdpmPhysics(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    clips = Clips(np.concatenate(pictures), physics, np.asarray(held_out))
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(physics, name) for name in names}
    with open(path, "wb") as file:
        np.savez(file, made_of=np.array(made_of), pictures=clips.pictures, held_out=clips.held_out, **arrays)
    return clips


def describe(recordings: Sequence[Recording]) -> str:
    """Digest of what clips are made of: the recordings and the code that estimates their physics."""
    digest = hashlib.sha256(inspect.getsource(ddpm_physics).encode())
    for recording in recordings:
        digest.update(repr((recording.group, recording.path.name, recording.path.stat().st_size)).encode())
    return digest.hexdigest()
