"""Stress test of the analysis: close modes, extreme decays, sample rates, rooms, clicks, clipping, stereo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, db_to_gain
from engine.lab.evaluation.physics.synthetic import (
    LENGTH_S,
    MAX_MODES,
    TARGETS,
    Match,
    Target,
    draw_modes,
    identifiable,
    make_modes,
    match_modes,
    passes,
    relative_bounds,
    summarize,
    synthesize_hit,
)
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.cramer_rao import cramer_rao
from engine.physics.model import Modes

SOUNDS = 6
ONSET_S = 0.25
MAX_ONSET_ERROR_MS = 2.0
CLEAN_TARGET, HARD_TARGET = TARGETS
"""Targets of clean sounds, those of 40 dB SNR, and of disturbed ones, those of 20 dB."""


@dataclass(frozen=True)
class Case:
    """One sound of the table: its modes, which of them are evaluated [K], and the samples [N] or [N, 2] to analyse.

    ``onset_s`` is the hit's position in the samples; the analysis is given it unless ``finds_onset``.
    """

    modes: Modes
    evaluated: np.ndarray
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
    evaluated: list[int] | None = None,
    rate: int = SAMPLE_RATE_HZ,
) -> Case:
    """A hit in white noise ``under_peak_db`` below its peak; evaluated are its identifiable modes, of ``evaluated``."""
    sound = synthesize_hit(modes, LENGTH_S, rate)
    rms = float(np.abs(sound).max()) * db_to_gain(-under_peak_db)
    bound = cramer_rao(modes, sound.size, rate, rms)
    chosen = identifiable(modes, bound, CLEAN_TARGET.decay_percent, CLEAN_TARGET.power_db)
    if evaluated is not None:
        chosen &= np.isin(np.arange(len(modes)), evaluated)
    return Case(modes, chosen, relative_bounds(modes, bound), sound + rms * rng.standard_normal(sound.size), rate)


def _draw_object(rng: np.random.Generator, rate: int = SAMPLE_RATE_HZ, snr_db: float = 40.0) -> tuple[Case, np.ndarray]:
    """Twelve modes within 30 dB, T60 of 0.1 to 2 s, the identifiable ones evaluated; and noise of twice the length.

    The samples are the hit alone; each case adds its disturbance and the noise.
    """
    modes = draw_modes(12, rng, rate, range_db=30.0, t60_s=(0.1, 2.0))
    sound = synthesize_hit(modes, LENGTH_S, rate)
    rms = float(np.sqrt(np.mean(np.square(sound)))) * db_to_gain(-snr_db)
    bound = cramer_rao(modes, sound.size, rate, rms)
    evaluated = identifiable(modes, bound, CLEAN_TARGET.decay_percent, CLEAN_TARGET.power_db)
    return Case(modes, evaluated, relative_bounds(modes, bound), sound, rate), rms * rng.standard_normal(2 * sound.size)


def make_pair(rng: np.random.Generator) -> Case:
    """Two modes 4 Hz apart, T60 1 s and 2 s, and a third far away; noise 60 dB under the peak."""
    f = 300.0 * 10.0 ** rng.random()
    decay = LN_60_DB / np.array([1.0, 2.0, 0.5])
    return _with_noise(
        make_modes([f, f + 4.0, 3.3 * f], [-12.0, -15.0, -20.0], decay, rng.uniform(-3.0, 3.0, 3)), rng, 60.0, [0, 1]
    )


def make_t60_case(t60_s: float) -> Make:
    """Three modes of one T60, noise 60 dB under the peak."""

    def make(rng: np.random.Generator) -> Case:
        f = np.array([1000.0, 3500.0, 10_000.0]) * rng.uniform(0.8, 1.25, 3)
        decay = np.full(3, LN_60_DB / t60_s)
        return _with_noise(make_modes(f, [-12.0, -14.0, -16.0], decay, rng.uniform(-3.0, 3.0, 3)), rng, 60.0)

    return make


def make_faint_mode(rng: np.random.Generator) -> Case:
    """One mode 60 dB under the strongest of five, in a clean sound: noise 100 dB under the peak."""
    f = np.array([220.0, 700.0, 1900.0, 4100.0, 9000.0]) * rng.uniform(0.85, 1.15, 5)
    decay = LN_60_DB / np.array([2.0, 1.2, 0.8, 0.7, 0.4])
    return _with_noise(
        make_modes(f, [-10.0, -22.0, -35.0, -70.0, -48.0], decay, rng.uniform(-3.0, 3.0, 5)), rng, 100.0, [3]
    )


def make_high_modes(rng: np.random.Generator) -> Case:
    """Modes at 0.35, 0.40, 0.43 and 0.45 of the rate, T60 0.3 s, and a strong low one."""
    f = np.array([0.02, 0.35, 0.40, 0.43, 0.45]) * SAMPLE_RATE_HZ
    decay = LN_60_DB / np.array([1.0, 0.3, 0.3, 0.3, 0.3])
    return _with_noise(
        make_modes(f, [-10.0, -26.0, -28.0, -30.0, -32.0], decay, rng.uniform(-3.0, 3.0, 5)), rng, 70.0, [1, 2, 3, 4]
    )


def make_rate_case(rate: int) -> Make:
    """An object at another sample rate, 40 dB SNR."""

    def make(rng: np.random.Generator) -> Case:
        case, noise = _draw_object(rng, rate)
        return _with_samples(case, case.samples + noise[: case.samples.size])

    return make


def make_room(rng: np.random.Generator) -> Case:
    """A room: the hit, and 6 dB below it the hit convolved with noise that decays with a T60 of 0.4 s."""
    case, noise = _draw_object(rng)
    length = case.samples.size
    impulse_response = rng.standard_normal(length) * np.exp(-LN_60_DB / 0.4 * np.arange(length) / SAMPLE_RATE_HZ)
    size = 2 * length
    wet = np.fft.irfft(np.fft.rfft(case.samples, size) * np.fft.rfft(impulse_response, size), size)[:length]
    wet *= math.sqrt(np.square(case.samples).sum() / np.square(wet).sum() * 10.0**-0.6)
    return _with_samples(case, case.samples + wet + noise[:length])


def make_click(rng: np.random.Generator) -> Case:
    """A click of 1 ms at half the hit's peak, 60 ms before it; the onset is to be found."""
    case, noise = _draw_object(rng)
    start = round(ONSET_S * SAMPLE_RATE_HZ)
    sound = _delay(case.samples)
    click = rng.standard_normal(round(0.001 * SAMPLE_RATE_HZ))
    at = start - round(0.06 * SAMPLE_RATE_HZ)
    sound[at : at + click.size] += 0.5 * np.abs(sound).max() * click / np.abs(click).max()
    return _with_samples(case, sound + noise[: sound.size], ONSET_S)


def make_second_hit(rng: np.random.Generator) -> Case:
    """The same object hit again 150 ms later, elsewhere and 3 dB softer; the onset is to be found."""
    case, noise = _draw_object(rng)
    shift = round(0.15 * SAMPLE_RATE_HZ)
    modes = case.modes
    level = np.asarray(modes.power_db) - 3.0 + rng.uniform(-6.0, 6.0, len(modes))
    again = make_modes(modes.frequency_hz, level, modes.decay_per_s, rng.uniform(-3.0, 3.0, len(modes)))
    sound = case.samples.copy()
    sound[shift:] += synthesize_hit(again, LENGTH_S)[:-shift]
    sound = _delay(sound)
    return _with_samples(case, sound + noise[: sound.size], ONSET_S)


def make_clipped(rng: np.random.Generator) -> Case:
    """Clipped at half the peak."""
    case, noise = _draw_object(rng)
    peak = float(np.abs(case.samples).max())
    return _with_samples(case, np.clip(case.samples + noise[: case.samples.size], -0.5 * peak, 0.5 * peak))


def make_stereo(rng: np.random.Generator) -> Case:
    """Two channels, the second 6 dB softer and inverted; powers are evaluated up to a common gain."""
    case, noise = _draw_object(rng)
    length = case.samples.size
    left, right = case.samples + noise[:length], -0.5 * case.samples + 0.5 * noise[length:]
    return _with_samples(case, np.stack([left, right], axis=1))


def _delay(sound: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(round(ONSET_S * SAMPLE_RATE_HZ)), sound])


def _with_samples(case: Case, samples: np.ndarray, onset_s: float | None = None) -> Case:
    finds_onset = onset_s is not None
    return Case(case.modes, case.evaluated, case.bounds, samples, case.sample_rate_hz, onset_s or 0.0, finds_onset)


CASES: dict[str, tuple[Make, Target]] = {
    "pair 4 Hz apart": (make_pair, CLEAN_TARGET),
    "T60 5 ms": (make_t60_case(0.005), CLEAN_TARGET),
    "T60 20 s": (make_t60_case(20.0), CLEAN_TARGET),
    "mode 60 dB under": (make_faint_mode, CLEAN_TARGET),
    "up to 0.45 of the rate": (make_high_modes, CLEAN_TARGET),
    "8 kHz": (make_rate_case(8_000), CLEAN_TARGET),
    "16 kHz": (make_rate_case(16_000), CLEAN_TARGET),
    "44.1 kHz": (make_rate_case(44_100), CLEAN_TARGET),
    "96 kHz": (make_rate_case(96_000), CLEAN_TARGET),
    "192 kHz": (make_rate_case(192_000), CLEAN_TARGET),
    "stereo, one side inverted": (make_stereo, CLEAN_TARGET),
    "room": (make_room, HARD_TARGET),
    "click 60 ms before": (make_click, HARD_TARGET),
    "second hit 150 ms later": (make_second_hit, HARD_TARGET),
    "clipped at half the peak": (make_clipped, HARD_TARGET),
}


def measure_case(name: str, number: int, seed: int = 2) -> tuple[Match, float]:
    """Analyse one sound of a case: matched modes, and the onset's error in ms (0 where it was given)."""
    make, _ = CASES[name]
    case = make(np.random.default_rng([seed, number, *name.encode()]))
    onset_s = None if case.finds_onset else case.onset_s
    physics, _ = analyze_hit(case.samples, case.sample_rate_hz, max_modes=MAX_MODES, onset_s=onset_s)
    late_s = physics.onset_s - case.onset_s
    free = case.samples.ndim == 2
    match = match_modes(case.modes, physics.modes, case.evaluated, case.bounds, late_s, free_level=free)
    return match, 1000.0 * late_s


def summarize_case(name: str, results: list[tuple[Match, float]]) -> dict[str, Any]:
    """One row of the table: the figures, the worst onset error, and whether they meet the target (onset: 2 ms)."""
    target = CASES[name][1]
    figures = summarize([match for match, _ in results])
    late_ms = max((late for _, late in results), key=abs)
    return {
        "case": name,
        **figures,
        "onset_ms": late_ms,
        "passes": passes(figures, target) and abs(late_ms) <= MAX_ONSET_ERROR_MS,
    }
