"""Onset detection from sound: sudden rises of short-time level, timed to the millisecond."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import butter, sosfilt, sosfilt_zi

from engine.core.units import db_to_power, power_to_db
from engine.onsets.track import CURVE_RATE_HZ, Onset, OnsetTrack, draw_curve, last_track

ENVELOPE_RATE_HZ = 1000
RISE_FULL_DB = 40.0
MIN_RISE_DB = 6.0
DYNAMIC_RANGE_DB = 50.0
STRENGTH_EXPONENT = 0.4
"""Exponent that puts the best F1 on real clips at the default threshold."""

MIN_SEPARATION_S = 0.06
SILENCE_POWER = 1e-10
START_MS = 40
START_LEVEL_DB = -12.0
"""A decaying sound that starts within this of the clip's loudest is a hit."""
BURST_DB = 6.0
STEADY_FALL_DB = 3.0
STEADY_MS = 500
RUMBLE_HZ = 100.0
"""Wind, traffic and handling swing below this; a hit's attack reaches above it."""
RUMBLE_ORDER = 4
RUMBLE_DB = 20.0
"""A sound that is this much quieter above ``RUMBLE_HZ`` than as a whole is rumble."""
SETTLE_MS = 60
"""Time that a high-pass at ``RUMBLE_HZ`` takes to settle, and that a rise is measured over."""
HIGHEST_HUM_HZ = 300.0
PERIOD_MS = 40
"""A period of the lowest hum."""
PERIODS_MS = 100
"""Whole periods of hum at 50 and 60 Hz."""
CLICK_MS = 3
STEP_DB = 20.0
"""A steady sound that begins out of a silence this much quieter is no hit: its level does not fall as a hit's does."""


def detect_audio_onsets(blocks: Iterable[np.ndarray] | np.ndarray, sample_rate_hz: int) -> OnsetTrack:
    """Onset track of a mono sound [N], whole or in blocks; only its 1 ms envelope is kept in memory.

    The level over the 12 ms after an instant is compared with the 40 ms before it, of the samples and of their first
    difference (which favours attacks over hum), both above ``RUMBLE_HZ``. Strength grows with the rise and the level.
    """
    return last_track(iter_audio_tracks(_as_blocks(blocks), sample_rate_hz))


def iter_audio_tracks(blocks: Iterable[np.ndarray], sample_rate_hz: int) -> Iterator[tuple[float, OnsetTrack | None]]:
    """``detect_audio_onsets`` block by block: the time reached in s; the last step brings the track."""
    parts = [np.zeros((4, 0))]
    milliseconds = 0
    hum_slope = (2.0 * np.pi * HIGHEST_HUM_HZ / sample_rate_hz) ** 2
    for part in _measure_levels(iter(blocks), sample_rate_hz):
        parts.append(part)
        milliseconds += part.shape[1]
        yield milliseconds / ENVELOPE_RATE_HZ, None
    yield milliseconds / ENVELOPE_RATE_HZ, _find_rises(np.concatenate(parts, axis=1), hum_slope)


def _find_rises(levels: np.ndarray, hum_slope: float) -> OnsetTrack:
    """Onset track of the mean squares [4, milliseconds] of ``_measure_levels``."""
    levels, filtered = levels[:2], levels[2:]
    seconds = levels.shape[1] / ENVELOPE_RATE_HZ
    count = int(np.ceil(seconds * CURVE_RATE_HZ))
    if levels.shape[1] < 8 or float(levels[0].max()) <= SILENCE_POWER:
        return OnsetTrack(draw_curve(np.zeros(count), ()), ())
    starts_with_hit = _starts_with_hit(levels)
    begin = _measure_strength(levels, starts_with_hit)
    # A high-pass has yet to settle at the beginning, so there the sound counts as it is, unless all of it is rumble.
    strength = _measure_strength(filtered, False, loudest=float(_mean_ahead(levels[0], 12).max()))
    strength[:SETTLE_MS] = begin[:SETTLE_MS]
    rumble = filtered[0, :SETTLE_MS].mean() * db_to_power(RUMBLE_DB) < levels[0, :SETTLE_MS].mean()
    strength[: SETTLE_MS if rumble else _find_steady_start(levels, begin, hum_slope)] = 0.0
    candidates = tuple(
        Onset(_refine(levels[1], peak) / ENVELOPE_RATE_HZ, float(strength[peak]))
        for peak in _pick_peaks(strength, int(MIN_SEPARATION_S * ENVELOPE_RATE_HZ))
    )
    step = int(ENVELOPE_RATE_HZ / CURVE_RATE_HZ)
    padded = np.pad(strength, (0, count * step - len(strength)))
    return OnsetTrack(draw_curve(padded.reshape(count, step).max(axis=1), candidates), candidates)


def _measure_strength(levels: np.ndarray, starts_with_hit: bool, loudest: float | None = None) -> np.ndarray:
    """Strength 0..1 of the hit that each millisecond would be; levels count from ``loudest`` or their own."""
    rise = np.max([_measure_rise(power, starts_with_hit) for power in levels], axis=0)
    after = _mean_ahead(levels[0], 12)
    loudest = float(after.max()) if loudest is None else loudest
    below = power_to_db((after + SILENCE_POWER) / (loudest + SILENCE_POWER))
    loudness = np.clip(1.0 + below / DYNAMIC_RANGE_DB, 0.0, 1.0)
    steepness = np.clip((rise - MIN_RISE_DB / 2) / (RISE_FULL_DB - MIN_RISE_DB), 0.0, 1.0)
    strength: np.ndarray = (steepness * loudness) ** STRENGTH_EXPONENT
    strength[(rise < MIN_RISE_DB) | (loudness <= 0.0)] = 0.0
    return strength


def _find_steady_start(levels: np.ndarray, strength: np.ndarray, hum_slope: float) -> int:
    """Milliseconds at a sound's beginning in which a steady sound, such as room tone, sets in; 0 where none does.

    A sound is hum if the power of its first difference is less than ``hum_slope`` times its own.
    """
    separation = int(MIN_SEPARATION_S * ENVELOPE_RATE_HZ)
    begins = np.flatnonzero(strength > 0.02)
    if not begins.size:
        return 0
    start = int(begins[0]) + int(np.argmax(strength[begins[0] : begins[0] + separation]))
    later = levels[:, start + 30 : start + STEADY_MS]
    if later.shape[1] < STEADY_MS // 4:
        return 0
    # Hits may follow, so the quieter part of what comes later counts.
    means = np.stack([_mean_ahead(power, 12)[:-12] for power in later])
    lasting = np.percentile(means, 20, axis=1) + SILENCE_POWER
    is_hum = lasting[1] < hum_slope * lasting[0]
    # Of a sound that starts with it, hum may be near a zero of its period.
    is_known = start > (PERIOD_MS if is_hum else 5)
    before = float(levels[0, : start - 5].mean()) if is_known else 0.0
    attack = levels[:, start : start + 12]
    is_steady = _falls_little(attack.mean(axis=1), lasting)
    if is_hum and not is_steady:
        rest = np.sort(attack, axis=1)[:, :-CLICK_MS].mean(axis=1)
        is_steady = _falls_little(rest, lasting) and _goes_on(levels[:, start:])
    return start + separation if is_steady and before * db_to_power(STEP_DB) < lasting[0] else 0


def _goes_on(levels: np.ndarray) -> bool:
    """Whether a sound is for a second as it was at first, but for the click that it may begin with."""
    spans = sliding_window_view(levels[:, : 2 * STEADY_MS], PERIODS_MS, axis=1)[:, :: PERIODS_MS // 4]
    medians = np.median(spans, axis=2)
    return _falls_little(medians[:, 0], np.percentile(medians, 20, axis=1), STEADY_FALL_DB / 2)


def _falls_little(first: np.ndarray, later: np.ndarray, most_db: float = STEADY_FALL_DB) -> bool:
    return float(power_to_db((first + SILENCE_POWER) / (later + SILENCE_POWER)).max()) < most_db


def _as_blocks(blocks: Iterable[np.ndarray] | np.ndarray) -> Iterator[np.ndarray]:
    return iter([blocks]) if isinstance(blocks, np.ndarray) else iter(blocks)


def _measure_levels(blocks: Iterator[np.ndarray], sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Mean squares per millisecond, [4, n] for each block.

    They are of the samples and of their first difference, as they are and above ``RUMBLE_HZ``.
    """
    rest = np.zeros(0, np.float32)
    step = sample_rate_hz // ENVELOPE_RATE_HZ
    sections = butter(RUMBLE_ORDER, RUMBLE_HZ, "high", fs=sample_rate_hz, output="sos")
    state: np.ndarray | None = None
    last = np.zeros((2, 1))
    for block in blocks:
        samples = np.concatenate((rest, np.asarray(block, np.float32)))
        count = len(samples) // step
        if count:
            used = samples[: count * step].astype(np.float64)
            if state is None:
                state = _settle(sections, used[: sample_rate_hz // 10])
            filtered, state = sosfilt(sections, used, zi=state)
            both = np.stack([used, filtered])
            slopes = np.diff(both, prepend=last)
            last = both[:, -1:]
            parts = np.stack([used, slopes[0], filtered, slopes[1]])
            yield (parts.reshape(4, count, step) ** 2).mean(axis=2)
        rest = samples[count * step :]


def _settle(sections: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """State of a filter before a sound that is taken to come out of itself, turned about its first sample."""
    turned = 2.0 * samples[0] - samples[::-1]
    state: np.ndarray = sosfilt(sections, turned, zi=sosfilt_zi(sections) * turned[0])[1]
    return state


def _mean_ahead(power: np.ndarray, length: int) -> np.ndarray:
    total = np.concatenate(([0.0], np.cumsum(power), np.zeros(length)))
    total[len(power) + 1 :] = total[len(power)]
    return (total[length : length + len(power)] - total[: len(power)]) / length


def _measure_rise(power: np.ndarray, starts_with_hit: bool) -> np.ndarray:
    """Rise in dB of the 12 ms from each instant over the 40 ms before it.

    What precedes the start is taken to be as its first millisecond; where it starts with a hit, as what the hit decays
    to.
    """
    after = _mean_ahead(power, 12)
    first = min(power[0], _follow_decay(after)) if starts_with_hit else power[0]
    before = np.concatenate((np.full(40, first), _mean_ahead(power, 40)))[: len(power)]
    quiet = max(SILENCE_POWER, 1e-7 * float(power.max()))
    return power_to_db((after + quiet) / (before + quiet))


def _starts_with_hit(levels: np.ndarray) -> bool:
    """Whether a sound begins with a hit rather than amid a sustained sound or the ring of an earlier hit.

    It decays from the start on, and either is among the loudest of the sound or begins with the short burst of a
    contact, which a ring does not have.
    """
    after = _mean_ahead(levels[0], 12)[:-12]
    if len(after) < 2 * START_MS:
        return False
    fall_db = power_to_db((after[0] + SILENCE_POWER) / (_follow_decay(after) + SILENCE_POWER))
    is_loud = after[0] >= float(after.max()) * db_to_power(START_LEVEL_DB)
    slope = levels[1]
    burst, ring, later = (float(slope[a:b].mean()) + 1e-3 * SILENCE_POWER for a, b in ((0, 6), (10, 25), (25, 40)))
    # The ring's own decay over 15 ms, carried back to the start.
    has_burst = burst > db_to_power(BURST_DB) * ring * max(1.0, ring / later)
    return bool(fall_db >= MIN_RISE_DB and (is_loud or has_burst))


def _follow_decay(after: np.ndarray) -> float:
    """Lowest of the levels within a second of the start, before they rise by 6 dB again."""
    lowest = np.minimum.accumulate(after[:ENVELOPE_RATE_HZ])
    rises = np.flatnonzero(after[:ENVELOPE_RATE_HZ] > 4.0 * lowest + SILENCE_POWER)
    return float(lowest[rises[0]] if rises.size else lowest[-1])


def _pick_peaks(strength: np.ndarray, separation: int) -> list[int]:
    """Non-maximum suppression by strength within ``separation`` samples; in order of time."""
    order = np.flatnonzero(strength > 0.02)
    order = order[np.argsort(-strength[order], kind="stable")]
    free = np.ones(len(strength), bool)
    chosen = []
    for index in order:
        if free[index]:
            chosen.append(int(index))
            free[max(0, index - separation) : index + separation + 1] = False
    return sorted(chosen)


def _refine(slope_power: np.ndarray, peak: int) -> float:
    """Millisecond in which the attack starts: the first to reach a tenth of the power near the peak of the rise."""
    first, last = max(0, peak - 6), min(len(slope_power), peak + 16)
    stretch = slope_power[first:last]
    before = float(np.median(slope_power[max(0, first - 20) : first + 1]))
    return float(first + int(np.argmax(stretch >= before + 0.1 * (float(stretch.max()) - before))))
