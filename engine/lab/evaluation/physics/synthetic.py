"""Accuracy of the analysis on synthetic sounds of known modes: recall, errors, and efficiency (Cramér-Rao bound)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, db_to_gain
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.cramer_rao import CramerRaoBound, cramer_rao
from engine.physics.model import Modes
from engine.physics.synthesis import synthesize_modes

COUNTS = (8, 12, 16, 24, 32)
RANGE_DB = 40.0
LENGTH_S = 1.4
MIN_HZ, MAX_SHARE_OF_RATE = 80.0, 0.45
MIN_T60_S, MAX_T60_S = 0.03, 5.0
MATCH_CENTS = 10.0
FALSE_WITHIN_DB = 30.0
MAX_MODES = 128
HALF_NORMAL = 0.6745
"""Median of |x| of a normal x of standard deviation 1."""


@dataclass(frozen=True)
class Target:
    """Required recall and largest median errors at an SNR."""

    snr_db: float
    found_percent: float
    cents: float
    decay_percent: float
    power_db: float


TARGETS = (Target(40.0, 98.0, 0.2, 2.0, 0.5), Target(20.0, 90.0, 1.0, 5.0, 1.0))


@dataclass(frozen=True)
class Match:
    """Estimated modes of one sound matched with the true ones.

    ``counted`` true modes are identifiable; errors are of the F of them that were found, [F] each, and ``bounds``
    [3, F] their Cramér-Rao bounds in the same units. ``reported`` estimates lie within 30 dB of the strongest,
    ``false`` of them near no true mode.
    """

    true: int
    counted: int
    cents: np.ndarray
    decay_percent: np.ndarray
    power_db: np.ndarray
    bounds: np.ndarray
    reported: int
    false: int


def draw_modes(
    count: int,
    rng: np.random.Generator,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    range_db: float = RANGE_DB,
    t60_s: tuple[float, float] = (MIN_T60_S, MAX_T60_S),
) -> Modes:
    """Random modes: frequencies of 80 Hz to 0.45 of the rate and T60 log-uniform, powers uniform within ``range_db``.

    Phases are uniform and spacing is not constrained; at least one mode is at the top of the range.
    """
    octaves = MAX_SHARE_OF_RATE * sample_rate_hz / MIN_HZ
    frequency = MIN_HZ * octaves ** rng.random(count)
    decay = LN_60_DB / (t60_s[0] * (t60_s[1] / t60_s[0]) ** rng.random(count))
    power = -10.0 - range_db * rng.random(count)
    power[int(rng.integers(count))] = -10.0
    phase = rng.uniform(-math.pi, math.pi, count)
    order = np.argsort(frequency)
    return make_modes(frequency[order], power[order], decay[order], phase[order])


def make_modes(
    frequency_hz: Sequence[float] | np.ndarray,
    power_db: Sequence[float] | np.ndarray,
    decay_per_s: Sequence[float] | np.ndarray,
    phase_rad: Sequence[float] | np.ndarray,
) -> Modes:
    """Modes of four arrays [K]."""
    f, p, d, phase = (tuple(float(v) for v in x) for x in (frequency_hz, power_db, decay_per_s, phase_rad))
    return Modes(f, p, d, phase, (False,) * len(f))


def synthesize_hit(modes: Modes, length_s: float, sample_rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """Synthesize modes from the onset on, float64."""
    sound = synthesize_modes([modes], round(length_s * sample_rate_hz), sample_rate_hz)[0]
    return sound.numpy().astype(np.float64)


def identifiable(modes: Modes, bound: CramerRaoBound, decay_percent: float, power_db: float) -> np.ndarray:
    """Which modes are identifiable, [K]: bounds under a third of each tolerance, 10 cents for frequency."""
    cents, decay, power = relative_bounds(modes, bound)
    return (cents < MATCH_CENTS / 3.0) & (decay < decay_percent / 3.0) & (power < power_db / 3.0)


def relative_bounds(modes: Modes, bound: CramerRaoBound) -> np.ndarray:
    """Bounds in cents, percent of the decay, and dB, [3, K]."""
    cents = 1200.0 / math.log(2.0) * bound.frequency_hz / np.asarray(modes.frequency_hz)
    return np.stack([cents, 100.0 * bound.decay_per_s / np.asarray(modes.decay_per_s), bound.power_db])


def match_modes(
    truth: Modes,
    found: Modes,
    counted: np.ndarray,
    bounds: np.ndarray,
    late_s: float = 0.0,
    length_s: float = LENGTH_S,
    free_level: bool = False,
) -> Match:
    """Match true modes with estimates one to one within 10 cents, most pairs first, then least total distance.

    All true modes are matched, so that an estimate of an unidentifiable mode does not count for its neighbour; only the
    ``counted`` [K] are evaluated. An estimate within 30 dB of the strongest is false if it lies within 10 cents of no
    true mode nor within the resolution of one: the greater of its half width, decay / 2 pi, and half a bin of the whole
    sound, 1 / (2 length). ``late_s`` is the onset error of the analysis, for which powers are corrected. With
    ``free_level`` powers are compared up to a common gain.
    """
    f, power, decay = (np.asarray(v) for v in (truth.frequency_hz, truth.power_db, truth.decay_per_s))
    g, got, rate = (np.asarray(v) for v in (found.frequency_hz, found.power_db, found.decay_per_s))
    got = got + 20.0 / math.log(10.0) * rate * late_s
    apart = np.abs(1200.0 * np.log2(np.maximum(g[None, :], 1e-3) / f[:, None]))
    cost = np.where(apart < MATCH_CENTS, apart, 1e3)
    i, k = linear_sum_assignment(cost)
    hit = (cost[i, k] < MATCH_CENTS) & counted[i]
    i, k = i[hit], k[hit]
    near = (np.abs(g[None, :] - f[:, None]) < np.maximum(decay / (2 * math.pi), 0.5 / length_s)[:, None]) | (
        apart < MATCH_CENTS
    )
    off_db = got[k] - power[i]
    if free_level and off_db.size:
        off_db = off_db - np.median(off_db)
    loud = got > got.max(initial=-np.inf) - FALSE_WITHIN_DB
    return Match(
        len(truth),
        int(counted.sum()),
        apart[i, k],
        100.0 * np.abs(rate[k] / decay[i] - 1.0),
        np.abs(off_db),
        bounds[:, i],
        int(loud.sum()),
        int((loud & ~near.any(axis=0)).sum()),
    )


def measure_sound(number: int, target: Target, seed: int = 1) -> tuple[Match, float]:
    """Analyse the synthetic sound of a number and a seed, in white noise: matched modes and seconds."""
    rng = np.random.default_rng([seed, number])
    truth = draw_modes(COUNTS[number % len(COUNTS)], rng)
    sound = synthesize_hit(truth, LENGTH_S)
    noise_rms = float(np.sqrt(np.mean(np.square(sound)))) * db_to_gain(-target.snr_db)
    noisy = sound + noise_rms * rng.standard_normal(sound.size)
    bound = cramer_rao(truth, sound.size, SAMPLE_RATE_HZ, noise_rms)
    started_s = time.perf_counter()
    physics, _ = analyze_hit(noisy, SAMPLE_RATE_HZ, max_modes=MAX_MODES, onset_s=0.0)
    seconds = time.perf_counter() - started_s
    counted = identifiable(truth, bound, target.decay_percent, target.power_db)
    return match_modes(truth, physics.modes, counted, relative_bounds(truth, bound)), seconds


def summarize(matches: Sequence[Match]) -> dict[str, Any]:
    """Pooled figures of sounds; errors are None where nothing was found.

    Efficiency is the median of |error| / bound divided by 0.674, the median of an estimator at the bound: 1 is optimal.
    """
    found: dict[str, np.ndarray] = {
        name: np.concatenate([getattr(m, name) for m in matches]) for name in ("cents", "decay_percent", "power_db")
    }
    bounds = np.concatenate([m.bounds for m in matches], axis=1)
    counted, reported = sum(m.counted for m in matches), sum(m.reported for m in matches)
    figures: dict[str, Any] = {
        "sounds": len(matches),
        "modes": sum(m.true for m in matches),
        "counted": counted,
        "found_percent": 100.0 * found["cents"].size / counted if counted else None,
        "reported": reported,
        "false": sum(m.false for m in matches),
        "false_percent": 100.0 * sum(m.false for m in matches) / reported if reported else 0.0,
    }
    for (name, errors), bound in zip(found.items(), bounds, strict=True):
        figures[name] = float(np.median(errors)) if errors.size else None
        figures[f"{name}_90th"] = float(np.percentile(errors, 90)) if errors.size else None
        figures[f"{name}_efficiency"] = float(np.median(errors / bound)) / HALF_NORMAL if errors.size else None
    return figures


def passes(figures: dict[str, Any], target: Target) -> bool:
    """Whether the figures of ``summarize`` meet a target, with at most one reported mode in twenty false."""
    if figures["cents"] is None or figures["found_percent"] < target.found_percent or figures["false_percent"] > 5.0:
        return False
    return bool(all(figures[name] <= getattr(target, name) for name in ("cents", "decay_percent", "power_db")))
