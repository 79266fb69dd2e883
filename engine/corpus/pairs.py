"""The sampler's training pairs on disk: made once per corpus, then read by memory map."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.corpus.recordings import ARRAY_CHANNELS, Recording, is_held_out, prepare_recording
from engine.diffusion.spectrogram import BINS, FRAME_COUNTS
from engine.errors import StruckError
from engine.physics import analysis
from engine.units import SAMPLE_RATE_HZ

RATIO_RANGE = (0.75, 1.35)
BATCH_FRAMES = 512


@dataclass(frozen=True)
class Pairs:
    """Examples of one length: a memory map [N, 6, BINS, T] float16 and a row of facts each."""

    arrays: np.ndarray
    fmax_hz: np.ndarray
    end_frame: np.ndarray
    held_out: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Tensors of a training step: picture, mean, sigma, level, and the loss weight of every bin."""

    deviation: torch.Tensor
    features: torch.Tensor
    weight: torch.Tensor


def _prepare(task: tuple[int, Recording, int]) -> tuple[int, list[tuple[np.ndarray, float, int]]]:
    index, recording, variants = task
    torch.set_num_threads(1)
    ratios = [1.0]
    if not is_held_out(recording):
        rng = np.random.default_rng(index)
        low, high = np.log(RATIO_RANGE)
        # Whole percents, since a resampler's filter bank is as large as the rates' smallest common ratio.
        ratios += [round(100 * float(np.exp(rng.uniform(low, high)))) / 100 for _ in range(variants)]
    return index, [(e.arrays, e.fmax_hz, e.end_frame) for e in prepare_recording(recording, ratios)]


def build_pairs(recordings: list[Recording], folder: Path, variants: int = 2, workers: int = 2) -> None:
    """Analyse recordings and write their pairs into ``folder``; does nothing when it holds them already."""
    index_path, made_of = folder / "index.json", describe_corpus(recordings, variants)
    if index_path.is_file():
        with contextlib.suppress(ValueError, AttributeError):
            if json.loads(index_path.read_text(encoding="utf-8")).get("made_of") == made_of:
                return
        print("pairs: the recordings or their analysis have changed; making them anew", file=sys.stderr, flush=True)
        index_path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    files = {frames: open(folder / f"pairs_{frames}.f16", "wb") for frames in FRAME_COUNTS}  # noqa: SIM115
    rows: dict[int, list[tuple[float, int, bool]]] = {frames: [] for frames in FRAME_COUNTS}
    tasks = [(i, r, variants) for i, r in enumerate(recordings)]
    context = multiprocessing.get_context("spawn")
    # Small matrices: workers that each start a thread per core only wait for one another.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    try:
        with context.Pool(workers) as pool:
            for count, (index, examples) in enumerate(pool.imap_unordered(_prepare, tasks, chunksize=4), 1):
                for arrays, fmax_hz, end_frame in examples:
                    frames = arrays.shape[-1]
                    files[frames].write(arrays.tobytes())
                    rows[frames].append((fmax_hz, end_frame, is_held_out(recordings[index])))
                if count % 50 == 0 or count == len(tasks):
                    print(f"pairs: {count} of {len(tasks)} recordings", file=sys.stderr, flush=True)
    finally:
        for file in files.values():
            file.close()
    if not any(rows.values()):
        raise StruckError("no recording of the corpus could be analysed; give single hits of at least 10 ms")
    table = {"made_of": made_of, "rows": {str(frames): rows[frames] for frames in FRAME_COUNTS}}
    index_path.write_text(json.dumps(table), encoding="utf-8")


def describe_corpus(recordings: list[Recording], variants: int) -> str:
    """Digest of what pairs are made of: the recordings, their variants and the code that analyses them."""
    digest = hashlib.sha256(repr((variants, RATIO_RANGE)).encode())
    for recording in recordings:
        digest.update(repr((recording.path.name, recording.path.stat().st_size, recording.fmax_hz)).encode())
    for path in sorted(Path(analysis.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def open_pairs(folder: Path) -> dict[int, Pairs]:
    """The pairs of a folder by their length in frames; lengths without examples are left out."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    pairs = {}
    for key, rows in index["rows"].items():
        frames = int(key)
        if rows:
            shape = (len(rows), ARRAY_CHANNELS, BINS, frames)
            arrays = np.memmap(folder / f"pairs_{frames}.f16", np.float16, "r", shape=shape)
            fmax, end, held = zip(*rows, strict=True)
            pairs[frames] = Pairs(arrays, np.asarray(fmax), np.asarray(end), np.asarray(held, bool))
    return pairs


def make_batch(pairs: Pairs, rows: np.ndarray, device: torch.device, rng: np.random.Generator | None) -> Batch:
    """Read rows as a batch; with ``rng``, sound and prior are turned by one random phase together."""
    arrays = torch.from_numpy(np.array(pairs.arrays[np.sort(rows)])).to(device).float()
    order = np.sort(rows)
    sound = torch.complex(arrays[:, 0], arrays[:, 1])
    mean = torch.complex(arrays[:, 2], arrays[:, 3])
    if rng is not None:
        turn = torch.from_numpy(np.exp(2j * np.pi * rng.random(len(order))).astype(np.complex64)).to(device)
        sound, mean = sound * turn[:, None, None], mean * turn[:, None, None]
    sigma, level = arrays[:, 4:5], arrays[:, 5:6]
    mean_picture = torch.stack((mean.real, mean.imag), 1)
    deviation = torch.stack((sound.real, sound.imag), 1) - mean_picture
    # What lies 50 dB and more under the loudest bin matters little to the ear.
    weight = 0.04 + ((level - 0.1) / 0.35).clamp(0.0, 1.0)
    bin_hz = torch.arange(BINS, device=device) * (SAMPLE_RATE_HZ / 2 / (BINS - 1))
    known = (bin_hz[None, :] <= torch.from_numpy(pairs.fmax_hz[order]).to(device)[:, None]).float()
    frame = torch.arange(arrays.shape[-1], device=device)
    heard = (frame[None, :] < torch.from_numpy(pairs.end_frame[order]).to(device)[:, None]).float()
    weight = weight * known[:, None, :, None] * heard[:, None, None, :]
    return Batch(deviation, torch.cat((mean_picture, sigma, level), 1), weight)


def draw_batches(pairs: dict[int, Pairs], device: torch.device, seed: int) -> Iterator[Batch]:
    """Endless random training batches of about BATCH_FRAMES frames; lengths in proportion to their examples."""
    rng = np.random.default_rng(seed)
    lengths = [frames for frames in pairs if (~pairs[frames].held_out).any()]
    training = {frames: np.flatnonzero(~pairs[frames].held_out) for frames in lengths}
    share = np.asarray([len(training[frames]) * frames for frames in lengths], float)
    while True:
        frames = int(rng.choice(lengths, p=share / share.sum()))
        size = max(1, BATCH_FRAMES // frames)
        rows = rng.choice(training[frames], size, replace=len(training[frames]) < size)
        yield make_batch(pairs[frames], rows, device, rng)
