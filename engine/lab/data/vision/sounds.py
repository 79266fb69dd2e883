"""Physics of hits, analysed once from the sound of their clip and cached."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.bank.descriptor import DESCRIPTOR_SIZE, describe_physics
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.recordings import LABEL_EARLY_S
from engine.lab.data.vision.hits import LabelledHit
from engine.media.sound import read_clip_audio
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Physics, physics_from_json, physics_to_json

VERSION = 1
LEAST_APART_S = 0.2
"""The sound of a hit followed sooner by another is not analysed."""
_LONGEST_S, _BEFORE_S = 1.5, 0.2


def analyze_hit_sounds(hits: Sequence[LabelledHit], work: Path) -> list[Physics | None]:
    """The physics of each hit, None where its sound overlaps the next or cannot be analysed; cached for each clip."""
    found: list[Physics | None] = [None] * len(hits)
    clips = sorted({hit.sound for hit in hits if hit.sound})
    for done, clip in enumerate(clips, 1):
        chosen = [k for k, hit in enumerate(hits) if hit.sound == clip and hit.apart_s >= LEAST_APART_S]
        if chosen:
            for k, physics in zip(chosen, _of_clip(Path(clip), [hits[k] for k in chosen], work), strict=True):
                found[k] = physics
        if done % 50 == 0:
            print(f"sounds of hits: {done} of {len(clips)} clips analysed", file=sys.stderr, flush=True)
    return found


def describe_hit_sounds(physics: Sequence[Physics | None]) -> np.ndarray:
    """Acoustic descriptors, float32 [N, DESCRIPTOR_SIZE]; rows of NaN where there is no physics."""
    silent = np.full(DESCRIPTOR_SIZE, np.nan, np.float32)
    rows = [silent if one is None else describe_physics(one) for one in physics]
    return np.stack(rows) if rows else np.zeros((0, DESCRIPTOR_SIZE), np.float32)


def _of_clip(clip: Path, hits: Sequence[LabelledHit], work: Path) -> list[Physics | None]:
    key = json.dumps([VERSION, str(clip), [(round(hit.time_s, 4), round(hit.apart_s, 3)) for hit in hits]])
    path = work / "sounds" / f"{clip.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
    if path.is_file():
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [None if row is None else physics_from_json(row) for row in rows]
    found: list[Physics | None] = []
    try:
        sound = read_clip_audio(clip, SAMPLE_RATE_HZ)
    except BadInput:
        sound = np.zeros(0, np.float32)
    for hit in hits:
        before_s = _BEFORE_S if hit.timed_by_sound else LABEL_EARLY_S
        first = max(0, round((hit.time_s - before_s) * SAMPLE_RATE_HZ))
        last = round((hit.time_s + min(_LONGEST_S, hit.apart_s - 0.01)) * SAMPLE_RATE_HZ)
        try:
            onset_s = hit.time_s - first / SAMPLE_RATE_HZ if hit.timed_by_sound else None  # None: it is found
            found.append(analyze_hit(sound[first:last], SAMPLE_RATE_HZ, onset_s=onset_s)[0])
        except BadInput:
            found.append(None)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [None if one is None else physics_to_json(one) for one in found]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return found
