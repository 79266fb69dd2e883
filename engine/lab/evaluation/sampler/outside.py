"""Control by an independent measurement: frequencies by a long windowed transform, decays by band envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import signal

from engine.core.units import SAMPLE_RATE_HZ, db_to_power, gain_to_db
from engine.lab.evaluation.sampler.control import MOST_CENTS, MOST_DECAY_ERROR, WITHIN_DB, strong_modes
from engine.lab.evaluation.sampler.sounds import PRIOR, Settings, name_steps, sample
from engine.physics.model import Physics
from engine.physics.noise import expected_power
from engine.physics.synthesis import synthesize

BARE = "bare"
"""The modes alone: the error of the measurement itself."""

AUDIBLE_AT_S = 0.05
"""Time at which a mode within 30 dB of the strongest must exceed the noise in its critical band to be audible."""

_FROM_S, _LONGEST_S, _T60_NEPERS, _SEARCH_CENTS = 0.01, 2.0, 6.9, 50.0
_WIDEST_HZ, _BAND_SHARE, _BESIDE, _OVER_NOISE_DB, _FALL_DB, _LEAST_FALL_DB = 60.0, 0.25, 1.5, 12.0, 35.0, 6.0


def audible_modes(physics: Physics) -> list[int]:
    """Indices of the modes that the noise does not mask."""
    modes, heard = physics.modes, []
    for index in strong_modes(modes, WITHIN_DB):
        hz = modes.frequency_hz[index]
        width_hz = 24.7 * (0.00437 * hz + 1.0)
        noise = float(expected_power(physics.residual, np.array([hz]), np.array([AUDIBLE_AT_S]))[0, 0]) * width_hz
        power = 0.5 * db_to_power(modes.power_db[index]) * np.exp(-2.0 * modes.decay_per_s[index] * AUDIBLE_AT_S)
        if power > noise:
            heard.append(index)
    return heard


def measure_frequency(sound: np.ndarray, hz: float, decay_per_s: float) -> float:
    """Frequency of the strongest peak within 50 cents of ``hz``, Hann window of up to 2 s as long as the mode rings."""
    start = round(_FROM_S * SAMPLE_RATE_HZ)
    length = round(min(_LONGEST_S, _T60_NEPERS / max(decay_per_s, 1e-3)) * SAMPLE_RATE_HZ)
    part = sound[start : start + length].astype(np.float64)
    part = part * np.hanning(part.size)
    reach = 2.0 ** (_SEARCH_CENTS / 1200.0)
    grid = np.linspace(hz / reach, hz * reach, 2001)
    level = gain_to_db(np.abs(signal.zoom_fft(part, [grid[0], grid[-1]], grid.size, fs=SAMPLE_RATE_HZ, endpoint=True)))
    top = int(np.clip(np.argmax(level), 1, grid.size - 2))
    before, at, after = level[top - 1 : top + 2]
    bend = before - 2.0 * at + after
    shift = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
    return float(grid[top] + np.clip(shift, -0.5, 0.5) * (grid[1] - grid[0]))


def measure_decay(sound: np.ndarray, hz: float, apart_hz: float) -> float:
    """Decay per second at ``hz`` by linear regression of its band's envelope in dB; NaN where it falls less than 6 dB.

    The band is narrower than the distance ``apart_hz`` of the nearest mode. The regression ends 35 dB under the start,
    or 12 dB over the level of the bands beside it, which is the noise.
    """
    width_hz = min(_WIDEST_HZ, _BAND_SHARE * apart_hz)
    span = 2 * round(SAMPLE_RATE_HZ / width_hz)
    window = np.hanning(span)
    window /= window.sum()
    step = max(1, span // 16)

    def follow(centre_hz: float) -> np.ndarray:
        carried = sound * np.exp(-2j * np.pi * centre_hz / SAMPLE_RATE_HZ * np.arange(sound.size))
        return np.abs(signal.upfirdn(window, carried, 1, step)[16 : sound.size // step])

    if sound.size < 3 * span:
        return float("nan")
    level_db = gain_to_db(follow(hz) + 1e-10)
    beside = np.sqrt(0.5 * (follow(hz - _BESIDE * width_hz) ** 2 + follow(hz + _BESIDE * width_hz) ** 2))
    noise_db = gain_to_db(signal.convolve(beside, np.full(16, 1.0 / 16.0), "same") + 1e-10)
    stop = np.flatnonzero((level_db < noise_db + _OVER_NOISE_DB) | (level_db < level_db[0] - _FALL_DB))
    end = int(stop[0]) if stop.size else level_db.size
    if end < 8 or level_db[0] - level_db[:end].min() < _LEAST_FALL_DB:
        return float("nan")
    slope = np.polyfit(np.arange(end) * step / SAMPLE_RATE_HZ, level_db[:end], 1)[0]
    return float(-slope * np.log(10.0) / 20.0)


def compare_outside(physics: Physics, sound: np.ndarray) -> list[list[float]]:
    """For each audible mode its measured distance in cents and relative error of decay, NaN where not measurable."""
    modes = physics.modes
    sound = sound.astype(np.float64)
    every = np.array(modes.frequency_hz)
    rows = []
    for index in audible_modes(physics):
        hz, decay = modes.frequency_hz[index], modes.decay_per_s[index]
        others = np.delete(every, index)
        apart_hz = float(np.abs(others - hz).min()) if others.size else hz
        found_hz = measure_frequency(sound, hz, decay)
        rows.append([1200.0 * float(np.log2(found_hz / hz)), measure_decay(sound, found_hz, apart_hz) / decay - 1.0])
    return rows


def measure_outside(physics: Physics, seed: int, settings: Settings) -> dict[str, list[list[float]]]:
    """``compare_outside`` of the modes alone, the bare prior and the sampler at each number of steps."""
    made = {name_steps(n): sample(settings, [physics], [seed], n)[0] for n in settings.steps}
    length_s = max(len(sound) for sound in made.values()) / SAMPLE_RATE_HZ
    alone = Physics(physics.modes, sample_rate_hz=physics.sample_rate_hz)
    sounds = {BARE: synthesize(alone, length_s), PRIOR: synthesize(physics, length_s, seed), **made}
    return {name: compare_outside(physics, sound) for name, sound in sounds.items()}


def summarize_outside(rows: Sequence[dict[str, list[list[float]]]]) -> list[dict[str, Any]]:
    """Shares within 5 cents and within 10 % of the decay of each system, with intervals by resampling objects."""
    table = []
    for name in rows[0]:
        objects = [np.array(row[name]).reshape(-1, 2) for row in rows if row[name]]
        met = [np.abs(np.nan_to_num(v, nan=99.0)) <= (MOST_CENTS, MOST_DECAY_ERROR) for v in objects]
        rng = np.random.default_rng(0)
        picks = rng.integers(0, len(met), (2000, len(met)))
        drawn = [np.concatenate([met[i] for i in pick]).mean(axis=0) for pick in picks]
        share, joined = np.concatenate(met), np.concatenate(objects)
        low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
        line: dict[str, Any] = {"system": name, "objects": len(objects), "modes": len(share)}
        for k, key in enumerate(("frequency_percent", "decay_percent")):
            line[key] = [round(100.0 * float(v), 1) for v in (share[:, k].mean(), low[k], high[k])]
        line["median_cents"] = round(float(np.median(np.abs(joined[:, 0]))), 3)
        line["median_decay_error_percent"] = round(100.0 * float(np.nanmedian(np.abs(joined[:, 1]))), 2)
        line["unread"] = int(np.isnan(joined[:, 1]).sum())
        table.append(line)
    return table
