"""Hits of sounds with parts: their strikes sampled and kept one by one, and summed at their offsets and levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.core.cache import Cache
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, seconds_to_samples
from engine.document.parts import PartStrike, expand_hit
from engine.document.project import Hit, Project

PARTS_VERSION = 1
"""Part of the key of every hit of a sound with parts: raise it when their law changes."""


def part_offset(strike: PartStrike) -> int:
    """Whole samples from a hit to one of its strikes; negative for one before it."""
    return seconds_to_samples(strike.offset_s, SAMPLE_RATE_HZ)


def lead_samples(strikes: Sequence[PartStrike]) -> int:
    """Samples from the first of a hit's strikes to the hit: its sound begins so long before it, 0 for most."""
    return max(0, -min(part_offset(strike) for strike in strikes))


def hit_lead(project: Project, hit: Hit) -> int:
    """``lead_samples`` of a hit."""
    return lead_samples(expand_hit(project, hit))


def is_plain(strikes: Sequence[PartStrike]) -> bool:
    """Whether the strikes are one at the hit's time and level, whose sound is the hit's."""
    return len(strikes) == 1 and not part_offset(strikes[0]) and not strikes[0].gain_db


def join_parts(
    hits: Sequence[Sequence[PartStrike]],
    key_of: Callable[[Hit], str],
    sample: Callable[[list[Hit]], list[np.ndarray]],
    cache: Cache,
) -> list[np.ndarray]:
    """The sounds of hits, each given by its strikes, from ``lead_samples`` before the hit on.

    The cache keeps every strike of a hit with parts under its own key, so that a part that is moved, made louder or
    muted is not sampled, and a changed one alone.
    """
    sounds: dict[str, np.ndarray] = {}
    missing: dict[str, Hit] = {}
    kept = set()
    for strikes in hits:
        for strike in strikes:
            key = key_of(strike.hit)
            if not is_plain(strikes):
                kept.add(key)
                known = cache.get(key)
                if known is not None:
                    sounds[key] = known
            if key not in sounds:
                missing[key] = strike.hit
    for key, samples in zip(missing, sample(list(missing.values())) if missing else [], strict=True):
        sounds[key] = cache.put(key, samples) if key in kept else samples
    return [_sum(strikes, [sounds[key_of(strike.hit)] for strike in strikes]) for strikes in hits]


def _sum(strikes: Sequence[PartStrike], sounds: Sequence[np.ndarray]) -> np.ndarray:
    return sounds[0] if is_plain(strikes) else sum_strikes(strikes, sounds, lead_samples(strikes))


def sum_strikes(strikes: Sequence[PartStrike], sounds: Sequence[np.ndarray], lead: int) -> np.ndarray:
    """Strikes' sounds [N] or [C, N] at their offsets and gains, float32 from ``lead`` samples before the hit on.

    It is as long as the last of them rings.
    """
    starts = [lead + part_offset(strike) for strike in strikes]
    length = max(start + sound.shape[-1] for start, sound in zip(starts, sounds, strict=True))
    total = np.zeros((*sounds[0].shape[:-1], length), np.float32)
    for strike, start, sound in zip(strikes, starts, sounds, strict=True):
        total[..., start : start + sound.shape[-1]] += np.float32(db_to_gain(strike.gain_db)) * sound
    return total
