"""The largest error of a model against its recording, in one sentence: band, time and amount."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import digamma, polygamma

from engine.core.units import db_to_power, power_to_db

OCTAVES_HZ = (0.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0, 1e9)
SPANS_S = (0.0, 0.02, 0.06, 0.15, 0.3, 0.6, 1e9)

_ACTIVE_DB = 60.0
_CLIP_DB = 24.0
_SMOOTH = 4  # steps of 5 ms
_SLOW_HZ = 400.0  # under this 5 ms of noise tell nothing
_CLEAR_DB = 2.5  # an error of less is heard by nobody
_AGAIN_DB, _AGAIN_S = 3.0, 0.03
_ATTACK_S, _ATTACK_DB = 0.02, 4.0
_STEADY_DB, _FAINT_DB, _NEAR_DB = 1.5, 25.0, 8.0
_NOISY = 0.25
_DEVIATIONS = 3.0
_LIKE, _LIKE_LATER = 0.6, 0.3  # of the worst error, for a neighbour to count as part of it


@dataclass(frozen=True)
class Evidence:
    """Powers in bands over time, both [B, T] on ``edges_hz`` [B + 1], broadband levels in dB [T], the modes' share.

    ``again_s`` is when the object is struck again, None if it is not.
    """

    edges_hz: np.ndarray
    measured: np.ndarray
    model: np.ndarray
    level_measured_db: np.ndarray
    level_model_db: np.ndarray
    modes_share: float
    again_s: float | None
    step_s: float


@dataclass(frozen=True)
class _Region:
    """Octaves and spans of time, both as half-open ranges, and the mean error there in dB, model less recording."""

    octaves: tuple[int, int]
    spans: tuple[int, int]
    error_db: float


def diagnose(evidence: Evidence) -> str:
    """The first of these that holds:

    - the object is struck again (``again_s``), and within 30 ms the recording is 3 dB over the model: "rises again at
      0.18 s: a second hit?";
    - the first 5 or 20 ms err by 4 dB or more, and by twice what the next 40 ms do: the attack is too weak, too loud,
      or, where what follows at once is right, too early;
    - the region with the largest error, if it errs by 2.5 dB and by more than chance could: octaves and spans of time,
      where chance is three deviations of the level of as much noise, weighed by its loudness and its size,
      and widened to neighbours that err alike. It says how much, where, when, and whether that is a matter of decay.
      Where an octave of the recording ends in a faint level that holds, that is background, and what is near it does
      not count;
    - else it is good: the 90th percentile of the regions' errors.

    A model of which modes make up under a quarter of the energy is called noise at the end.
    """
    noisy = f"most of it is noise: modes make up {100.0 * evidence.modes_share:.0f} %"
    said = _find_second_hit(evidence) or _find_attack(evidence) or _find_worst(evidence)
    return f"{said}; {noisy}" if evidence.modes_share < _NOISY else said


def _find_second_hit(evidence: Evidence) -> str:
    if evidence.again_s is None:
        return ""
    start = round(evidence.again_s / evidence.step_s)
    after = slice(start, start + round(_AGAIN_S / evidence.step_s))
    over_db = evidence.level_measured_db[after] - evidence.level_model_db[after]
    if not over_db.size or over_db.max() < _AGAIN_DB:
        return ""
    return f"rises again at {evidence.again_s:.2f} s: a second hit?"


def _find_attack(evidence: Evidence) -> str:
    def error_db(start_s: float, end_s: float) -> float:
        part = slice(round(start_s / evidence.step_s), round(end_s / evidence.step_s))
        powers = [
            db_to_power(v[part].astype(np.float64)).sum() for v in (evidence.level_model_db, evidence.level_measured_db)
        ]
        return float(np.clip(power_to_db((powers[0] + 1e-20) / (powers[1] + 1e-20)), -_CLIP_DB, _CLIP_DB))

    first_db, whole_db, next_db = error_db(0.0, 0.005), error_db(0.0, _ATTACK_S), error_db(_ATTACK_S, 0.06)
    worst_db, span_s = max(((first_db, 0.005), (whole_db, _ATTACK_S)), key=lambda pair: abs(pair[0]))
    if abs(worst_db) < _ATTACK_DB or abs(worst_db) < 2.0 * abs(next_db):
        return ""
    later_db = error_db(span_s, span_s + _ATTACK_S)
    word = "weak" if worst_db < 0.0 else "early" if later_db < 2.0 else "loud"
    amount = f"{abs(worst_db):.0f} dB {'over' if worst_db > 0.0 else 'under'}"
    return f"attack too {word}: {amount} in the first {1000 * span_s:.0f} ms"


# --- regions --------------------------------------------------------------------------------------


def _find_worst(evidence: Evidence) -> str:
    measured_db, model_db = (_octave_levels(v, evidence.edges_hz) for v in (evidence.measured, evidence.model))
    peak_db = max(measured_db.max(), model_db.max())
    louder_db = np.maximum(measured_db, model_db)
    background = _find_background(measured_db, model_db, peak_db)
    active = (louder_db > peak_db - _ACTIVE_DB) & ~background
    error_db = np.clip(
        np.maximum(model_db, peak_db - _ACTIVE_DB) - np.maximum(measured_db, peak_db - _ACTIVE_DB), -_CLIP_DB, _CLIP_DB
    )
    edges = np.minimum(np.round(np.array(SPANS_S) / evidence.step_s), error_db.shape[1]).astype(int)
    count = np.zeros((len(error_db), len(edges) - 1))
    mean_db, loud = np.zeros_like(count), np.zeros_like(count)
    for o in range(len(error_db)):
        for s, (start, end) in enumerate(pairwise(edges)):
            on = active[o, start:end]
            count[o, s] = on.sum()
            if count[o, s] < 2:
                count[o, s] = 0
                continue
            mean_db[o, s] = error_db[o, start:end][on].mean()
            loud[o, s] = ((louder_db[o, start:end][on] - peak_db) / _ACTIVE_DB + 1.0).mean()
    over_db, under_db = _chance_db(count * evidence.step_s)
    if not count.any():
        return "the model is silent" if evidence.model.max() <= evidence.measured.max() else "the recording is silent"
    size = count / count.sum()
    wrong = ((mean_db > np.maximum(_CLEAR_DB, over_db)) | (-mean_db > np.maximum(_CLEAR_DB, under_db))) & (count > 0)
    if not wrong.any():
        return _say_good(mean_db, size, np.where(background, measured_db, -np.inf), peak_db)
    score = np.where(wrong, np.abs(mean_db) * loud * np.sqrt(size), 0.0)
    octave, span = np.unravel_index(int(np.argmax(score)), score.shape)
    return _say_region(_widen(int(octave), int(span), mean_db, count), mean_db, count)


def _octave_levels(power: np.ndarray, edges_hz: np.ndarray) -> np.ndarray:
    """Levels in dB of the octaves, [O, T], of powers in bands, over 20 ms; the attack as it is above _SLOW_HZ."""
    middle = np.sqrt(edges_hz[:-1] * edges_hz[1:])
    inside = (middle >= np.array(OCTAVES_HZ)[:-1, None]) & (middle < np.array(OCTAVES_HZ)[1:, None])
    summed = inside @ power
    rows = [np.convolve(row, np.ones(_SMOOTH) / _SMOOTH)[_SMOOTH // 2 :][: power.shape[1]] for row in summed]
    attack = np.s_[np.searchsorted(OCTAVES_HZ, _SLOW_HZ) :, :_SMOOTH]
    smoothed = np.stack(rows)
    smoothed[attack] = summed[attack]
    result: np.ndarray = power_to_db(smoothed + 1e-16)
    return result


def _find_background(measured_db: np.ndarray, model_db: np.ndarray, peak_db: float) -> np.ndarray:
    """Where the recording is near the faint level that an octave holds in the last third, of at least 80 ms."""
    end = measured_db[:, -(measured_db.shape[1] // 3) :]
    if end.shape[1] < 16:
        return np.zeros(measured_db.shape, bool)
    early, late = (part.mean(axis=1, keepdims=True) for part in np.array_split(end, 2, axis=1))
    chance_db = _chance_db(np.full((len(measured_db), 1), end.shape[1] / 2 * 0.005))[1]
    holds = (np.abs(early - late) < np.maximum(_STEADY_DB, chance_db)) & (late < peak_db - _FAINT_DB)
    result: np.ndarray = holds & (measured_db < late + _NEAR_DB) & (model_db < measured_db)
    return result


def _chance_db(duration_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far over and under a draw of noise in an octave the true level may seem, [O, S], for times of as many s.

    The mean over the logarithm of a gamma variable of n degrees: deviation sqrt(psi'(n)), bias psi(n) - log n.
    """
    width_hz = np.diff(np.clip(OCTAVES_HZ, 40.0, 20_000.0))
    freedom = np.maximum(1.0, width_hz[:, None] * duration_s)
    spread = _DEVIATIONS * 4.343 * np.sqrt(polygamma(1, freedom))
    bias = 4.343 * (np.log(freedom) - digamma(freedom))
    return spread + bias, spread - bias


def _widen(octave: int, span: int, mean_db: np.ndarray, count: np.ndarray) -> _Region:
    """The region about its worst place, as far as neighbours err alike."""
    worst = mean_db[octave, span]

    def alike(o: int, s: int, like: float = _LIKE) -> bool:
        inside = 0 <= o < mean_db.shape[0] and 0 <= s < mean_db.shape[1]
        return inside and bool(count[o, s]) and mean_db[o, s] * np.sign(worst) > like * abs(worst)

    first, last = span, span + 1
    while alike(octave, first - 1):
        first -= 1
    while alike(octave, last, _LIKE_LATER):
        last += 1
    low, high = octave, octave + 1
    while alike(low - 1, span):
        low -= 1
    while alike(high, span):
        high += 1
    part = np.s_[low:high, first:last]
    return _Region((low, high), (first, last), float((mean_db[part] * count[part]).sum() / count[part].sum()))


def _say_region(region: _Region, mean_db: np.ndarray, count: np.ndarray) -> str:
    (low, high), (first, last) = region.octaves, region.spans
    heard = np.flatnonzero(count[low:high].sum(axis=0))
    ends = count[low:high, last:].sum() < count[low:high, first:last].sum() / 3.0
    when = (
        ""
        if first <= heard[0] and ends
        else f" after {_seconds(SPANS_S[first])}"
        if ends
        else (
            f" in the first {_seconds(SPANS_S[last])}"
            if first == 0
            else f" from {_seconds(SPANS_S[first])} to {_seconds(SPANS_S[last])}"
        )
    )
    amount = abs(region.error_db)
    often = "24 dB or more" if amount > 0.97 * _CLIP_DB else f"{amount:.0f} dB" if amount >= 3.0 else f"{amount:.1f} dB"
    said = f"{often} too {'loud' if region.error_db > 0 else 'quiet'} {_say_octaves(low, high)}{when}"
    if first == 0 or not ends:
        return said
    before = mean_db[low:high, :first][count[low:high, :first] > 0]
    if before.size and np.abs(before).mean() < 0.5 * amount:
        said += ", so it rings too long" if region.error_db > 0 else ", so it dies away too fast"
    return said


def _say_octaves(low: int, high: int) -> str:
    top = len(OCTAVES_HZ) - 2
    if low == 0 and high > top:
        return "at all frequencies"
    if low == 0:
        return f"below {_hertz(OCTAVES_HZ[high])}"
    if high > top:
        return f"above {_hertz(OCTAVES_HZ[low])}"
    return f"between {_hertz(OCTAVES_HZ[low])} and {_hertz(OCTAVES_HZ[high])}"


def _say_good(mean_db: np.ndarray, size: np.ndarray, background_db: np.ndarray, peak_db: float) -> str:
    order = np.argsort(np.abs(mean_db[size > 0.0]))
    reached = np.cumsum(size[size > 0.0][order])
    within_db = np.abs(mean_db[size > 0.0])[order][np.searchsorted(reached, 0.9 * reached[-1])]
    said = f"good: within {max(0.1, float(within_db)):.1f} dB almost everywhere"
    power = float(db_to_power(background_db)[:, -8:].mean(axis=1).sum())
    if power > db_to_power(peak_db - _ACTIVE_DB):
        said += f"; background {peak_db - power_to_db(power):.0f} dB under the hit is left out"
    return said


def _hertz(frequency_hz: float) -> str:
    return f"{frequency_hz / 1000:g} kHz" if frequency_hz >= 1000 else f"{frequency_hz:.0f} Hz"


def _seconds(time_s: float) -> str:
    return f"{1000 * time_s:.0f} ms" if time_s < 0.1 else f"{time_s:g} s"
