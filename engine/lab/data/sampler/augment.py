"""Data augmentation of analysed hits, by transforms whose effect on modes and noise is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft as fast_fourier
from scipy.signal import fftconvolve

from engine.core.dsp import erb_edges, resample
from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, db_to_gain, gain_to_db, power_to_db
from engine.lab.data.sampler.hits import AnalysedHit
from engine.physics.analysis.damped_sinusoids import exponents
from engine.physics.analysis.envelope import stretch_envelope
from engine.physics.analysis.residual import fit_residual
from engine.physics.macros import contact_gain_db, contact_time_s
from engine.physics.model import Residual
from engine.physics.noise import synthesize_residual

FILTER_TAPS = 256
_KNOTS_HZ = np.array([20.0, 60.0, 150.0, 400.0, 1000.0, 2500.0, 6000.0, 12_000.0, 24_000.0])
_HERTZ_EXPONENT = -0.2
_LONGEST_S = 1.6


@dataclass(frozen=True)
class Augmentation:
    """Probability and range of each augmentation."""

    speed: float = 0.7
    speed_range: tuple[float, float] = (0.7, 1.4)
    equalizer: float = 0.35
    equalizer_db: float = 5.0
    force: float = 0.35
    velocity_db: float = 12.0
    room: float = 0.12
    room_t60_s: tuple[float, float] = (0.15, 1.2)
    room_db: tuple[float, float] = (-32.0, -12.0)
    noise: float = 0.08
    noise_db: tuple[float, float] = (-45.0, -20.0)


def vary_hit(hit: AnalysedHit, how: Augmentation, rng: np.random.Generator) -> AnalysedHit:
    """One augmented hit: speed, force, equalization, room, and analysis in noise, each with its probability."""
    if rng.random() < how.speed:
        # Whole percents, since a resampler's filter bank is as large as the rates' smallest common ratio.
        hit = play_faster(hit, round(100 * float(np.exp(rng.uniform(*np.log(how.speed_range))))) / 100)
    if rng.random() < how.force:
        hit = strike_harder(hit, float(rng.uniform(-how.velocity_db, how.velocity_db)))
    if rng.random() < how.equalizer:
        gains_db = np.clip(rng.normal(0.0, 0.5 * how.equalizer_db, _KNOTS_HZ.size), -how.equalizer_db, how.equalizer_db)
        hit = filter_hit(hit, lambda hz: np.interp(np.log(np.maximum(hz, 1.0)), np.log(_KNOTS_HZ), gains_db))
    if rng.random() < how.room:
        t60_s = float(np.exp(rng.uniform(*np.log(how.room_t60_s))))
        hit = place_in_room(hit, t60_s, float(rng.uniform(*how.room_db)), int(rng.integers(1 << 31)))
    if rng.random() < how.noise:
        hit = analyse_in_noise(hit, float(rng.uniform(*how.noise_db)), rng)
    return hit


def play_faster(hit: AnalysedHit, ratio: float) -> AnalysedHit:
    """Play a hit ``ratio`` times faster: every frequency and decay scales with it, as for a smaller object."""
    modes = replace(
        hit.modes,
        frequency_hz=tuple(f * ratio for f in hit.modes.frequency_hz),
        decay_per_s=tuple(d * ratio for d in hit.modes.decay_per_s),
    )
    residual = hit.residual.scaled(decay_ratio=ratio, pitch_ratio=ratio)
    return replace(
        hit,
        samples=resample(np.array(hit.samples), round(SAMPLE_RATE_HZ * ratio), SAMPLE_RATE_HZ),
        modes=modes,
        residual=replace(
            residual, rise_s=residual.rise_s / ratio, envelope_db=stretch_envelope(residual.envelope_db, 1.0 / ratio)
        ),
        fmax_hz=hit.fmax_hz * ratio,
    )


def strike_harder(hit: AnalysedHit, velocity_db: float) -> AnalysedHit:
    """The same object struck ``velocity_db`` harder: louder, and brighter by a shorter contact (``change_contact``)."""
    contact_s = contact_time_s(hit.modes, hit.residual)
    ratio = db_to_gain(_HERTZ_EXPONENT * velocity_db)
    struck = filter_hit(
        hit, lambda hz: np.array([contact_gain_db(float(f), contact_s, ratio) for f in hz]) + velocity_db
    )
    return replace(struck, velocity_db=(hit.velocity_db or 0.0) + velocity_db)


def filter_hit(hit: AnalysedHit, gain_db: Callable[[np.ndarray], np.ndarray]) -> AnalysedHit:
    """A hit through a minimum-phase filter, whose gain in dB is a function of frequency in Hz, [F] -> [F].

    A mode a e^(s n) leaves a filter h as a H(e^s) e^(s n), exactly, once the filter has filled; noise takes on the gain
    of its band.
    """
    taps = design_minimum_phase(gain_db)
    s = exponents(np.stack([hit.modes.frequency_hz, hit.modes.decay_per_s], axis=1).reshape(-1, 2), SAMPLE_RATE_HZ)
    response_at_modes = (taps[:, None] * np.exp(-np.outer(np.arange(taps.size), s))).sum(axis=0)
    modes = replace(
        hit.modes,
        power_db=tuple(
            float(p) for p in np.asarray(hit.modes.power_db) + gain_to_db(np.abs(response_at_modes) + 1e-20)
        ),
        phase_rad=tuple(float(p) for p in np.asarray(hit.modes.phase_rad) + np.angle(response_at_modes)),
    )
    residual = hit.residual
    if len(residual.edges_hz) > 1:
        edges = np.asarray(residual.edges_hz)
        gains = gain_db(np.sqrt(np.maximum(edges[:-1], 1.0) * edges[1:]))
        for name, component in residual.components:
            louder = tuple(float(p + g) for p, g in zip(component.power_db, gains, strict=True))
            residual = residual.with_component(name, replace(component, power_db=louder))
    samples = fftconvolve(hit.samples, taps)[: len(hit.samples)].astype(np.float32)
    return replace(hit, samples=samples, modes=modes, residual=residual)


def design_minimum_phase(gain_db: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Taps [FILTER_TAPS] of a minimum-phase filter of a gain, by folding its cepstrum (Oppenheim and Schafer, 1975)."""
    size = 4 * FILTER_TAPS
    frequency = np.arange(size // 2 + 1) * SAMPLE_RATE_HZ / size
    cepstrum = fast_fourier.irfft(gain_db(frequency) * np.log(10.0) / 20.0, size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    taps = fast_fourier.irfft(np.exp(fast_fourier.rfft(cepstrum)), size)[:FILTER_TAPS]
    taps[FILTER_TAPS // 2 :] *= 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, FILTER_TAPS // 2))
    result: np.ndarray = taps
    return result


def place_in_room(hit: AnalysedHit, t60_s: float, level_db: float, seed: int) -> AnalysedHit:
    """A hit in a simulated room: its response is noise that decays by 60 dB in ``t60_s``, faster at high frequencies.

    ``level_db`` is the response's energy re the direct sound's. Modes stay; the residual, the room included, is
    estimated again from the result.
    """
    edges = erb_edges(20.0, SAMPLE_RATE_HZ / 2, 24)
    centre = np.sqrt(edges[1:] * edges[:-1])
    decay = LN_60_DB / t60_s * np.sqrt(1.0 + centre / 4000.0)
    power = power_to_db(np.diff(edges) / (SAMPLE_RATE_HZ / 2) * 2.0 * decay / SAMPLE_RATE_HZ) + level_db
    response = Residual(tuple(edges.tolist()), tuple(power.tolist()), tuple(decay.tolist()))
    late = synthesize_residual(response, round(t60_s * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, seed)
    late[: round(0.004 * SAMPLE_RATE_HZ)] = 0.0  # distance to the nearest wall and back
    length = min(len(hit.samples) + late.size - 1, round(_LONGEST_S * SAMPLE_RATE_HZ))
    samples = np.zeros(length, np.float32)
    samples[: len(hit.samples)] = hit.samples[:length]
    samples += fftconvolve(hit.samples, late)[:length].astype(np.float32)
    residual = fit_residual(samples, hit.modes, SAMPLE_RATE_HZ)
    return replace(hit, samples=samples, residual=_come_in_like(residual, hit))


def analyse_in_noise(hit: AnalysedHit, level_db: float, rng: np.random.Generator) -> AnalysedHit:
    """The same sound, its residual estimated in steady noise ``level_db`` re the sound's level."""
    rms = float(np.sqrt(np.mean(np.square(hit.samples))))
    noise = rng.standard_normal(len(hit.samples)) * rms * db_to_gain(level_db)
    residual = fit_residual(hit.samples + noise, hit.modes, SAMPLE_RATE_HZ)
    return replace(hit, residual=_come_in_like(residual, hit))


def _come_in_like(residual: Residual, hit: AnalysedHit) -> Residual:
    return replace(residual, rise_s=hit.residual.rise_s, envelope_db=hit.residual.envelope_db)
