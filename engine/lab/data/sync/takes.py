"""Clips as the sync meter sees and hears them, each by a network that did not learn from it; kept in a work folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.core.files import replace_file
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.onsets.film import ENDINGS, find_days
from engine.lab.data.onsets.fold_networks import Fold
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import read_clip_audio
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.frames import choose_rows, choose_stride, downsample
from engine.onsets.track import Onset
from engine.onsets.watch import make_track, predict_frames
from engine.sync.bands import measure_bands

VERSION = 1
GENERATED = ("su2023_page",)
"""Folders of clips whose sound was generated: what is true there is not known."""
_BLOCK_S = 1


@dataclass(frozen=True, eq=False)
class SyncTake:
    """A clip's picture as the onset network reads it, and its sound.

    ``times_s`` [N] and ``outputs`` [N, 3] of the frames, ``bands_db`` [M, BANDS] of the sound at ``bands.RATE_HZ``.
    ``source`` groups clips whose picture and sound were joined by the same process, and so share their lag.
    """

    name: str
    days: tuple[str, ...]
    source: str
    real: bool
    duration_s: float
    frame_s: float
    times_s: np.ndarray
    outputs: np.ndarray
    bands_db: np.ndarray
    seen: tuple[Onset, ...]
    heard: tuple[Onset, ...]


def choose_unlearnt(folds: Sequence[Fold], days: Sequence[str]) -> Fold:
    """The network that did not learn from a clip of these days: one that left a day out, else the one of no real film.

    Raises BadInput.
    """
    for fold in folds:
        if not fold.clean and set(days) & fold.left_out:
            return fold
    for fold in folds:
        if fold.clean:
            return fold
    raise BadInput("no network has left out a clip of unknown day; train one with `launch.py train onset_folds`")


def read_real_takes(
    data: Path, choose: Callable[[Sequence[str]], Fold], work: Path, say: Callable[[str], None]
) -> list[SyncTake]:
    """Every clip under ``data``/video that has sound, but generated ones, seen by the network chosen for its days.

    Raises BadInput where there is none.
    """
    paths = sorted(p for p in (data / "video").rglob("*") if p.suffix.lower() in ENDINGS)
    chosen = [p for p in paths if p.parent.name not in GENERATED]
    takes = []
    for index, path in enumerate(chosen, 1):
        days = find_days(path.stem)
        take = read_take(path, days, True, choose(days), work)
        if take is not None:
            takes.append(take)
        say(f"{index}/{len(chosen)} {path.name}")
    if not takes:
        raise BadInput(f"{data} holds no clips with sound in video/; give another folder with --data")
    return takes


def read_simulated_takes(folder: Path, folds: Sequence[Fold], work: Path, say: Callable[[str], None]) -> list[SyncTake]:
    """Simulated takes of a folder; they are in step."""
    paths = sorted(folder.glob("*_mic.mp4"))
    takes = []
    for index, path in enumerate(paths, 1):
        real_folds = [fold for fold in folds if not fold.clean] or list(folds)
        # in turn, so that the judge sees the outputs of every network
        take = read_take(path, (), False, real_folds[index % len(real_folds)], work)
        if take is not None:
            takes.append(take)
        say(f"{index}/{len(paths)} {path.name}")
    return takes


def read_take(path: Path, days: tuple[str, ...], real: bool, fold: Fold, work: Path) -> SyncTake | None:
    """A clip, kept in ``work`` for the next time; None without sound or with too few frames."""
    key = [VERSION, str(path.resolve()), path.stat().st_size, sorted(fold.left_out), fold.clean]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    place = work / f"{path.stem}-{digest}.npz"
    if not place.is_file():
        work.mkdir(parents=True, exist_ok=True)
        arrays = _analyze(path, fold)
        with replace_file(place) as partial, open(partial, "wb") as file:
            np.savez(file, **arrays)
    with np.load(place, allow_pickle=False) as kept:
        if "outputs" not in kept:
            return None
        duration_s, frame_s = kept["clock"].tolist()
        rate = round(1.0 / frame_s)
        return SyncTake(
            name=f"{path.parent.name}/{path.stem}",
            days=days,
            source=f"{path.parent.name}, {rate} fps" if real else "simulated",
            real=real,
            duration_s=duration_s,
            frame_s=frame_s,
            times_s=kept["times_s"],
            outputs=kept["outputs"].astype(np.float64),
            bands_db=kept["bands_db"].astype(np.float32),
            seen=tuple(Onset(*row) for row in kept["seen"].tolist()),
            heard=tuple(Onset(*row) for row in kept["heard"].tolist()),
        )


def _analyze(path: Path, fold: Fold) -> dict[str, Any]:
    info = probe(path)
    if not info.has_audio:
        return {}
    network = fold.network
    frames = iter_frames(path, choose_rows(info.width, info.height, network.config.pixels))
    kept = [pair for index, pair in enumerate(frames) if index % choose_stride(info.frame_rate) == 0]
    if len(kept) < 16:
        return {}
    times_s = np.asarray([time_s for time_s, _ in kept])
    small = np.stack([downsample(frame, network.config.pixels) for _, frame in kept])
    outputs = predict_frames(network, times_s, small)
    seen = make_track(times_s, outputs, fold.calibrated_threshold, info.duration_s).candidates
    sound = read_clip_audio(path, SAMPLE_RATE_HZ)
    blocks = np.array_split(sound, max(1, len(sound) // (_BLOCK_S * SAMPLE_RATE_HZ)))
    heard = detect_audio_onsets(sound, SAMPLE_RATE_HZ).candidates
    return {
        "clock": np.asarray([info.duration_s, 1.0 / float(info.frame_rate)]),
        "times_s": times_s,
        "outputs": outputs.astype(np.float32),
        "bands_db": measure_bands(blocks).astype(np.float16),
        "seen": np.asarray([(o.time_s, o.strength, o.velocity or 0.0) for o in seen]).reshape(-1, 3),
        "heard": np.asarray([(o.time_s, o.strength) for o in heard]).reshape(-1, 2),
    }
