"""Random variation between takes of one object: level, spectrum, decay and attack, each by the hit's seed.

The distributions were measured on takes of 94 objects struck by hand (docs/sampler.md): levels of bands differ by a
curve that is smooth over some octaves, decays mostly by a common factor, and level and brightness are almost
uncorrelated, so all are drawn independently. What rings long also varies in level against what is over at once: with
where and how an object is struck and held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from engine.core.units import SILENCE_DB, power_to_db
from engine.physics.detail import measure_level_db
from engine.physics.model import ENVELOPE_RANGE_DB, LONGEST_ENVELOPE, LONGEST_RISE_S, Modes, NoiseComponent, Residual

_LOWEST_OCTAVE, _OCTAVES_A_KNOT, _KNOTS = math.log2(20.0), 0.25, 44
_SHORTEST_ENVELOPE, _ENVELOPE_FADE = 12, 4
_DECAY_RANGE_PER_S = (0.05, 7000.0)
_SLOW_OCTAVES = 3.0
_TREND_DB, _TREND_OCTAVES = 40.0, 0.25  # what is softer does not count; a narrower range of frequencies has no slope


@dataclass(frozen=True)
class TakeSpread:
    """Standard deviations between takes of one object struck by hand, in decibels or natural logarithms.

    ``spectrum_db`` and ``decay_curve`` belong to curves that are correlated over ``curve_octaves``; ``decay`` is common
    to all modes and bands; ``band_db``, ``mode_db``, ``mode_cents`` and ``mode_decay`` are drawn one by one. ``rise``
    changes the fade-in and ``rise_s`` adds to it, ``envelope_db`` changes the fine envelope, correlated over
    ``envelope_steps``, and ``attack_db`` its first step, at the onset. ``slow_db`` is a gain an octave of decay time,
    of what rings longer than the rest of the sound does at its frequency: it changes the fall and not the colour.
    """

    level_db: float = 4.2
    spectrum_db: float = 4.6
    curve_octaves: float = 3.0
    band_db: float = 3.2
    mode_db: float = 2.7
    mode_cents: float = 3.0
    decay: float = 0.2
    decay_curve: float = 0.05
    mode_decay: float = 0.03
    attack_db: float = 8.0
    rise: float = 0.4
    rise_s: float = 0.001
    envelope_db: float = 5.0
    envelope_steps: float = 2.0
    slow_db: float = 5.5


FULL = TakeSpread()


def vary_physics(
    modes: Modes, residual: Residual, variation: float, seed: int, spread: TakeSpread = FULL
) -> tuple[Modes, Residual]:
    """Another take of the same object: every deviation is normal, ``variation`` (0 to 1) times that of ``spread``.

    The same seed gives the same take; at 0 the same objects are returned. Levels of the room change with the sound's,
    its decays stay.
    """
    if variation <= 0.0:
        return modes, residual
    rng = np.random.default_rng([seed, 31])
    level_db, decay, attack_db, rise, contact = variation * rng.standard_normal(5) * (
        spread.level_db, spread.decay, spread.attack_db, spread.rise, spread.rise_s
    )  # fmt: skip
    gain_db = variation * spread.spectrum_db * draw_curve(rng, spread.curve_octaves)
    slowing = decay + variation * spread.decay_curve * draw_curve(rng, spread.curve_octaves)
    envelope_rng, band_rng, mode_rng, slow_rng = rng.spawn(4)
    slow_db = variation * spread.slow_db * slow_rng.standard_normal()
    trend = fit_decay_trend(modes, residual)
    struck = _vary_modes(modes, gain_db, slowing, variation, spread, mode_rng)
    struck = replace(
        struck,
        power_db=_to_floats(
            np.asarray(struck.power_db) + weigh_by_decay(modes.frequency_hz, modes.decay_per_s, trend, slow_db)
        ),
    )
    result = replace(
        residual,
        rise_s=min(LONGEST_RISE_S, residual.rise_s * math.exp(rise) + abs(contact)),
        envelope_db=_vary_envelope(residual.envelope_db, attack_db, variation, spread, envelope_rng),
    )
    centres_hz = [math.sqrt(max(low, 20.0) * max(high, 20.0)) for low, high in pairwise(residual.edges_hz)]
    own_db = variation * spread.band_db * band_rng.standard_normal(len(centres_hz))
    gains_db = read_curve(gain_db, centres_hz) + own_db
    ratios = np.exp(read_curve(slowing, centres_hz))
    for name, component in residual.components:
        decays = np.asarray(component.decay_per_s) * (1.0 if name in ("attack", "room") else ratios)
        varied = NoiseComponent(component.power_db, _to_floats(np.clip(decays, *_DECAY_RANGE_PER_S)))
        by_decay_db = 0.0 if name == "room" else weigh_by_decay(centres_hz, component.decay_per_s, trend, slow_db)
        result = result.with_component(name, _raise(varied, gains_db + by_decay_db))
    # the curves' mean level is subtracted, so that the level varies by ``level_db`` whatever the spectrum
    raise_db = level_db + measure_level_db(modes, residual) - measure_level_db(struck, result)
    for name, component in result.components:
        result = result.with_component(name, _raise(component, raise_db))
    return replace(struck, power_db=_to_floats(np.asarray(struck.power_db) + raise_db)), result


def draw_curve(rng: np.random.Generator, octaves: float) -> np.ndarray:
    """A random curve over log frequency at its knots, [K]: normal of variance 1, correlated over so many octaves."""
    held = math.exp(-_OCTAVES_A_KNOT / octaves)
    steps = rng.standard_normal(_KNOTS)
    curve = np.empty(_KNOTS)
    curve[0] = steps[0]
    for k in range(1, _KNOTS):
        curve[k] = held * curve[k - 1] + math.sqrt(1.0 - held**2) * steps[k]
    return curve


def read_curve(curve: np.ndarray, frequency_hz: Sequence[float]) -> np.ndarray:
    """Values of a curve at frequencies, [F]."""
    octaves = np.log2(np.maximum(np.asarray(frequency_hz, dtype=np.float64), 1.0)) - _LOWEST_OCTAVE
    return np.interp(octaves / _OCTAVES_A_KNOT, np.arange(_KNOTS), curve)


def fit_decay_trend(modes: Modes, residual: Residual) -> np.ndarray:
    """Coefficients [1 or 2] of log2 decay per second by log2 frequency: a straight line through what is within 40 dB.

    By the energy of modes and bands of noise; the room does not count.
    """
    hz, decays, powers_db = list(modes.frequency_hz), list(modes.decay_per_s), list(modes.power_db)
    for name, component in residual.components:
        if name != "room":
            hz += [math.sqrt(max(low, 20.0) * max(high, 20.0)) for low, high in pairwise(residual.edges_hz)]
            decays += component.decay_per_s
            powers_db += component.power_db
    if not hz:
        return np.zeros(1)
    octaves, slowness = np.log2(np.maximum(hz, 20.0)), np.log2(np.maximum(decays, 1e-6))
    energy_db = np.asarray(powers_db) - power_to_db(2.0) * slowness
    kept = energy_db > energy_db.max() - _TREND_DB
    degree = 1 if octaves[kept].std() > _TREND_OCTAVES else 0
    trend: np.ndarray = np.polyfit(octaves[kept], slowness[kept], degree)
    return trend


def weigh_by_decay(
    frequency_hz: Sequence[float], decay_per_s: Sequence[float], trend: np.ndarray, gain_db: float
) -> np.ndarray:
    """Gains in dB of modes or bands, [K]: ``gain_db`` for each octave by which one falls more slowly than the trend."""
    usual = np.polyval(trend, np.log2(np.maximum(np.asarray(frequency_hz, dtype=np.float64), 20.0)))
    octaves = usual - np.log2(np.maximum(np.asarray(decay_per_s, dtype=np.float64), 1e-6))
    result: np.ndarray = gain_db * np.clip(octaves, -_SLOW_OCTAVES, _SLOW_OCTAVES)
    return result


def _raise(component: NoiseComponent, gain_db: np.ndarray | float) -> NoiseComponent:
    """A component with a gain, or one for each band, added in dB; silent bands stay silent."""
    power = np.asarray(component.power_db)
    return replace(component, power_db=_to_floats(np.where(power > SILENCE_DB, power + gain_db, power)))


def _vary_modes(
    modes: Modes,
    gain_db: np.ndarray,
    slowing: np.ndarray,
    variation: float,
    spread: TakeSpread,
    rng: np.random.Generator,
) -> Modes:
    deviations = (spread.mode_db, spread.mode_cents / 1200.0, spread.mode_decay)
    own = variation * rng.standard_normal((len(modes), 3)) * deviations
    decays = np.asarray(modes.decay_per_s) * np.exp(read_curve(slowing, modes.frequency_hz) + own[:, 2])
    return replace(
        modes,
        frequency_hz=_to_floats(np.asarray(modes.frequency_hz) * 2.0 ** own[:, 1]),
        power_db=_to_floats(np.asarray(modes.power_db) + read_curve(gain_db, modes.frequency_hz) + own[:, 0]),
        decay_per_s=_to_floats(np.clip(decays, *_DECAY_RANGE_PER_S)),
    )


def _vary_envelope(
    envelope_db: Sequence[float], attack_db: float, variation: float, spread: TakeSpread, rng: np.random.Generator
) -> tuple[float, ...]:
    """A fine envelope with correlated noise that fades out at its end; one that is short is lengthened first."""
    steps = rng.standard_normal(LONGEST_ENVELOPE)
    count = min(LONGEST_ENVELOPE, max(len(envelope_db), _SHORTEST_ENVELOPE))
    held = math.exp(-1.0 / spread.envelope_steps)
    noise = np.empty(count)
    noise[0] = steps[0]
    for k in range(1, count):
        noise[k] = held * noise[k - 1] + math.sqrt(1.0 - held**2) * steps[k]
    fade = np.minimum(1.0, np.arange(count, 0, -1) / _ENVELOPE_FADE)
    own = np.pad(np.asarray(envelope_db, dtype=np.float64), (0, count - len(envelope_db)))
    own[0] += attack_db
    return _to_floats(np.clip(own + variation * spread.envelope_db * fade * noise, *ENVELOPE_RANGE_DB))


def _to_floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))
