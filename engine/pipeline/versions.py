"""Versions of a passage to compare by ear: the track as it is and as it was, and the clip's own sound, equally loud."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, gain_to_db, power_to_db, seconds_to_samples
from engine.document.history import History, Step
from engine.document.parts import expand_hit, with_parts
from engine.document.project import Hit, Project
from engine.media.export.loudness import measure_loudness
from engine.physics.model import Physics
from engine.physics.synthesis import ring_time_s
from engine.pipeline.events import RenderedHit
from engine.pipeline.limiter import LimiterGain
from engine.pipeline.part_strikes import hit_lead
from engine.pipeline.render import hit_physics
from engine.pipeline.track import Track

LEAD_S, SHORTEST_S, LONGEST_S, RING_S = 0.1, 0.5, 20.0, 2.0
"""Heard before the first hit; the least and most of a passage; what is heard of the last hit's decay."""

REACH_S = 20.0
"""Longest sound of a hit: earlier ones do not ring into a passage."""

CEILING_DBFS = -1.0


def find_passage(project: Project, ids: Collection[str]) -> tuple[float, float]:
    """Start and end in seconds of the passage around hits: up to the next hit after them, at most RING_S later."""
    times_s = sorted(hit.time_s for hit in project.hits if hit.id in ids)
    later_s = [hit.time_s for hit in project.hits if hit.id not in ids and hit.time_s > times_s[-1] + 0.05]
    start_s = max(0.0, min(_start_s(project, hit) for hit in project.hits if hit.id in ids) - LEAD_S)
    end_s = max(min([times_s[-1] + RING_S, *later_s]), start_s + SHORTEST_S)
    return start_s, min(end_s, start_s + LONGEST_S, max(project.clip.duration_s, start_s + SHORTEST_S))


def find_changes(history: History, ids: Collection[str]) -> list[Step]:
    """The steps of a history that changed what is heard in the passage around hits, newest first.

    That is how the hits sound, and others of which more than the last half of the decay, in dB, lies in the passage.
    Each step has the document before it.
    """
    span = find_passage(history.now, ids)
    rings: dict[tuple[Any, ...], float] = {}
    changes = []
    after = _describe(history.now, ids, span, rings)
    for step in reversed(history.past):
        before = _describe(step.project, ids, span, rings)
        if before != after:
            changes.append(step)
        after = before
    return changes


def _describe(
    project: Project, ids: Collection[str], span: tuple[float, float], rings: dict[tuple[Any, ...], float]
) -> tuple[Any, ...]:
    """All that hits and those beside them in a passage sound by; names, colours and where they were found are not."""

    def plain(hit: Hit) -> Hit:
        return replace(hit, name="", group="", touched=False, found_s=None, strength=1.0)

    heard = project.heard_hits()  # others' solo silences
    beside = {hit.id for hit in heard if hit.id not in ids and _reaches(project, hit, span, rings)}
    hits = [plain(hit) for hit in project.hits if hit.id in ids or hit.id in beside]
    struck = with_parts(project.sounds, (hit.sound_id for hit in hits))
    sounds = [replace(sound, name="", fit=None, color="") for sound in project.sounds if sound.id in struck]
    own = tuple(hit.id for hit in heard if hit.id in ids)
    return tuple(hits), own, tuple(sounds), replace(project.mix, clip_gain_db=0.0), project.render


def _reaches(project: Project, hit: Hit, span: tuple[float, float], rings: dict[tuple[Any, ...], float]) -> bool:
    """Whether a hit is heard in a passage; ``rings`` keeps how long hits of a sound are, by the first of them."""
    start_s, end_s = span
    if start_s <= hit.time_s < end_s:
        return True
    if hit.time_s >= end_s:
        return _start_s(project, hit) < end_s
    if hit.time_s <= start_s - REACH_S:
        return False
    kind = (id(project.sound(hit.sound_id)), hit.offsets.decay_ratio, hit.stroke)
    if kind not in rings:
        rings[kind] = max(strike.offset_s + _ring_s(project, strike.hit) for strike in expand_hit(project, hit))
    return hit.time_s + rings[kind] > start_s


def _ring_s(project: Project, hit: Hit) -> float:
    """Seconds until a strike is 30 dB under its start; of a scrape, after its end."""
    length_s = hit.stroke.length_s if hit.stroke is not None else 0.0
    return length_s + ring_time_s(Physics(*hit_physics(project, hit))) / 2.0


def cut_passage(project: Project, start_s: float, end_s: float) -> Project:
    """The project with those hits alone that can be heard in a passage."""
    heard = (
        hit
        for hit in project.hits
        if start_s - REACH_S < hit.time_s and _start_s(project, hit) < end_s and not hit.mute
    )
    return replace(project, hits=tuple(heard))


def _start_s(project: Project, hit: Hit) -> float:
    """When a hit's sound begins, before its time where a part does."""
    return hit.time_s - hit_lead(project, hit) / SAMPLE_RATE_HZ


def mix_passage(project: Project, rendered: Mapping[str, RenderedHit], start_s: float, end_s: float) -> np.ndarray:
    """The track of a passage as it is heard, float32 [N, 2]; a limiter begins with the passage."""
    first, last = (seconds_to_samples(time_s, SAMPLE_RATE_HZ) for time_s in (start_s, end_s))
    mixed = Track(project, rendered)[first:last]
    if project.mix.limit:
        mixed = LimiterGain(mixed).apply(mixed, 0)
    return np.pad(mixed, ((0, last - first - len(mixed)), (0, 0)))


def match_loudness(sounds: Sequence[np.ndarray]) -> tuple[list[float], list[float]]:
    """Loudness in LUFS of each of some sounds [N, 2], and the gains in dB after which all are as loud as the first.

    Loudness is the highest momentary loudness (ITU-R BS.1770 weighting, 400 ms, EBU R 128), which suits single strikes
    better than a gated mean. All gains are lowered together where a peak would exceed CEILING_DBFS. Silence is NaN and
    keeps its gain; where the first is silent, the others stay as they are.
    """
    loudness = [_measure(sound) for sound in sounds]
    target = next((value for value in loudness if math.isfinite(value)), math.nan)
    gains = [target - value if math.isfinite(value) else 0.0 for value in loudness]
    peaks = [float(np.abs(sound).max(initial=0.0)) for sound in sounds]
    highest = max((gain + gain_to_db(peak) for gain, peak in zip(gains, peaks, strict=True) if peak > 0.0), default=0.0)
    lower = max(0.0, highest - CEILING_DBFS)
    return loudness, [gain - lower for gain in gains]


def _measure(sound: np.ndarray) -> float:
    if float(np.abs(sound).max(initial=0.0)) < 1e-6:
        return math.nan
    measured = measure_loudness(sound, SAMPLE_RATE_HZ).momentary_lufs
    # Without FFmpeg's meter the mean square, which is unweighted, serves the match.
    return measured if math.isfinite(measured) else power_to_db(float(np.mean(np.square(sound))) * sound.shape[1])
