"""Estimate the lag of a clip's picture behind its sound from the onsets found in each."""

from __future__ import annotations

import numpy as np

from engine.onsets.track import OnsetTrack

MAX_LAG_S = 0.2
STEP_S = 0.002
WIDTH_S = 0.02
"""Standard deviation of a match; that of the network's timing on film that is in step."""
REACH = 6.0
"""Standard deviations beyond which a match weighs nothing."""
REFINE_S = 0.05
"""Pairs this close at the best lag decide its last milliseconds."""
MIN_MATCHES = 5
MIN_CONTRAST = 5.0
"""Excess of the best lag's matches over the mean of all lags, in standard deviations of a chance count of that mean."""
MIN_STRENGTH = 0.3
COST_PER_S = 0.5
"""Share of the matches that a lag longer by a second must gain."""


def estimate_lag(picture: OnsetTrack, sound: OnsetTrack) -> float | None:
    """Seconds by which the picture is later than the sound (negative: earlier); None where that is uncertain.

    Onsets of the two are matched at every lag, each weighted by its strengths. The lag of the best match is refined by
    the median of the pairs' distances.
    """
    seen = [onset for onset in picture.candidates if onset.strength >= MIN_STRENGTH]
    heard = [onset for onset in sound.candidates if onset.strength >= MIN_STRENGTH]
    if len(seen) < MIN_MATCHES or len(heard) < MIN_MATCHES:
        return None
    seen_s, seen_force = np.array(sorted((onset.time_s, onset.strength) for onset in seen)).T
    heard_s, heard_force = np.array(sorted((onset.time_s, onset.strength) for onset in heard)).T
    first, second = find_near_pairs(seen_s, heard_s)
    if not len(first):
        return None
    gaps_s, force = seen_s[first] - heard_s[second], seen_force[first] * heard_force[second]
    starts = np.flatnonzero(np.diff(first, prepend=-1))  # of the pairs of each onset that is seen
    lags_s = np.arange(-MAX_LAG_S, MAX_LAG_S + STEP_S / 2, STEP_S)
    matched = np.asarray(
        [
            np.maximum.reduceat(force * np.exp(-0.5 * ((gaps_s - lag_s) / WIDTH_S) ** 2), starts).sum()
            for lag_s in lags_s
        ]
    )
    merit = matched - COST_PER_S * np.abs(lags_s) * matched.max()
    best = int(np.argmax(merit))
    by_chance = matched.mean()
    if matched[best] - by_chance < MIN_CONTRAST * np.sqrt(by_chance * seen_force.mean() * heard_force.mean()):
        return None
    apart_s = np.abs(gaps_s - lags_s[best])
    nearest = np.lexsort((apart_s, first))[starts]
    close_s = gaps_s[nearest][apart_s[nearest] < REFINE_S]
    return float(np.median(close_s)) if len(close_s) >= MIN_MATCHES else None


def find_near_pairs(seen_s: np.ndarray, heard_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of all pairs of a time [N] and a time [M] that a lag could match, by rising first index.

    Both are sorted. What is further apart weighs nothing; of a long clip's onsets few are near each other.
    """
    reach_s = MAX_LAG_S + REACH * WIDTH_S
    low, high = np.searchsorted(heard_s, seen_s - reach_s), np.searchsorted(heard_s, seen_s + reach_s)
    counts = high - low
    first = np.repeat(np.arange(len(seen_s)), counts)
    return first, np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
