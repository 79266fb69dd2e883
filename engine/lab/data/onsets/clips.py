"""Training clips of the onset network: small gray frames and labels of their hits, cached in a work folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.greatest_hits import TIMES, list_takes
from engine.lab.data.onsets.labels import (
    CERTAIN_STRENGTH,
    DOUBTFUL_STRENGTH,
    LABELS,
    LISTEN_RATE_HZ,
    choose_contacts,
    find_audible,
    measure_levels,
    read_label_rows,
    to_velocity,
)
from engine.lab.data.vggsound import TABLE, list_excerpts
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import iter_clip_audio, read_clip_audio
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.frames import choose_rows, prepare_frames

VERSION = 3
KIND = f"onsets-{VERSION}"
"""The name of this preparation among those of a shard."""


@dataclass(frozen=True, eq=False)
class OnsetClip:
    """One take: frames uint8 [N, H, W], their times, its hits with levels 0..1 (NaN unknown), and doubtful times.

    Frames that were kept in a work folder are mapped from the disk.
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


@dataclass(frozen=True)
class FilmedTake:
    """A take to read: its files, times and actions of its hits (None: those that are heard), and doubtful times."""

    name: str
    day: str
    picture: Path
    sound: Path | None
    labelled: tuple[tuple[float, str], ...] | None
    doubtful_s: tuple[float, ...] = ()
    real: bool = True


def list_real_takes(data: Path) -> list[FilmedTake]:
    """The real takes of a folder: of ``greatest_hits_labels.csv``, of VGGSound's layout, or of Greatest Hits' own.

    Raises BadInput where a folder holds none of them.
    """
    if (data / LABELS).is_file():
        takes = []
        for name, labels in read_label_rows(data).items():
            heard = tuple((label.heard_s, label.action) for label in labels if label.heard_s is not None)
            doubtful = tuple(label.time_s for label in labels if label.heard_s is None)
            picture = data / name
            takes.append(FilmedTake(picture.stem, picture.name[:10], picture, picture, heard, doubtful))
        return takes
    if (data / TABLE).is_file():
        return [
            FilmedTake(excerpt.path.stem, excerpt.video, excerpt.path, excerpt.path, None)
            for excerpt in list_excerpts(data)
            if not excerpt.held_out
        ]
    takes = [
        FilmedTake(
            take.picture.stem,
            take.picture.name[:10],
            take.picture,
            take.sound,
            tuple((contact.time_s, contact.action) for contact in take.contacts),
        )
        for take in list_takes(data)
        if take.picture is not None
    ]
    if not takes:
        raise BadInput(
            f"{data} holds neither {LABELS}, {TABLE} nor takes with {TIMES}; give another folder with --data"
        )
    return takes


def list_simulated_takes(folder: Path) -> list[FilmedTake]:
    """Simulated takes of a folder, with their visible contacts."""
    takes = []
    for take in list_takes(folder):
        if take.picture is not None:
            labelled, unseen = choose_contacts(take)
            name, day = take.picture.stem, take.picture.name[:10]
            takes.append(FilmedTake(name, day, take.picture, take.sound, tuple(labelled), tuple(unseen), False))
    return takes


def load_takes(takes: Iterable[FilmedTake], work: Path) -> Iterator[OnsetClip]:
    """Takes as clips, kept in a work folder. Left out: unfinished simulated takes, and excerpts without a clear hit.

    Raises BadInput for a real take that cannot be read.
    """
    for take in takes:
        kept = _load_take(take, work)
        if kept is not None:
            yield kept


def prepare_takes(folder: Path, work: Path) -> list[str]:
    """Prepare the real takes of a folder; returns the names by which ``reopen_takes`` finds them in the work folder."""
    takes = list_real_takes(folder)
    return [_place(work, take).name for take in takes if _load_take(take, work) is not None]


def reopen_takes(names: Iterable[str], work: Path) -> Iterator[OnsetClip]:
    """Takes that were prepared before, without the files that they were read from. BadInput where one is gone."""
    for name in names:
        kept = _open_kept(work / FRAMES / name)
        if kept is None:
            raise BadInput(f"{work / FRAMES / name} is gone; remove the folder {work / 'shards'} to prepare it anew")
        yield kept


def _load_take(take: FilmedTake, work: Path) -> OnsetClip | None:
    place = _place(work, take)
    kept = _open_kept(place)
    if kept is None:
        try:
            _keep(place, _read_take(take))
        except BadInput:
            if take.real and take.labelled is not None:
                raise
            return None
        kept = _open_kept(place)
    return kept if kept is not None and (take.labelled is not None or len(kept.hits_s)) else None


def _read_take(take: FilmedTake) -> OnsetClip:
    picture, sound = take.picture, take.sound
    info = probe(picture)
    small = list(prepare_frames(iter_frames(picture, choose_rows(info.width, info.height)), info.frame_rate))
    if len(small) < 8:
        raise BadInput(f"{picture} holds {len(small)} frames; take it out of the folder")
    has_sound = sound is not None and (sound != picture or info.has_audio)
    doubtful = list(take.doubtful_s)
    if take.labelled is not None:
        labelled = list(take.labelled)
    else:
        blocks = iter_clip_audio(picture, SAMPLE_RATE_HZ, 1.0) if has_sound else ()
        candidates = detect_audio_onsets(blocks, SAMPLE_RATE_HZ).candidates
        labelled = [(onset.time_s, "") for onset in candidates if onset.strength >= CERTAIN_STRENGTH]
        doubtful += [o.time_s for o in candidates if DOUBTFUL_STRENGTH <= o.strength < CERTAIN_STRENGTH]
    hits = [time_s for time_s, _ in labelled]
    velocity, audible = np.full(len(hits), np.nan), np.asarray(hits)
    if has_sound and hits:
        assert sound is not None
        heard = read_clip_audio(sound, LISTEN_RATE_HZ)
        velocity = to_velocity(measure_levels(heard, LISTEN_RATE_HZ, hits))
        if take.real:
            audible = np.asarray(find_audible(heard, hits))
    unsure = [t for t in audible if t not in hits] if take.real else []
    return OnsetClip(
        name=take.name,
        day=take.day,
        real=take.real,
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


FRAMES = "frames"
_ARRAYS = ("times_s", "hits_s", "velocity", "doubtful_s", "audible_s")


def _place(work: Path, take: FilmedTake) -> Path:
    key = [VERSION, take.name, take.labelled, take.doubtful_s, str(take.picture.resolve()), take.picture.stat().st_size]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    return work / FRAMES / f"{take.picture.stem}-{digest}.npz"


def _open_kept(place: Path) -> OnsetClip | None:
    if not place.is_file():
        return None
    try:
        with np.load(place, allow_pickle=False) as kept:
            facts = json.loads(str(kept["facts"]))
            arrays = {name: kept[name] for name in _ARRAYS}
        frames = np.load(place.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError):
        return None
    facts["action"] = tuple(facts["action"])
    return OnsetClip(**facts, **arrays, frames=frames)


def _keep(place: Path, clip: OnsetClip) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    facts = {
        "name": clip.name,
        "day": clip.day,
        "real": clip.real,
        "action": list(clip.action),
        "duration_s": clip.duration_s,
    }
    partial = place.with_suffix(f".{os.getpid()}.npy")
    np.save(partial, clip.frames)
    partial.replace(place.with_suffix(".npy"))
    partial = place.with_suffix(f".{os.getpid()}.npz")
    arrays = {name: getattr(clip, name) for name in _ARRAYS}
    np.savez(partial, facts=np.asarray(json.dumps(facts)), **arrays)
    partial.replace(place)
