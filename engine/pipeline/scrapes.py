"""Scraped hits: their sound, side and layers, from the strike of their object and the force of their stroke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from engine.core.cache import Cache
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Hit
from engine.physics.model import Modes, Stroke
from engine.physics.noise import rise_gain
from engine.physics.scrape import scrape, stroke_samples
from engine.physics.synthesis import synthesize_modes


def scrape_hits(
    hits: Sequence[Hit],
    key_of: Callable[[Hit], str],
    sample: Callable[[list[Hit]], list[np.ndarray]],
    cache: Cache,
) -> list[np.ndarray]:
    """The sounds of hits, all sampled as strikes; those with a stroke are scraped.

    The cache keeps the strike of a scrape under its own key, so that a change of the stroke samples nothing.
    """
    strikes = [replace(hit, stroke=None) for hit in hits]
    keys = {k: key_of(strikes[k]) for k, hit in enumerate(hits) if hit.stroke is not None}
    sounds: dict[int, np.ndarray | None] = {k: cache.get(key) for k, key in keys.items()}
    missing = [k for k in range(len(hits)) if sounds.get(k) is None]
    for k, sampled in zip(missing, sample([strikes[k] for k in missing]) if missing else [], strict=True):
        sounds[k] = cache.put(keys[k], sampled) if k in keys else sampled
    return [_scrape(hit, strike) for k, hit in enumerate(hits) if (strike := sounds[k]) is not None]


def _scrape(hit: Hit, strike: np.ndarray) -> np.ndarray:
    return strike if hit.stroke is None else scrape(strike, hit.stroke, SAMPLE_RATE_HZ, hit.seed)


def scrape_part(make: Callable[[int], np.ndarray], hit: Hit, length_samples: int) -> np.ndarray:
    """A part of a hit, such as its side, of a length [N] or [C, N], from that of its strike, which ``make`` gives."""
    if hit.stroke is None:
        return make(length_samples)
    strike = np.atleast_2d(make(_strike_length(hit.stroke, length_samples)))
    part = np.stack([_scrape(hit, channel) for channel in strike])
    return part if len(part) > 1 else part[0]


def split_scrape(hit: Hit, samples: np.ndarray, modes: Modes, rise_s: float) -> tuple[np.ndarray, np.ndarray]:
    """The modes of a scrape [N], as its physics has them under its force, and all else."""
    assert hit.stroke is not None
    length = _strike_length(hit.stroke, len(samples))
    strike = synthesize_modes([modes], length, SAMPLE_RATE_HZ)[0].numpy()
    ringing = _scrape(hit, strike * rise_gain(np.arange(length) / SAMPLE_RATE_HZ, rise_s))[: len(samples)]
    return ringing, samples - ringing


def _strike_length(stroke: Stroke, length_samples: int) -> int:
    return max(1, length_samples - stroke_samples(stroke, SAMPLE_RATE_HZ) + 1)
