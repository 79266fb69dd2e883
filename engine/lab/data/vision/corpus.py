"""What the vision network learns from: labelled hits, the frames around each, and descriptors of their sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.lab.data.shards import list_shards, prepare_shards, read_prepared
from engine.lab.data.vision import hits as hit_frames
from engine.lab.data.vision import sounds
from engine.lab.data.vision.hits import (
    PER_OBJECT,
    PER_REAL_OBJECT,
    HitFrames,
    LabelledHit,
    is_certain_of_day,
    join_hits,
    limit_hits_per_object,
    list_real_hits,
    list_simulated_hits,
    load_hit_frames,
    was_recorded_on,
)
from engine.lab.data.vision.sounds import analyze_hit_sounds, describe_hit_sounds

_KIND = f"vision-{hit_frames.VERSION}-{sounds.VERSION}"


def choose_real_hits(data: Path) -> list[LabelledHit]:
    """The hits of a folder of real clips that are learnt from, so many of each object."""
    return limit_hits_per_object(list_real_hits(data), PER_REAL_OBJECT)


def choose_simulated_hits(simulated: Sequence[str], per_object: int = PER_OBJECT) -> list[list[LabelledHit]]:
    """The hits of each folder of simulated takes that are learnt from, at most ``per_object`` of each object."""
    return [limit_hits_per_object(list_simulated_hits(Path(folder)), per_object) for folder in simulated]


def read_hits(sets: Sequence[Sequence[LabelledHit]], work: Path) -> tuple[HitFrames, np.ndarray]:
    """Frames of hits and descriptors of their sounds [N, L], NaN where a sound overlaps the next; kept in ``work``."""
    frames = join_hits(*(load_hit_frames(hits, work) for hits in sets if hits))
    return frames, describe_hit_sounds(analyze_hit_sounds(frames.hits, work))


def prepare_sharded_hits(data: str, work: Path, index: int, count: int) -> None:
    """Prepare the ``index``-th of ``count`` shares of a corpus in tar files; nothing for one in a folder."""

    def prepare(folder: Path) -> list[dict[str, Any]]:
        chosen = choose_real_hits(folder)
        read_hits([chosen], work)
        return [asdict(hit) for hit in chosen]

    prepare_shards(list_shards(data), work, _KIND, prepare, index, count)


def gather(
    data: str | None, simulated: Sequence[str], work: Path, left_out: Sequence[str], per_object: int = PER_OBJECT
) -> tuple[HitFrames, HitFrames, np.ndarray, np.ndarray]:
    """Training data: simulated hits, real hits, acoustic descriptors of both [N, L], and indices of the training hits.

    Of each simulated object there are at most ``per_object`` hits. Descriptors are NaN where a hit's sound overlaps the
    next; days in ``left_out`` are not in the indices. Raises BadInput for an unknown day, or where no training hits are
    left.
    """
    made, made_sounds = read_hits(choose_simulated_hits(simulated, per_object), work)
    shards = [] if data is None else list_shards(data)
    sets = [[LabelledHit(**row) for row in rows] for rows in read_prepared(shards, work, _KIND)]
    if data is not None and not shards:
        sets = [choose_real_hits(Path(data))]
    real, real_sounds = read_hits(sets, work)
    days = sorted({hit.group for hit in real.hits if is_certain_of_day(hit)})
    unknown = sorted(set(left_out) - set(days))
    if unknown and data is not None:
        raise BadInput(f"no clip was recorded on {unknown[0]}; give days such as {days[0] if days else 'none'}")
    keep = np.flatnonzero([not (hit.real and was_recorded_on(hit, left_out)) for hit in (*made.hits, *real.hits)])
    if not len(keep):
        raise BadInput("there is nothing to learn from; give clips with --data or simulated takes with --sim")
    return made, real, np.concatenate([made_sounds, real_sounds]), keep
