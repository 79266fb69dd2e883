"""Training clips of the onset network: small gray frames and labels of their hits, cached in a work folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.lab.data.greatest_hits import TIMES, list_takes
from engine.lab.data.onsets.labels import (
    LABELS,
    LISTEN_RATE_HZ,
    choose_contacts,
    find_audible,
    measure_levels,
    read_label_rows,
    to_velocity,
)
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import read_clip_audio
from engine.onsets.frames import choose_rows, prepare_frames

VERSION = 1


@dataclass(frozen=True, eq=False)
class OnsetClip:
    """One take: frames uint8 [N, H, W], their times, its hits with levels 0..1 (NaN unknown), and doubtful times.

    ``doubtful_s`` are times at which it is unknown whether the picture shows a hit. ``day`` is the recording day.
    ``shift_s`` is the lag of the picture behind its labels.
    """

    name: str
    day: str
    real: bool
    frames: np.ndarray
    times_s: np.ndarray
    hits_s: np.ndarray
    velocity: np.ndarray
    action: tuple[str, ...]
    doubtful_s: np.ndarray
    audible_s: np.ndarray
    duration_s: float
    shift_s: float = 0.0


def load_real_clips(data: Path, work: Path, limit: int = 0) -> Iterator[OnsetClip]:
    """The labelled real clips of a folder: those of ``greatest_hits_labels.csv``, else of the data set's own layout.

    Raises BadInput where a folder holds neither.
    """
    if (data / LABELS).is_file():
        names = list(read_label_rows(data).items())[: limit or None]
        for name, labels in names:
            key = [VERSION, name, [(label.time_s, label.heard_s, label.action) for label in labels]]
            kept = _open_kept(work, data / name, key)
            if kept is None:
                heard = [(label.heard_s, label.action) for label in labels if label.heard_s is not None]
                doubtful = [label.time_s for label in labels if label.heard_s is None]
                kept = _read_clip(data / name, data / name, heard, doubtful, True)
                _keep(work, data / name, key, kept)
            yield kept
        return
    takes = [take for take in list_takes(data) if take.picture is not None][: limit or None]
    if not takes:
        raise BadInput(f"{data} holds neither {LABELS} nor takes with {TIMES}; give another folder with --data")
    for take in takes:
        assert take.picture is not None
        labelled = [(contact.time_s, contact.action) for contact in take.contacts]
        key = [VERSION, take.name, labelled]
        kept = _open_kept(work, take.picture, key)
        if kept is None:
            kept = _read_clip(take.picture, take.sound, labelled, [], True)
            _keep(work, take.picture, key, kept)
        yield kept


def load_simulated_clips(folder: Path, work: Path, limit: int = 0) -> Iterator[OnsetClip]:
    """Simulated takes of a folder, with their visible contacts. Unfinished takes are left out."""
    takes = [take for take in list_takes(folder) if take.picture is not None][: limit or None]
    for take in takes:
        assert take.picture is not None
        labelled, unseen = choose_contacts(take)
        key = [VERSION, take.name, labelled, unseen]
        try:
            kept = _open_kept(work, take.picture, key)
            if kept is None:
                kept = _read_clip(take.picture, take.sound, labelled, unseen, False)
                _keep(work, take.picture, key, kept)
        except BadInput:
            continue
        yield kept


def _read_clip(
    picture: Path, sound: Path | None, labelled: Sequence[tuple[float, str]], doubtful: Sequence[float], real: bool
) -> OnsetClip:
    info = probe(picture)
    small = list(prepare_frames(iter_frames(picture, choose_rows(info.width, info.height)), info.frame_rate))
    if len(small) < 8:
        raise BadInput(f"{picture} holds {len(small)} frames; take it out of the folder")
    hits = [time_s for time_s, _ in labelled]
    velocity, audible = np.full(len(hits), np.nan), np.asarray(hits)
    if sound is not None and (sound != picture or info.has_audio):
        heard = read_clip_audio(sound, LISTEN_RATE_HZ)
        velocity = to_velocity(measure_levels(heard, LISTEN_RATE_HZ, hits))
        if real:
            audible = np.asarray(find_audible(heard, hits))
    unsure = [t for t in audible if t not in hits] if real else []
    return OnsetClip(
        name=picture.stem,
        day=picture.name[:10],
        real=real,
        frames=np.stack([frame for _, frame in small]),
        times_s=np.asarray([time_s for time_s, _ in small]),
        hits_s=np.asarray(hits),
        velocity=velocity,
        action=tuple(action for _, action in labelled),
        doubtful_s=np.asarray(sorted([*unsure, *doubtful])),
        audible_s=audible,
        duration_s=info.duration_s,
    )


def shift_clip(clip: OnsetClip, shift_s: float) -> OnsetClip:
    """The clip with its labels shifted by the lag of its picture."""
    return replace(clip, shift_s=shift_s)


_ARRAYS = ("frames", "times_s", "hits_s", "velocity", "doubtful_s", "audible_s")


def _place(work: Path, path: Path, key: list) -> Path:
    digest = hashlib.sha256(json.dumps([str(path.resolve()), path.stat().st_size, key]).encode()).hexdigest()[:16]
    return work / "frames" / f"{path.stem}-{digest}.npz"


def _open_kept(work: Path, path: Path, key: list) -> OnsetClip | None:
    place = _place(work, path, key)
    if not place.is_file():
        return None
    try:
        with np.load(place, allow_pickle=False) as kept:
            facts = json.loads(str(kept["facts"]))
            arrays = {name: kept[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError):
        return None
    facts["action"] = tuple(facts["action"])
    return OnsetClip(**facts, **arrays)


def _keep(work: Path, path: Path, key: list, clip: OnsetClip) -> None:
    place = _place(work, path, key)
    place.parent.mkdir(parents=True, exist_ok=True)
    facts = {
        "name": clip.name,
        "day": clip.day,
        "real": clip.real,
        "action": list(clip.action),
        "duration_s": clip.duration_s,
    }
    partial = place.with_suffix(f".{os.getpid()}.npz")
    arrays = {name: getattr(clip, name) for name in _ARRAYS}
    np.savez(partial, facts=np.asarray(json.dumps(facts)), **arrays)
    partial.replace(place)
