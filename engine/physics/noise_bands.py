"""Bands of a residual's noise: resampled, added, made louder; a band without power has the level SILENCE_DB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from engine.core.units import LN_60_DB, SILENCE_DB, db_to_power, power_to_db
from engine.physics.model import NoiseComponent, Residual

PLAIN_EDGES_HZ = tuple(20.0 * 2.0**k for k in range(11))
BURST_DECAY_PER_S = LN_60_DB / 0.02
LEAST_POWER = db_to_power(SILENCE_DB)
"""Of a band that is not silent."""


def with_bands(residual: Residual) -> Residual:
    """The residual, or if it has no bands, silence on ten octave bands from 20 Hz."""
    if residual.power_db:
        return residual
    bands = len(PLAIN_EDGES_HZ) - 1
    return replace(
        residual,
        edges_hz=PLAIN_EDGES_HZ,
        power_db=(SILENCE_DB,) * bands,
        decay_per_s=(BURST_DECAY_PER_S,) * bands,
    )


def rebin(component: NoiseComponent, from_edges_hz: Sequence[float], to_edges_hz: Sequence[float]) -> NoiseComponent:
    """Resample a component to other bands: power by overlap, log decay as the power-weighted mean.

    Bands without power are silent and take the decay of the nearest band.
    """
    spans = list(pairwise(from_edges_hz))
    power_db, decays = [], []
    first = 0
    for low, high in pairwise(to_edges_hz):
        total = weighted = 0.0
        while first < len(spans) - 1 and spans[first][1] <= low:
            first += 1
        for k in range(first, len(spans)):
            start, end = spans[k]
            if start >= high:
                break
            share = (min(end, high) - max(start, low)) / (end - start)
            power = power_of(component.power_db[k]) * max(0.0, share)
            total += power
            weighted += power * math.log(max(component.decay_per_s[k], 1e-9))
        power_db.append(level_of(total))
        decays.append(math.exp(weighted / total) if total > LEAST_POWER else component.decay_per_s[first])
    return NoiseComponent(tuple(power_db), tuple(decays))


def add_power(component: NoiseComponent | None, powers: Sequence[float], decays: Sequence[float]) -> NoiseComponent:
    """A component with noise added: powers add, log decays are averaged with powers as weights."""
    if component is None:
        return NoiseComponent(tuple(level_of(p) for p in powers), tuple(decays))
    power_db, decay = [], []
    for own_db, own_decay, power, other_decay in zip(
        component.power_db, component.decay_per_s, powers, decays, strict=True
    ):
        own = power_of(own_db)
        total = own + power
        power_db.append(level_of(total))
        log = own * math.log(max(own_decay, 1e-9)) + power * math.log(other_decay)
        decay.append(math.exp(log / total) if total > LEAST_POWER else own_decay)
    return NoiseComponent(tuple(power_db), tuple(decay))


def amplify(component: NoiseComponent, gains_db: Sequence[float]) -> NoiseComponent:
    """A component with a gain for each band; silent bands stay silent."""
    return NoiseComponent(
        tuple(p + gain if p > SILENCE_DB else p for p, gain in zip(component.power_db, gains_db, strict=True)),
        component.decay_per_s,
    )


def bands_near(frequency_hz: float, centres: Sequence[float]) -> list[tuple[int, float]]:
    """Indices and linear interpolation weights of the bands that a frequency lies between."""
    if frequency_hz <= centres[0]:
        return [(0, 1.0)]
    if frequency_hz >= centres[-1]:
        return [(len(centres) - 1, 1.0)]
    above = next(k for k, hz in enumerate(centres) if hz > frequency_hz)
    share = (frequency_hz - centres[above - 1]) / (centres[above] - centres[above - 1])
    return [(above - 1, 1.0 - share), (above, share)]


def centres_of(edges_hz: Sequence[float]) -> list[float]:
    return [0.5 * (low + high) for low, high in pairwise(edges_hz)]


def power_of(level_db: float) -> float:
    return db_to_power(level_db) if level_db > SILENCE_DB else 0.0


def level_of(power: float) -> float:
    return power_to_db(power) if power > LEAST_POWER else SILENCE_DB
