"""Versions of a passage to compare by ear: the track as it is and as it was, and the clip's own sound, equally loud."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, gain_to_db, power_to_db, seconds_to_samples
from engine.document.history import History, Step
from engine.document.parts import with_parts
from engine.document.project import Hit, Project
from engine.media.export.loudness import measure_loudness
from engine.pipeline.events import RenderedHit
from engine.pipeline.limiter import LimiterGain
from engine.pipeline.part_strikes import hit_lead
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
    """The steps of a history that changed how hits sound, newest first; each has the document before it."""
    changes = []
    after = _describe(history.now, ids)
    for step in reversed(history.past):
        before = _describe(step.project, ids)
        if before != after:
            changes.append(step)
        after = before
    return changes


def _describe(project: Project, ids: Collection[str]) -> tuple[Any, ...]:
    """All that hits sound by; names and where they were found are none of it."""

    def plain(hit: Hit) -> Hit:
        return replace(hit, name="", group="", touched=False, found_s=None, strength=1.0)

    hits = [plain(hit) for hit in project.hits if hit.id in ids]
    struck = with_parts(project.sounds, (hit.sound_id for hit in hits))
    sounds = [replace(sound, name="", fit=None) for sound in project.sounds if sound.id in struck]
    heard = [hit.id for hit in project.heard_hits() if hit.id in ids]  # others' solo silences
    return tuple(hits), tuple(heard), tuple(sounds), replace(project.mix, clip_gain_db=0.0), project.render


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
