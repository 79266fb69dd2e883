"""Estimate the lag of a clip's picture behind its sound from the onsets found in each."""

from __future__ import annotations

import numpy as np

from engine.onsets.track import OnsetTrack

MAX_LAG_S = 0.2
STEP_S = 0.002
WIDTH_S = 0.02
"""Standard deviation of a match; that of the network's timing on film that is in step."""
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
    gaps_s = np.asarray([onset.time_s for onset in seen])[:, None] - np.asarray([onset.time_s for onset in heard])
    force = np.asarray([onset.strength for onset in seen])[:, None] * np.asarray([onset.strength for onset in heard])
    lags_s = np.arange(-MAX_LAG_S, MAX_LAG_S + STEP_S / 2, STEP_S)
    matched = np.asarray(
        [(force * np.exp(-0.5 * ((gaps_s - lag_s) / WIDTH_S) ** 2)).max(axis=1).sum() for lag_s in lags_s]
    )
    merit = matched - COST_PER_S * np.abs(lags_s) * matched.max()
    best = int(np.argmax(merit))
    by_chance = matched.mean()
    if matched[best] - by_chance < MIN_CONTRAST * np.sqrt(by_chance * force.mean()):
        return None
    nearest = np.abs(gaps_s - lags_s[best]).argmin(axis=1)
    pairs_s = gaps_s[np.arange(len(seen)), nearest]
    close_s = pairs_s[np.abs(pairs_s - lags_s[best]) < REFINE_S]
    return float(np.median(close_s)) if len(close_s) >= MIN_MATCHES else None
