"""Project sampled modes back onto the requested frequencies and decays."""

from __future__ import annotations

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.diffusion.mode_envelope import limit_deviations
from engine.physics.analysis.damped_sinusoids import fit_changes, synthesize_poles
from engine.physics.model import Modes, Residual

_WITHIN_DB = 45.0
_MOST, _STEPS = 64, 2
_FASTEST_PER_S = 400.0
_MOST_CHANGE = (0.4, 2.5)
_MOST_GAIN = 2.0  # a slow mode close to a fast one would take its energy, and damping make the sound last longer
_LEVEL_DOUBT, _DECAY_DOUBT = 0.5, 0.5  # expected relative deviation of a sampled mode


def correct_modes(rest: np.ndarray, modes: Modes, residual: Residual) -> np.ndarray:
    """The residual of a sampled sound, [N], corrected so that its modes have the given frequencies and decays.

    All strong modes are fitted to the sampled sound at once, by Gauss-Newton steps from the given values, regularised
    towards them; then each is moved back to its given frequency and decay, and deviations from its exponential
    decay are limited to the level of the ``residual``'s noise. Its level, if at most 6 dB over the given one, its
    phase, and the rest, stay as sampled.
    """
    muted = modes.mute_mask
    power_db = np.asarray(modes.power_db)
    sounding_modes = [
        k
        for k, off in enumerate(muted)
        if not off and 20.0 < modes.frequency_hz[k] < SAMPLE_RATE_HZ / 2 and modes.decay_per_s[k] < _FASTEST_PER_S
    ]
    top = max((power_db[k] for k in sounding_modes), default=0.0)
    strong = sorted((k for k in sounding_modes if power_db[k] > top - _WITHIN_DB), key=lambda k: -power_db[k])[:_MOST]
    if not strong:
        return rest
    poles = np.array([(modes.frequency_hz[k], max(modes.decay_per_s[k], 0.01)) for k in strong])
    amplitudes = db_to_gain(power_db[strong]) * np.exp(1j * np.array([modes.phase_rad[k] for k in strong]))
    doubt = np.stack([_LEVEL_DOUBT * np.abs(amplitudes), _DECAY_DOUBT * poles[:, 1] / SAMPLE_RATE_HZ])
    given = synthesize_poles(poles, amplitudes, rest.size, SAMPLE_RATE_HZ)
    found, sounding, left = poles, amplitudes, rest.astype(np.float64)
    for _ in range(_STEPS):
        change = fit_changes(left, SAMPLE_RATE_HZ, found, sounding, doubt)
        found, sounding = _move(poles, found, change[1]), sounding + change[0]
        left = rest + given - synthesize_poles(found, sounding, rest.size, SAMPLE_RATE_HZ)
    left = limit_deviations(left, poles, sounding, residual)
    sounding *= np.minimum(1.0, _MOST_GAIN * np.abs(amplitudes) / np.maximum(np.abs(sounding), 1e-30))
    held = left + synthesize_poles(poles, sounding, rest.size, SAMPLE_RATE_HZ) - given
    return held.astype(np.float32)


def _move(given: np.ndarray, poles: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Poles [K, 2] after a change of their exponents, none further from the given one than about its width."""
    reach_hz = 0.5 * given[:, 1] / np.pi + 0.5
    frequency = poles[:, 0] + change.imag * SAMPLE_RATE_HZ / (2.0 * np.pi)
    decay = poles[:, 1] - change.real * SAMPLE_RATE_HZ
    return np.stack(
        [
            np.clip(frequency, given[:, 0] - reach_hz, given[:, 0] + reach_hz),
            np.clip(decay, _MOST_CHANGE[0] * given[:, 1], _MOST_CHANGE[1] * given[:, 1]),
        ],
        axis=1,
    )
