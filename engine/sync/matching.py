"""Pairs of blows seen and heard along a line of lag and drift, and the robust line through their offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from engine.onsets.track import Onset
from engine.sync.score_map import Line

REACH_S = 0.2
"""Largest distance of a pair from the line: a blow further off counts as not heard."""
NEAR_S = 0.06
"""Largest distance from the line of a pair of which one is not certain: a weak onset further off is chance."""
LEAST_STRENGTH = 0.1
CERTAIN_STRENGTH = 0.5
"""Strength from which one without a partner is told: the detectors' default threshold."""
LEAST_PAIRS, LEAST_SPAN_S = 8, 4.0
"""Drift is measured from so many pairs over so long a span."""
CHANCE = 0.0027
"""A drift counts if chance gives one as steep this rarely, by Student's t test: 3 standard errors of many pairs."""
WIDTH_S = 0.02
LEAST_SPREAD_S = 0.004
"""Error that every offset has at least, as onsets are not told more exactly."""
TUKEY_WIDTH = 4.685
"""Of Tukey's biweight, in standard deviations (95 % efficiency)."""
ROUNDS = 12


@dataclass(frozen=True)
class Pair:
    """A blow seen at ``time_s`` and heard at ``heard_s``; ``confidence`` 0 to 1 in the pair."""

    time_s: float
    heard_s: float
    confidence: float

    @property
    def offset_s(self) -> float:
        """How much later it is heard than seen."""
        return self.heard_s - self.time_s


def match_onsets(
    seen: Sequence[Onset], heard: Sequence[Onset], line: Line
) -> tuple[list[Pair], list[Onset], list[Onset]]:
    """One-to-one pairs of onsets seen and heard, nearest to the line first; then those only seen and only heard.

    Of the last two only certain ones are returned. Heard ones keep the sound's time.
    """
    seen = [onset for onset in seen if onset.strength >= LEAST_STRENGTH]
    heard = [onset for onset in heard if onset.strength >= LEAST_STRENGTH]
    heard_s = np.asarray([onset.time_s for onset in heard])
    found: list[tuple[float, int, int]] = []
    for index, onset in enumerate(seen):
        expected_s = onset.time_s + float(line.offset_at(onset.time_s))
        first, last = np.searchsorted(heard_s, (expected_s - REACH_S, expected_s + REACH_S))
        for other in range(first, last):
            strength = onset.strength * heard[other].strength
            apart = abs(heard_s[other] - expected_s)
            if apart > NEAR_S and min(onset.strength, heard[other].strength) < CERTAIN_STRENGTH:
                continue
            # A weak onset in between must not take the partner of a strong one.
            found.append((apart / REACH_S - 0.5 * strength, index, other))
    partners: dict[int, int] = {}
    taken: set[int] = set()
    for _, index, other in sorted(found):
        if index not in partners and other not in taken:
            partners[index] = other
            taken.add(other)
    pairs = [
        Pair(seen[i].time_s, heard[j].time_s, _confidence(seen[i], heard[j], line))
        for i, j in sorted(partners.items())
        if max(seen[i].strength, heard[j].strength) >= CERTAIN_STRENGTH
    ]
    only_seen = [o for i, o in enumerate(seen) if i not in partners and o.strength >= CERTAIN_STRENGTH]
    only_heard = [o for j, o in enumerate(heard) if j not in taken and o.strength >= CERTAIN_STRENGTH]
    return pairs, only_seen, only_heard


def _confidence(seen: Onset, heard: Onset, line: Line) -> float:
    """Confidence in a pair: both strengths, and that of the line; less for one far from it."""
    apart_s = heard.time_s - seen.time_s - float(line.offset_at(seen.time_s))
    closeness = 1.0 / (1.0 + (apart_s / (4.0 * WIDTH_S)) ** 2)
    return float(np.sqrt(seen.strength * heard.strength) * line.confidence * closeness)


def fit_line(pairs: Sequence[Pair], line: Line) -> Line:
    """The line through the pairs' offsets by Tukey's biweight, from the map's line on.

    Without enough pairs the line's drift stays and its lag moves to the weighted median of the pairs near it. A drift
    that chance explains becomes 0.
    """
    if not pairs:
        return line
    times_s = np.asarray([pair.time_s for pair in pairs])
    offsets_s = np.asarray([pair.offset_s for pair in pairs])
    weights = np.asarray([max(1e-3, pair.confidence) for pair in pairs])
    residual_s = offsets_s - line.offset_at(times_s)
    near = np.abs(residual_s) <= 3.0 * WIDTH_S
    if near.sum() < LEAST_PAIRS or np.ptp(times_s[near]) < LEAST_SPAN_S:
        return replace(line, lag_s=line.lag_s + _median(residual_s[near], weights[near])) if near.any() else line
    slope, chance, flat_s = _fit_slope(times_s - line.middle_s, residual_s, weights)
    if chance > CHANCE:
        # no change of speed is told from the pairs; one that was tried explains the map better than none
        return replace(line, lag_s=line.lag_s + _median(residual_s[near], weights[near]))
    return replace(line, lag_s=line.lag_s + flat_s, drift=line.drift + slope)


def _fit_slope(at_s: np.ndarray, residual_s: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Slope, the probability that chance gives one as steep, and intercept, by iteratively reweighted least squares.

    The slope's error is that of MacKinnon and White 1985 (HC3), which few pairs of unequal weight do not understate,
    with the correction of Huber 1981, section 7.6, for what the biweight leaves out.
    """
    design = np.stack([np.ones_like(at_s), at_s], axis=1)
    fit = np.zeros(2)
    used = weights * (np.abs(residual_s) <= 3.0 * WIDTH_S)
    for _ in range(ROUNDS):
        scaled = design * used[:, None]
        normal = design.T @ scaled + 1e-12 * np.eye(2)
        fit = np.linalg.solve(normal, scaled.T @ residual_s)
        rest_s = residual_s - design @ fit
        spread_s = max(LEAST_SPREAD_S, 1.4826 * _median(np.abs(rest_s), used))
        apart = np.clip(np.abs(rest_s) / (TUKEY_WIDTH * spread_s), 0.0, 1.0)
        used = weights * (1.0 - apart**2) ** 2
    scaled = design * used[:, None]
    inverse = np.linalg.inv(design.T @ scaled + 1e-12 * np.eye(2))
    leverage = np.einsum("ni,ij,nj->n", scaled, inverse, design)
    error_s = np.sqrt(rest_s**2 + LEAST_SPREAD_S**2) / (1.0 - np.clip(leverage, 0.0, 0.99))
    covariance = inverse @ (scaled.T @ (scaled * error_s[:, None] ** 2)) @ inverse
    bend = np.where(apart < 1.0, (1.0 - apart**2) * (1.0 - 5.0 * apart**2), 0.0)  # the biweight's second derivative
    kept = float(np.clip((weights * bend * (used > 0.0)).sum() / used.sum(), 0.2, 1.0))
    freedom = used.sum() ** 2 / max(1e-12, float((used**2).sum())) - 2.0
    steepness = abs(float(fit[1])) / float(np.sqrt(covariance[1, 1])) * kept
    return float(fit[1]), float(2.0 * special.stdtr(max(1.0, freedom), -steepness)), float(fit[0])


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])]) if len(values) else 0.0
