"""The largest error of a model against its recording, in one sentence: band, time and amount."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import digamma, polygamma

from engine.core.units import db_to_power, power_to_db
from engine.physics.analysis.background import NEAR_BACKGROUND_DB

OCTAVES_HZ = (0.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0, 1e9)
SPANS_S = (0.0, 0.02, 0.06, 0.15, 0.3, 0.6, 1e9)

_ACTIVE_DB = 60.0
_CLIP_DB = 24.0
_SMOOTH = 4  # steps of 5 ms
_SLOW_HZ = 400.0  # below, the level of noise over 5 ms is too uncertain
_CLEAR_DB = 2.5  # smaller errors are inaudible
_RESTRIKE_DB, _RESTRIKE_S = 3.0, 0.03
_ATTACK_S, _ATTACK_DB = 0.02, 4.0
_NOISY = 0.25
_DEVIATIONS = 3.0
_SIMILAR, _SIMILAR_LATER = 0.6, 0.3  # share of the largest error from which a neighbour is merged with it


@dataclass(frozen=True)
class Evidence:
    """Powers in bands over time, both [B, T] on ``edges_hz`` [B + 1], broadband levels in dB [T], the modes' share.

    ``background`` [B] is the power of what else sounds in the recording, 0 where it is not known. ``restrike_s`` is
    the time of a second strike, None without one.
    """

    edges_hz: np.ndarray
    measured: np.ndarray
    model: np.ndarray
    background: np.ndarray
    level_measured_db: np.ndarray
    level_model_db: np.ndarray
    modes_share: float
    restrike_s: float | None
    step_s: float


@dataclass(frozen=True)
class _Region:
    """Half-open ranges of octaves and of time spans, and the mean error there in dB, model minus recording."""

    octaves: tuple[int, int]
    spans: tuple[int, int]
    error_db: float


def diagnose(evidence: Evidence) -> str:
    """The largest error as a sentence, the first of these that applies:

    - a second hit: a strike at ``restrike_s`` after which the recording is 3 dB over the model within 30 ms;
    - the attack: the error of the first 5 or 20 ms is at least 4 dB and twice that of the next 40 ms; "early" where the
      error of the 20 ms after it is small;
    - the octaves and time spans of the largest error, if it exceeds 2.5 dB and three standard deviations of the level
      of noise: the maximum of error times loudness times the root of area, widened to neighbours of similar error, with
      band, time and whether the decay is wrong. The background is ignored;
    - a good fit: the 90th percentile of the errors.

    A note is added where the modes' share of the energy is under a quarter.
    """
    noisy = f"most of it is noise: modes make up {100.0 * evidence.modes_share:.0f} %"
    sentence = _find_second_hit(evidence) or _find_attack(evidence) or _find_worst(evidence)
    return f"{sentence}; {noisy}" if evidence.modes_share < _NOISY else sentence


def _find_second_hit(evidence: Evidence) -> str:
    if evidence.restrike_s is None:
        return ""
    start = round(evidence.restrike_s / evidence.step_s)
    after = slice(start, start + round(_RESTRIKE_S / evidence.step_s))
    over_db = evidence.level_measured_db[after] - evidence.level_model_db[after]
    if not over_db.size or over_db.max() < _RESTRIKE_DB:
        return ""
    return f"rises again at {evidence.restrike_s:.2f} s: a second hit?"


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
    known_db = _octave_levels(np.repeat(evidence.background[:, None], measured_db.shape[1], axis=1), evidence.edges_hz)
    background = (measured_db < known_db + NEAR_BACKGROUND_DB) & (model_db < measured_db)
    active = (louder_db > peak_db - _ACTIVE_DB) & ~background
    error_db = np.clip(
        np.maximum(model_db, peak_db - _ACTIVE_DB) - np.maximum(measured_db, peak_db - _ACTIVE_DB), -_CLIP_DB, _CLIP_DB
    )
    edges = np.minimum(np.round(np.array(SPANS_S) / evidence.step_s), error_db.shape[1]).astype(int)
    count = np.zeros((len(error_db), len(edges) - 1))
    mean_db, loudness = np.zeros_like(count), np.zeros_like(count)
    for o in range(len(error_db)):
        for s, (start, end) in enumerate(pairwise(edges)):
            mask = active[o, start:end]
            count[o, s] = mask.sum()
            if count[o, s] < 2:
                count[o, s] = 0
                continue
            mean_db[o, s] = error_db[o, start:end][mask].mean()
            loudness[o, s] = ((louder_db[o, start:end][mask] - peak_db) / _ACTIVE_DB + 1.0).mean()
    over_db, under_db = _noise_limits_db(count * evidence.step_s)
    if not count.any():
        return "the model is silent" if evidence.model.max() <= evidence.measured.max() else "the recording is silent"
    size = count / count.sum()
    wrong = ((mean_db > np.maximum(_CLEAR_DB, over_db)) | (-mean_db > np.maximum(_CLEAR_DB, under_db))) & (count > 0)
    if not wrong.any():
        return _describe_good_fit(mean_db, size, np.where(background, measured_db, -np.inf), peak_db)
    score = np.where(wrong, np.abs(mean_db) * loudness * np.sqrt(size), 0.0)
    octave, span = np.unravel_index(int(np.argmax(score)), score.shape)
    return _describe_region(_widen(int(octave), int(span), mean_db, count), mean_db, count)


def _octave_levels(power: np.ndarray, edges_hz: np.ndarray) -> np.ndarray:
    """Octave levels in dB, [O, T], of powers in bands: averaged over 20 ms, except the attack above _SLOW_HZ."""
    middle = np.sqrt(edges_hz[:-1] * edges_hz[1:])
    inside = (middle >= np.array(OCTAVES_HZ)[:-1, None]) & (middle < np.array(OCTAVES_HZ)[1:, None])
    summed = inside @ power
    rows = [np.convolve(row, np.ones(_SMOOTH) / _SMOOTH)[_SMOOTH // 2 :][: power.shape[1]] for row in summed]
    attack = np.s_[np.searchsorted(OCTAVES_HZ, _SLOW_HZ) :, :_SMOOTH]
    smoothed = np.stack(rows)
    smoothed[attack] = summed[attack]
    result: np.ndarray = power_to_db(smoothed + 1e-16)
    return result


def _noise_limits_db(duration_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower confidence limits in dB of the level of noise by octave and duration in s, [O, S] each.

    The logarithm of a gamma variable with n degrees of freedom has standard deviation sqrt(psi'(n)) and bias
    psi(n) - log n.
    """
    width_hz = np.diff(np.clip(OCTAVES_HZ, 40.0, 20_000.0))
    freedom = np.maximum(1.0, width_hz[:, None] * duration_s)
    spread = _DEVIATIONS * 4.343 * np.sqrt(polygamma(1, freedom))
    bias = 4.343 * (np.log(freedom) - digamma(freedom))
    return spread + bias, spread - bias


def _widen(octave: int, span: int, mean_db: np.ndarray, count: np.ndarray) -> _Region:
    """The region around the largest error, extended while neighbours have similar errors."""
    worst = mean_db[octave, span]

    def is_similar(o: int, s: int, share: float = _SIMILAR) -> bool:
        inside = 0 <= o < mean_db.shape[0] and 0 <= s < mean_db.shape[1]
        return inside and bool(count[o, s]) and mean_db[o, s] * np.sign(worst) > share * abs(worst)

    first, last = span, span + 1
    while is_similar(octave, first - 1):
        first -= 1
    while is_similar(octave, last, _SIMILAR_LATER):
        last += 1
    low, high = octave, octave + 1
    while is_similar(low - 1, span):
        low -= 1
    while is_similar(high, span):
        high += 1
    part = np.s_[low:high, first:last]
    return _Region((low, high), (first, last), float((mean_db[part] * count[part]).sum() / count[part].sum()))


def _describe_region(region: _Region, mean_db: np.ndarray, count: np.ndarray) -> str:
    (low, high), (first, last) = region.octaves, region.spans
    active = np.flatnonzero(count[low:high].sum(axis=0))
    ends = count[low:high, last:].sum() < count[low:high, first:last].sum() / 3.0
    when = (
        ""
        if first <= active[0] and ends
        else f" after {_seconds(SPANS_S[first])}"
        if ends
        else (
            f" in the first {_seconds(SPANS_S[last])}"
            if first == 0
            else f" from {_seconds(SPANS_S[first])} to {_seconds(SPANS_S[last])}"
        )
    )
    amount = abs(region.error_db)
    amount_text = (
        "24 dB or more" if amount > 0.97 * _CLIP_DB else f"{amount:.0f} dB" if amount >= 3.0 else f"{amount:.1f} dB"
    )
    sentence = f"{amount_text} too {'loud' if region.error_db > 0 else 'quiet'} {_describe_octaves(low, high)}{when}"
    if first == 0 or not ends:
        return sentence
    before = mean_db[low:high, :first][count[low:high, :first] > 0]
    if before.size and np.abs(before).mean() < 0.5 * amount:
        sentence += ", so it rings too long" if region.error_db > 0 else ", so it dies away too fast"
    return sentence


def _describe_octaves(low: int, high: int) -> str:
    top = len(OCTAVES_HZ) - 2
    if low == 0 and high > top:
        return "at all frequencies"
    if low == 0:
        return f"below {_hertz(OCTAVES_HZ[high])}"
    if high > top:
        return f"above {_hertz(OCTAVES_HZ[low])}"
    return f"between {_hertz(OCTAVES_HZ[low])} and {_hertz(OCTAVES_HZ[high])}"


def _describe_good_fit(mean_db: np.ndarray, size: np.ndarray, background_db: np.ndarray, peak_db: float) -> str:
    order = np.argsort(np.abs(mean_db[size > 0.0]))
    reached = np.cumsum(size[size > 0.0][order])
    within_db = np.abs(mean_db[size > 0.0])[order][np.searchsorted(reached, 0.9 * reached[-1])]
    sentence = f"good: within {max(0.1, float(within_db)):.1f} dB almost everywhere"
    power = float(db_to_power(background_db)[:, -8:].mean(axis=1).sum())
    if power > db_to_power(peak_db - _ACTIVE_DB):
        sentence += f"; background {peak_db - power_to_db(power):.0f} dB under the hit is left out"
    return sentence


def _hertz(frequency_hz: float) -> str:
    return f"{frequency_hz / 1000:g} kHz" if frequency_hz >= 1000 else f"{frequency_hz:.0f} Hz"


def _seconds(time_s: float) -> str:
    return f"{1000 * time_s:.0f} ms" if time_s < 0.1 else f"{time_s:g} s"
