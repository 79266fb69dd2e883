"""Extend a sound beyond the model's window with analytic modes and decayed noise."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from scipy import signal

from engine.core.units import SAMPLE_RATE_HZ, SILENCE_DB, db_to_gain, gain_to_db
from engine.diffusion.spectrogram import FRAME_COUNTS, HOP
from engine.physics.model import ENVELOPE_STEP_S, Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import synthesize_residual
from engine.physics.synthesis import CUT_FADE_S, LONGEST_RING_S, fade_out, ring_time_s, synthesize_modes

CROSSFADE_SAMPLES = 4096
FADE_SAMPLES = 1024
EDGE_SAMPLES = 9600
"""End of the window that a tail replaces: its frames lack context to the right, and levels of modes drift there."""

FIT_SAMPLES = 8192
"""Length of the window's end to which the modes are fitted: 0.17 s."""

LOWEST_HZ = 15.0
_DOUBT = 0.05
"""Weight of the physics' own amplitudes relative to the sound's, where the fit cannot resolve modes."""

_MOST_CHANGE = 2.0
_REACH_DB = 70.0
_INAUDIBLE_DB = -140.0
_DB_PER_NEPER = gain_to_db(math.e)


def extend_tail(wave: np.ndarray, modes: Modes, residual: Residual, seed: int) -> np.ndarray:
    """Continue a sampled window [N] with its analytic tail, cross-faded; fade the end.

    The tail's modes begin with the amplitude and phase that each has at the end of the window, so that there is no
    discontinuity; their decays are those of the physics.
    """
    sound = np.nan_to_num(wave.astype(np.float32))
    ring_s = ring_time_s(Physics(modes, residual, SAMPLE_RATE_HZ))
    length = math.ceil(ring_s * SAMPLE_RATE_HZ)
    if len(sound) + FADE_SAMPLES < length and len(sound) > FRAME_COUNTS[-2] * HOP:
        sound = sound[: len(sound) - EDGE_SAMPLES]
        start = len(sound) - CROSSFADE_SAMPLES
        ringing = synthesize_modes([match_modes(sound, modes)], length - start, SAMPLE_RATE_HZ)[0].numpy()
        noise = synthesize_residual(
            age_residual(residual, start / SAMPLE_RATE_HZ), length - start, SAMPLE_RATE_HZ, seed
        )
        ramp = np.ones(length - start, np.float32)
        ramp[:CROSSFADE_SAMPLES] = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, CROSSFADE_SAMPLES, dtype=np.float32))
        # Modes go on in phase and add up; two draws of noise do not, and only their powers do.
        tail = ramp * ringing + np.sqrt(1.0 - (1.0 - ramp) ** 2) * noise
        tail[:CROSSFADE_SAMPLES] += (1.0 - ramp[:CROSSFADE_SAMPLES]) * sound[start:]
        sound = np.concatenate((sound[:start], tail)).astype(np.float32)
    fade_out(sound, round(CUT_FADE_S * SAMPLE_RATE_HZ) if ring_s >= LONGEST_RING_S else FADE_SAMPLES)
    return sound


def match_modes(sound: np.ndarray, modes: Modes) -> Modes:
    """The modes at the start of the tail, each with the amplitude and phase that it has at the end of the sound.

    By least squares over the last FIT_SAMPLES, regularised towards the physics' own amplitudes, from which none
    deviates by more than 6 dB; modes far under the strongest continue unchanged.
    """
    muted = modes.mute_mask
    kept = [k for k in range(len(modes)) if not muted[k] and 0.0 < modes.frequency_hz[k] < SAMPLE_RATE_HZ / 2]
    rows = (modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad)
    frequency, power_db, decay, phase = (np.array([row[k] for k in kept], dtype=np.float64) for row in rows)
    begin = (len(sound) - FIT_SAMPLES) / SAMPLE_RATE_HZ
    power_db = power_db - _DB_PER_NEPER * decay * begin
    phase = phase + 2.0 * np.pi * np.remainder(frequency * begin, 1.0)
    amplitude = db_to_gain(power_db) * np.exp(1j * phase)
    loud = np.flatnonzero(power_db > power_db.max(initial=-np.inf) - _REACH_DB)
    pole = (2j * np.pi * frequency - decay) / SAMPLE_RATE_HZ
    if loud.size:
        change = fit_changes(sound[-FIT_SAMPLES:], pole[loud], amplitude[loud])
        amplitude[loud] *= change * np.clip(np.abs(change), 1.0 / _MOST_CHANGE, _MOST_CHANGE) / np.abs(change)
    amplitude *= np.exp(pole * (FIT_SAMPLES - CROSSFADE_SAMPLES))
    level_db = gain_to_db(np.maximum(np.abs(amplitude), 1e-20))
    columns = (frequency, level_db, decay, np.angle(amplitude))
    at_hz, loud_db, falls_per_s, angle_rad = (tuple(map(float, values)) for values in columns)
    return Modes(at_hz, loud_db, falls_per_s, angle_rad, (False,) * len(kept))


def fit_changes(stretch: np.ndarray, pole: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """Complex ratios of the modes' amplitudes in a section of sound [N] to the expected ones, [K]."""
    ringing = amplitude * np.exp(np.outer(np.arange(len(stretch)), pole))
    columns = np.concatenate([ringing.real, -ringing.imag], axis=1)
    own = np.concatenate([np.ones(len(pole)), np.zeros(len(pole))])
    normal = columns.T @ columns
    doubt = np.diag(_DOUBT * np.diag(normal) + 1e-30)
    found = own + np.linalg.solve(normal + doubt, columns.T @ (stretch - columns @ own))
    change: np.ndarray = found[: len(pole)] + 1j * found[len(pole) :]
    return np.where(np.abs(change) > 1e-6, change, 1e-6)


def age_residual(residual: Residual, time_s: float) -> Residual:
    """The residual some time after the onset: every band of every component has decayed, without a rise."""

    aged = replace(residual, rise_s=0.0, envelope_db=residual.envelope_db[round(time_s / ENVELOPE_STEP_S) :])
    for name, component in residual.components:
        levels = (
            p - _DB_PER_NEPER * time_s * d for p, d in zip(component.power_db, component.decay_per_s, strict=True)
        )
        gone = tuple(level if level > _INAUDIBLE_DB else SILENCE_DB for level in levels)
        aged = aged.with_component(name, NoiseComponent(gone, component.decay_per_s))
    return aged


def remove_drift(rest: np.ndarray) -> np.ndarray:
    """What sounds [B, N] have beside their modes, without what lies under LOWEST_HZ: noise has nothing there, but the
    spectrogram's bins are 47 Hz wide."""
    return signal.sosfilt(_design_highpass(), rest, axis=-1).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _design_highpass() -> np.ndarray:
    sections: np.ndarray = signal.butter(4, LOWEST_HZ, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    return sections
