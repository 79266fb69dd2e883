"""Pairs of clips with labelled hits, real or simulated: the frame at a hit, and the hit's sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.scene.pack import ScenePack, crop_picture, make_pack
from engine.lab.data.vision.hits import LabelledHit, is_certain_of_day, list_real_hits, list_simulated_hits
from engine.media.frames import iter_frames
from engine.media.sound import read_clip_audio
from engine.scene.hearing import hear_sound

_HEIGHT = 128
_APART_S = 0.15


def read_film_pairs(data: Path, say: Callable[[str], None]) -> ScenePack:
    """Pairs of the labelled hits of film in a folder of data; groups are recording days.

    Clips that cannot be read are left out, and hits whose day is not certain. Raises BadInput without the labels.
    """
    return _read_hits([hit for hit in list_real_hits(data) if is_certain_of_day(hit)], say)


def read_simulated_pairs(takes: Path, say: Callable[[str], None]) -> ScenePack:
    """Pairs of a folder of takes that `simulate` wrote; groups are takes. Raises BadInput where it has none."""
    return _read_hits(list_simulated_hits(takes), say)


def _read_hits(hits: Sequence[LabelledHit], say: Callable[[str], None]) -> ScenePack:
    """Pairs of the hits that are heard for themselves."""
    pictures, sounds, materials, groups = [], [], [], []
    alone = [hit for hit in hits if hit.sound and hit.action == "hit" and hit.apart_s > _APART_S]
    for clip, of_clip in groupby(sorted(alone, key=lambda hit: (hit.picture, hit.time_s)), key=lambda hit: hit.picture):
        try:
            pairs = _read_clip(Path(clip), list(of_clip))
        except BadInput as error:
            say(f"left out: {error}")
            continue
        for hit, picture, sound in pairs:
            pictures.append(picture)
            sounds.append(sound)
            materials.append(hit.material)
            groups.append(hit.group.rpartition("/")[2])
    return make_pack(pictures, sounds, materials, groups)


def _read_clip(path: Path, hits: list[LabelledHit]) -> list[tuple[LabelledHit, np.ndarray, np.ndarray]]:
    samples = read_clip_audio(path, SAMPLE_RATE_HZ)
    found, waiting = [], list(hits)
    for time_s, frame in iter_frames(path, _HEIGHT, max(0.0, hits[0].time_s - 0.5), gray=False):
        while waiting and time_s >= waiting[0].time_s - 1e-3:
            hit = waiting.pop(0)
            try:
                sound = hear_sound(samples, SAMPLE_RATE_HZ, hit.time_s)
            except BadInput:  # silent
                continue
            found.append((hit, crop_picture(frame, hit.x if np.isfinite(hit.x) else 0.5), sound))
        if not waiting:
            break
    return found
