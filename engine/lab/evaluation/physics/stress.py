"""The analysis where it is hard: beats, extremes, rates, rooms, clicks, second hits, clipping, stereo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, db_to_gain
from engine.lab.evaluation.physics.synthetic import (
    LENGTH_S,
    MOST_MODES,
    ROWS,
    Match,
    Row,
    countable,
    draw_modes,
    make_modes,
    match_modes,
    passes,
    relative_bounds,
    ring_modes,
    summarize,
)
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.cramer_rao import cramer_rao
from engine.physics.model import Modes

SOUNDS = 6
ONSET_S = 0.25
LATEST_MS = 2.0
CLEAN, HARD = ROWS
"""The aims of a clean sound, those of 40 dB SNR, and of one with something in the way, those of 20 dB."""


@dataclass(frozen=True)
class Case:
    """One sound of the table: its modes, which of them are judged, and the samples [N] or [N, 2] that are analysed.

    ``onset_s`` is where the hit lies in the samples; it is told to the analysis unless ``finds_onset``.
    """

    modes: Modes
    judged: np.ndarray
    bounds: np.ndarray
    samples: np.ndarray
    sample_rate_hz: int = SAMPLE_RATE_HZ
    onset_s: float = 0.0
    finds_onset: bool = False


Make = Callable[[np.random.Generator], Case]


def _with_noise(
    modes: Modes,
    rng: np.random.Generator,
    under_peak_db: float,
    judged: list[int] | None = None,
    rate: int = SAMPLE_RATE_HZ,
) -> Case:
    """A hit and white noise so far under its peak; of its modes, or of those told, those that the noise permits."""
    sound = ring_modes(modes, LENGTH_S, rate)
    rms = float(np.abs(sound).max()) * db_to_gain(-under_peak_db)
    bound = cramer_rao(modes, sound.size, rate, rms)
    chosen = countable(modes, bound, CLEAN.decay_percent, CLEAN.power_db)
    if judged is not None:
        chosen &= np.isin(np.arange(len(modes)), judged)
    return Case(modes, chosen, relative_bounds(modes, bound), sound + rms * rng.standard_normal(sound.size), rate)


def _object(rng: np.random.Generator, rate: int = SAMPLE_RATE_HZ, snr_db: float = 40.0) -> tuple[Case, np.ndarray]:
    """Twelve modes within 30 dB, T60 of 0.1 to 2 s, in faint noise, those judged that the noise permits; and the noise.

    The samples are the hit alone; what is in its way, and the noise, are put to it by the case.
    """
    modes = draw_modes(12, rng, rate, range_db=30.0, t60_s=(0.1, 2.0))
    sound = ring_modes(modes, LENGTH_S, rate)
    rms = float(np.sqrt(np.mean(np.square(sound)))) * db_to_gain(-snr_db)
    bound = cramer_rao(modes, sound.size, rate, rms)
    judged = countable(modes, bound, CLEAN.decay_percent, CLEAN.power_db)
    return Case(modes, judged, relative_bounds(modes, bound), sound, rate), rms * rng.standard_normal(2 * sound.size)


def make_pair(rng: np.random.Generator) -> Case:
    """Two modes 4 Hz apart, T60 1 s and 2 s, and a third far away; noise 60 dB under the peak."""
    f = 300.0 * 10.0 ** rng.random()
    decay = LN_60_DB / np.array([1.0, 2.0, 0.5])
    return _with_noise(
        make_modes([f, f + 4.0, 3.3 * f], [-12.0, -15.0, -20.0], decay, rng.uniform(-3.0, 3.0, 3)), rng, 60.0, [0, 1]
    )


def make_lasting(t60_s: float) -> Make:
    """Three modes of one T60, noise 60 dB under the peak."""

    def make(rng: np.random.Generator) -> Case:
        f = np.array([1000.0, 3500.0, 10_000.0]) * rng.uniform(0.8, 1.25, 3)
        decay = np.full(3, LN_60_DB / t60_s)
        return _with_noise(make_modes(f, [-12.0, -14.0, -16.0], decay, rng.uniform(-3.0, 3.0, 3)), rng, 60.0)

    return make


def make_faint(rng: np.random.Generator) -> Case:
    """One mode 60 dB under the strongest of five, in a clean sound: noise 100 dB under the peak."""
    f = np.array([220.0, 700.0, 1900.0, 4100.0, 9000.0]) * rng.uniform(0.85, 1.15, 5)
    decay = LN_60_DB / np.array([2.0, 1.2, 0.8, 0.7, 0.4])
    return _with_noise(
        make_modes(f, [-10.0, -22.0, -35.0, -70.0, -48.0], decay, rng.uniform(-3.0, 3.0, 5)), rng, 100.0, [3]
    )


def make_high(rng: np.random.Generator) -> Case:
    """Modes at 0.35, 0.40, 0.43 and 0.45 of the rate, T60 0.3 s, and a strong low one."""
    f = np.array([0.02, 0.35, 0.40, 0.43, 0.45]) * SAMPLE_RATE_HZ
    decay = LN_60_DB / np.array([1.0, 0.3, 0.3, 0.3, 0.3])
    return _with_noise(
        make_modes(f, [-10.0, -26.0, -28.0, -30.0, -32.0], decay, rng.uniform(-3.0, 3.0, 5)), rng, 70.0, [1, 2, 3, 4]
    )


def make_rate(rate: int) -> Make:
    """An object at another sample rate, 40 dB SNR."""

    def make(rng: np.random.Generator) -> Case:
        case, noise = _object(rng, rate)
        return _put(case, case.samples + noise[: case.samples.size])

    return make


def make_room(rng: np.random.Generator) -> Case:
    """A room: the hit, and 6 dB under its energy the hit through noise that decays with a T60 of 0.4 s."""
    case, noise = _object(rng)
    length = case.samples.size
    reply = rng.standard_normal(length) * np.exp(-LN_60_DB / 0.4 * np.arange(length) / SAMPLE_RATE_HZ)
    size = 2 * length
    wet = np.fft.irfft(np.fft.rfft(case.samples, size) * np.fft.rfft(reply, size), size)[:length]
    wet *= math.sqrt(np.square(case.samples).sum() / np.square(wet).sum() * 10.0**-0.6)
    return _put(case, case.samples + wet + noise[:length])


def make_click(rng: np.random.Generator) -> Case:
    """A click of 1 ms at half the hit's peak, 60 ms before it; the onset is not told."""
    case, noise = _object(rng)
    start = round(ONSET_S * SAMPLE_RATE_HZ)
    sound = _later(case.samples)
    click = rng.standard_normal(round(0.001 * SAMPLE_RATE_HZ))
    at = start - round(0.06 * SAMPLE_RATE_HZ)
    sound[at : at + click.size] += 0.5 * np.abs(sound).max() * click / np.abs(click).max()
    return _put(case, sound + noise[: sound.size], ONSET_S)


def make_second(rng: np.random.Generator) -> Case:
    """The same object hit again 150 ms later, elsewhere and 3 dB softer; the onset is not told."""
    case, noise = _object(rng)
    shift = round(0.15 * SAMPLE_RATE_HZ)
    modes = case.modes
    level = np.asarray(modes.power_db) - 3.0 + rng.uniform(-6.0, 6.0, len(modes))
    again = make_modes(modes.frequency_hz, level, modes.decay_per_s, rng.uniform(-3.0, 3.0, len(modes)))
    sound = case.samples.copy()
    sound[shift:] += ring_modes(again, LENGTH_S)[:-shift]
    sound = _later(sound)
    return _put(case, sound + noise[: sound.size], ONSET_S)


def make_clipped(rng: np.random.Generator) -> Case:
    """Clipped at half the peak."""
    case, noise = _object(rng)
    peak = float(np.abs(case.samples).max())
    return _put(case, np.clip(case.samples + noise[: case.samples.size], -0.5 * peak, 0.5 * peak))


def make_stereo(rng: np.random.Generator) -> Case:
    """Two channels, the second 6 dB softer and inverted; powers are judged up to a gain that all have in common."""
    case, noise = _object(rng)
    length = case.samples.size
    left, right = case.samples + noise[:length], -0.5 * case.samples + 0.5 * noise[length:]
    return _put(case, np.stack([left, right], axis=1))


def _later(sound: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(round(ONSET_S * SAMPLE_RATE_HZ)), sound])


def _put(case: Case, samples: np.ndarray, onset_s: float | None = None) -> Case:
    told = onset_s is None
    return Case(case.modes, case.judged, case.bounds, samples, case.sample_rate_hz, onset_s or 0.0, not told)


CASES: dict[str, tuple[Make, Row]] = {
    "pair 4 Hz apart": (make_pair, CLEAN),
    "T60 5 ms": (make_lasting(0.005), CLEAN),
    "T60 20 s": (make_lasting(20.0), CLEAN),
    "mode 60 dB under": (make_faint, CLEAN),
    "up to 0.45 of the rate": (make_high, CLEAN),
    "8 kHz": (make_rate(8_000), CLEAN),
    "16 kHz": (make_rate(16_000), CLEAN),
    "44.1 kHz": (make_rate(44_100), CLEAN),
    "96 kHz": (make_rate(96_000), CLEAN),
    "192 kHz": (make_rate(192_000), CLEAN),
    "stereo, one side inverted": (make_stereo, CLEAN),
    "room": (make_room, HARD),
    "click 60 ms before": (make_click, HARD),
    "second hit 150 ms later": (make_second, HARD),
    "clipped at half the peak": (make_clipped, HARD),
}


def measure_case(name: str, number: int, seed: int = 2) -> tuple[Match, float]:
    """One sound of a case, and how late in ms the onset was found (0 where it was told)."""
    make, _ = CASES[name]
    case = make(np.random.default_rng([seed, number, *name.encode()]))
    told = None if case.finds_onset else case.onset_s
    physics, _ = analyze_hit(case.samples, case.sample_rate_hz, max_modes=MOST_MODES, onset_s=told)
    late_s = physics.onset_s - case.onset_s
    free = case.samples.ndim == 2
    match = match_modes(case.modes, physics.modes, case.judged, case.bounds, late_s, free_level=free)
    return match, 1000.0 * late_s


def summarize_case(name: str, results: list[tuple[Match, float]]) -> dict[str, Any]:
    """One row of the table: the figures, the worst error of the onset, and whether it keeps the aims.

    An onset must be found to 2 ms.
    """
    row = CASES[name][1]
    figures = summarize([match for match, _ in results])
    late_ms = max((late for _, late in results), key=abs)
    return {"case": name, **figures, "onset_ms": late_ms, "passes": passes(figures, row) and abs(late_ms) <= LATEST_MS}
