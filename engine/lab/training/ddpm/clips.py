"""Training data of the DDPM baseline: log-magnitude spectrograms of the first 0.25 s and physics of recordings."""

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
from engine.core.files import replace_file
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.baselines.ddpm import physics as ddpm_physics
from engine.lab.baselines.ddpm.physics import DdpmPhysics, cut_clip, divide_by_peak, estimate_ddpm_batch
from engine.lab.baselines.ddpm.sampler import log_spectrogram
from engine.lab.data.recordings import Recording, is_held_out, read_hit

MIN_SAMPLES = 480
MIN_PEAK = 1e-4
_BATCH = 64


@dataclass(frozen=True)
class Clips:
    """``spectrograms`` float16 [N, 1025, 44] and physics of N recordings; ``held_out`` [N] are not trained on."""

    spectrograms: np.ndarray
    physics: DdpmPhysics
    held_out: np.ndarray

    def __len__(self) -> int:
        return len(self.spectrograms)


def prepare_clips(recordings: Sequence[Recording], path: Path) -> Clips:
    """Clips of recordings, cached in the file ``path`` until recordings or estimator change.

    Recordings without a hit are left out. Raises StruckError when that leaves none.
    """
    digest = digest_sources(recordings)
    if path.is_file():
        with np.load(path, allow_pickle=False) as cached:
            if "digest" in cached and str(cached["digest"]) == digest:
                physics = DdpmPhysics(*(cached[name] for name in DdpmPhysics.__dataclass_fields__))
                return Clips(cached["spectrograms"], physics, cached["held_out"])
    sounds, held_out = [], []
    for recording in recordings:
        try:
            hit = read_hit(recording)
            if len(hit) >= MIN_SAMPLES and float(np.abs(hit).max()) >= MIN_PEAK:
                sounds.append(cut_clip(hit, SAMPLE_RATE_HZ))
                held_out.append(is_held_out(recording))
        except StruckError:
            continue
    if not sounds:
        raise StruckError("no recording of the corpus holds a hit; give single hits of at least 10 ms")
    parts, spectrograms = [], []
    for start in range(0, len(sounds), _BATCH):
        batch = sounds[start : start + _BATCH]
        parts.append(estimate_ddpm_batch(batch))
        waves = torch.from_numpy(np.stack([divide_by_peak(sound) for sound in batch]).astype(np.float32))
        spectrograms.append(log_spectrogram(waves)[:, 0].numpy().astype(np.float16))
        print(f"clips: {start + len(batch)} of {len(sounds)} recordings", file=sys.stderr, flush=True)
    names = DdpmPhysics.__dataclass_fields__
    physics = DdpmPhysics(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    clips = Clips(np.concatenate(spectrograms), physics, np.asarray(held_out))
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(physics, name) for name in names}
    arrays |= {"digest": np.array(digest), "spectrograms": clips.spectrograms, "held_out": clips.held_out}
    with replace_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, **arrays)
    return clips


def digest_sources(recordings: Sequence[Recording]) -> str:
    """Digest of the recordings and of the code that estimates their physics."""
    digest = hashlib.sha256(inspect.getsource(ddpm_physics).encode())
    for recording in recordings:
        digest.update(repr((recording.group, recording.path.name, recording.path.stat().st_size)).encode())
    return digest.hexdigest()
